"""Claims on single gates and on small data, on made-up runs with a known truth."""

from dataclasses import replace

import pytest
from helpers.claims import ahead, claim_of, verdict
from helpers.made_up import make_curve, make_gate, make_result

from gru_bench.runs.probe_results import GateEnds, Probes


def gated(cell="gru", kept_share=0.5, **ends):
    values = {
        "z_kept": 1.0, "kept": 0.0, "z_replaced": 0.0, "replaced": 0.0, "reset_shut": 0.0,
        "reset_open": 0.8,
    } | ends  # fmt: skip
    gate = replace(make_gate(0.5), by_unit=[kept_share] * 4)
    probes = Probes(
        gradients=None, gates=[{"kept": gate}], gate_ends=GateEnds(**values), lengths=None
    )
    return replace(make_result("adding", cell), probes=probes)


def test_the_update_gate_is_read_by_its_convention():
    assert verdict("update_gate", [gated(z_kept=1.0, z_replaced=0.0)]) == "supported"
    assert verdict("update_gate", [gated(z_kept=0.0, z_replaced=1.0)]) == "refuted"
    assert verdict("update_gate", [gated(kept=0.1)]) == "refuted"
    # The other convention is shown beside.
    other = [gated(z_kept=0.0, z_replaced=1.0), gated("gru_reset_after")]
    claim = claim_of("update_gate", other)
    assert [test.shown_finding for test in claim.tests] == ["against", "(for)"]
    assert verdict("update_gate", [make_result("adding")]) == "not measured"


@pytest.mark.parametrize(
    ("name", "ends", "share", "expected"),
    [
        ("reset_shut", {}, 0.01, ("supported", "supported")),
        ("reset_shut", {}, 0.5, ("supported", "refuted")),
        ("reset_shut", {"reset_shut": 0.2}, 0.01, ("refuted", "supported")),
        ("reset_open", {}, 0.01, ("supported", "supported")),
        ("reset_open", {}, 0.5, ("supported", "refuted")),
        ("reset_open", {"reset_open": 0.0}, 0.01, ("refuted", "supported")),
    ],
)
def test_the_reset_gate_acts_on_the_candidate_and_the_unit_keeps_its_state(
    name, ends, share, expected
):
    verdicts = claim_of(name, [gated(kept_share=share, **ends)]).part_verdicts
    assert tuple(verdicts.values()) == expected


def overfitting(excess, loss_excess=0.0, documents=200, test=0.9, n=8, corpus="a"):
    """An LSTM whose gap and whose validation loss are so much larger than the GRU's."""
    runs = ahead([0.0] * n, base=test, corpus=corpus, task={"train_documents": documents})
    made = []
    for run in runs:
        more = (excess, loss_excess) if run.cell == "lstm" else (0.0, 0.0)
        curve = replace(
            make_curve([0.9, 0.9]), train_loss=[0.5, 0.1], validation_loss=[1.0 + more[1]] * 2
        )
        seeds = [
            replace(
                seed,
                train={run.score.name: test + 0.05 + more[0]},
                curve=curve,
            )
            for seed in run.seeds
        ]
        made.append(replace(run, seeds=seeds))
    return made


@pytest.mark.parametrize(
    ("excess", "loss_excess", "expected"),
    [
        (0.03, 0.1, "supported"),
        (-0.03, 0.1, "refuted"),
        (0.03, -0.1, "refuted"),  # the larger gap is that of more training
        (0.03, 0.0, "undecided here"),
    ],
)
def test_overfitting_is_judged_at_equal_training_loss_as_well(excess, loss_excess, expected):
    results = [run for corpus in "ab" for run in overfitting(excess, loss_excess, corpus=corpus)]
    assert verdict("overfitting", results) == expected


def test_subsets_of_documents_are_the_pairs_where_there_are_several():
    results = [
        replace(run, config=run.config | {"task": run.config["task"] | {"subset": subset}})
        for subset in range(8)
        for run in overfitting(0.03 + 0.001 * subset, 0.1, test=0.8 + 0.02 * subset, n=2)
    ]
    gap, loss = claim_of("overfitting", results).voting
    # Scores are means over the subsets.
    assert gap.figure == (
        "lstm minus gru 3.35 points [3.00, 3.50], 8 pairs; test: lstm 87%, gru 87%"
    )
    assert (gap.finding, loss.finding) == ("for", "for")
    few = [run for run in results if run.config["task"]["subset"] < 5]
    assert {test.finding for test in claim_of("overfitting", few).voting} == {"open"}


def test_overfitting_is_of_small_data():
    assert verdict("overfitting", overfitting(0.03, documents=None)) == "not measured"
    assert verdict("overfitting", overfitting(0.03, documents=5000)) == "not measured"
    few = claim_of("overfitting", overfitting(0.03, 0.1, n=5))
    assert {test.finding for test in few.voting} == {"open"}
    gap, loss = claim_of("overfitting", overfitting(0.03, 0.1)).voting
    assert gap.figure == "lstm minus gru 3 points [3, 3], 8 pairs; test: lstm 90%, gru 90%"
    assert loss.figure == "lstm minus gru 0.1 [0.1, 0.1] nats, 8 pairs"


def test_a_training_loss_that_is_never_reached_says_nothing():
    results = overfitting(0.03)
    high = [
        replace(
            run,
            seeds=[
                replace(seed, curve=replace(seed.curve, train_loss=[0.9, 0.8]))
                for seed in run.seeds
            ],
        )
        for run in results
    ]
    assert {test.part for test in claim_of("overfitting", high).tests} == {"gap"}
