"""The ledger of the committed reference: by which rules, from which parts, and what is missing."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import compress

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from gru_bench.evidence.claims.claim import Claim
from gru_bench.evidence.claims.flatness import is_flat
from gru_bench.evidence.claims.reference import Reference, changed_verdicts
from gru_bench.evidence.claims.rules import Kind, Rules
from gru_bench.evidence.interval_text import format_interval
from gru_bench.evidence.runtimes import RuntimeFigures
from gru_bench.report.formats.markdown import escape, folded_table, ledger_lines
from gru_bench.report.ledger import Ledger, print_claims, sort_claims
from gru_bench.report.reported_run import ReportedRun
from gru_bench.runs.result import Result
from gru_bench.system.prose import counted

# The kinds of parts whose scores are listed, and what is listed of each run.
SCORED: tuple[Kind, ...] = ("scores", "outside", "lengths")
SCORES_TITLE = "Test scores of tasks, of lengths and of what stands outside: means over seeds"
SCORE_COLUMNS = ("part", "cell", "score", "mean and 95% interval", "solved", "learning rate")


@dataclass(frozen=True)
class JudgedReference:
    """What a reference says of the claims.

    Attributes:
        heading: By which rules it is judged, and from what.
        ledger: The claims with their verdicts.
        scores: The entries of `SCORE_COLUMNS` for each run of the parts of `SCORED`.
        notes: What a reader of the verdicts has to know: gaps, limits, and what other rules say.
    """

    heading: str
    ledger: Ledger
    scores: list[list[str]]
    notes: list[str]


def judge_reference(
    reference: Reference, rules: Rules, runtimes: RuntimeFigures | None
) -> JudgedReference:
    """Returns what a reference says of the claims, by some rules and by those of its parts."""
    claims = reference.judge(rules, runtimes)
    notes = [
        *missing(claims, reference, rules),
        *choices_at_an_end(reference, rules),
        *short_budgets(reference, rules),
    ]
    for digits, earlier in reference.earlier_rules(rules).items():
        before = reference.judge(earlier, runtimes)
        notes += _changes(digits, earlier, changed_verdicts(before, claims))
    scores = score_rows(reference, rules)
    return JudgedReference(heading(reference, rules), sort_claims(claims), scores, notes)


def print_reference(judged: JudgedReference, console: Console) -> None:
    """Prints the claims as a reference speaks of them, and all that a reader has to know of it."""
    console.print(Text(judged.heading, "bold"))
    print_claims(judged.ledger, console)
    for line in judged.notes:
        console.print(Text(line))


def to_markdown(judged: JudgedReference) -> str:
    """Returns the same as a page of Markdown, with every test of each claim."""
    lines = [
        *("# The ledger of the reference", "", f"{judged.heading}.", ""),
        *ledger_lines(judged.ledger),
        *folded_table(SCORES_TITLE, SCORE_COLUMNS, 3, judged.scores),
        *(f"- {escape(note)}" for note in judged.notes),
    ]
    return "\n".join(lines) + "\n"


def print_parts(reference: Reference, rules: Rules, console: Console) -> None:
    """Prints the parts of a reference: what they are for, what they cost, which are done."""
    table = Table(box=SIMPLE_HEAD, padding=(0, 1), show_edge=False, pad_edge=False)
    for name, justify in (("part", "left"), ("of", "left"), ("minutes", "right"), ("", "left")):
        table.add_column(name, justify=justify, no_wrap=True)  # type: ignore[arg-type]
    for name, part in rules.parts.items():
        table.add_row(name, part.kind, str(part.minutes), reference.state(name, rules))
    console.print(table)
    left = [p.minutes for n, p in rules.parts.items() if reference.state(n, rules) != "done"]
    console.print(
        f"{counted(len(rules.parts), 'part')}, {len(left)} to do: about {sum(left)} minutes on two"
        " cores. gru-bench claims --part NAME makes one, --part all every one that is missing."
    )


def heading(reference: Reference, rules: Rules) -> str:
    """Returns by which rules is judged, and from what."""
    done = reference.done(rules)
    revisions = {reference.records[name].revision or "unknown" for name in done}
    parts = f"{len(done)} of {counted(len(rules.parts), 'part')}"
    made = f", made at {', '.join(sorted(each[:9] for each in revisions))}" if done else ""
    return f"Rules {rules.digits} of {rules.date}. {parts}{made}"


def missing(claims: Sequence[Claim], reference: Reference, rules: Rules) -> list[str]:
    """Returns a line for each claim that lacks parts, with the command that makes the next."""
    lines = []
    for claim in claims:
        lacking = reference.lacking(claim.name, rules)
        if lacking:
            state = "not measured" if not claim.voting else "not all measured"
            lines.append(
                f"{claim.number}. {state}, {counted(len(lacking), 'part')} to do:"
                f" gru-bench claims --part {lacking[0]}"
            )
    return lines


def choices_at_an_end(reference: Reference, rules: Rules) -> list[str]:
    """Returns a line on the learning rates that were chosen at an end of their grid, if any."""
    found = [
        f"{name}: {', '.join(cells)} ({rate:g})"
        for name in reference.done(rules)
        for rate, cells in cells_at_an_end(reference.results[name]).items()
    ]
    if not found:
        return []
    return [f"Learning rates chosen at an end of those tried: {'; '.join(found)}"]


def cells_at_an_end(results: Sequence[Result]) -> dict[float, list[str]]:
    """Returns the cells that chose a learning rate at an end of their grid, by that rate."""
    found: dict[float, set[str]] = defaultdict(set)
    for result in results:
        if result.tuning is not None and result.tuning.chosen_rate_is_at_an_end:
            found[result.tuning.chosen].add(result.cell)
    return {rate: sorted(cells) for rate, cells in sorted(found.items())}


def short_budgets(reference: Reference, rules: Rules) -> list[str]:
    """Returns a line on the parts whose cells still gained at the end of their budget, if any."""
    found = [
        f"{name}: {', '.join(rising)}"
        for name in reference.done(rules)
        if rules.parts[name].kind in rules.flat.kinds
        and (rising := still_rising(reference.results[name], rules))
    ]
    if not found:
        return []
    when = f"in the last {rules.flat.last_share:.0%} of the budget"
    return [f"Still gaining more than matters {when}: {'; '.join(found)}"]


def still_rising(results: Sequence[Result], rules: Rules) -> list[str]:
    """Returns the cells that still gained at the end of their budget, with how hard it was."""
    rising = (is_flat(result, rules.flat) is False for result in results)
    return sorted(set(compress(_names(results), rising)))


def score_rows(reference: Reference, rules: Rules) -> list[list[str]]:
    """Returns the entries of `SCORE_COLUMNS` for each run of the parts of `SCORED`."""
    return [
        [part, name, *_score(result)]
        for part in reference.done(rules)
        if rules.parts[part].kind in SCORED
        for name, result in sorted(
            zip(_names(reference.results[part]), reference.results[part], strict=True),
            key=lambda named: (named[1].difficulty or 0, named[0]),
        )
    ]


def _score(run: Result) -> tuple[str, ...]:
    """Returns what is listed of the score of a run."""
    mean = ReportedRun(run, {}).score
    shown = "-"
    if mean is not None and run.score.is_share:
        shown = format_interval(mean, 100, unit="%", digits=".1f")
    elif mean is not None:
        shown = format_interval(mean)
    rate = run.config["optim"]["learning_rate"] if run.tuning is None else run.tuning.chosen
    return run.score.in_words, shown, run.solved_in_words, f"{rate:g}"


def _names(runs: Sequence[Result]) -> list[str]:
    """Returns the cells of runs, and how hard each one's task was if that differs."""
    alike = len({run.difficulty for run in runs}) == 1
    return [run.cell if alike else f"{run.cell}{_at_difficulty(run)}" for run in runs]


def _at_difficulty(run: Result) -> str:
    """Returns how hard the task of a run was, such as ` at length 100`; empty if nothing says."""
    if run.axis is None or run.difficulty is None:
        return ""
    return f" at {run.axis.removeprefix('task.')} {run.difficulty:g}"


def _changes(
    digits: str, earlier: Rules, changed: Sequence[tuple[str, object, object]]
) -> list[str]:
    """Returns what the same runs come to under earlier rules."""
    lines = [f"Parts were made under rules {digits} of {earlier.date}, which are no longer these."]
    if not changed:
        return [*lines, "Judged by those, every verdict is the same."]
    return [
        *lines,
        *(
            f"Judged by those: {before or 'no such claim'}, by these: {after}. {sentence}"
            for sentence, before, after in changed
        ),
    ]
