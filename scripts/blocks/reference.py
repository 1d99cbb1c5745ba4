"""The blocks on what the reference of the claims says, and how far it goes."""

import re
from collections import defaultdict

from blocks.committed import (
    CELLS,
    CHRONO,
    DEFAULT,
    Row,
    claims,
    evidence,
    horizon,
    is_error,
    markdown_rows,
    read_json,
    read_text,
    reference,
    setting_of,
    show_score,
    table,
)
from blocks.outcomes import TASKS, ahead, passing_wins
from gru_bench.evidence.claims.lags import show_horizon
from gru_bench.evidence.claims.rules import current_rules
from gru_bench.evidence.claims.setting import Setting
from gru_bench.evidence.planning import fewest_pairs
from gru_bench.report.ledger import count_findings, show_verdict
from gru_bench.report.reference_ledger import cells_at_an_end, still_rising
from gru_bench.runs.result import Result


def scores() -> str:
    """Returns the scores of the reference, a row for each task, and who is ahead."""
    return table(
        f"task | {' | '.join(CELLS)} | chrono: gru | chrono: lstm | gru or lstm",
        [_scores_of(task, words) for task, words in TASKS.items()],
    )


def _scores_of(task: str, words: str) -> list[str]:
    default, chrono = (setting_of(task, start) for start in (DEFAULT, CHRONO))
    runs = [*(default.runs[cell] for cell in CELLS), chrono.runs["gru"], chrono.runs["lstm"]]
    score = f"{runs[0].score.in_words} {'↓' if is_error(runs[0]) else '↑'}"
    return [f"{words}: {score}", *map(_cell, runs), ahead(task)]


def _cell(run: Result) -> str:
    """Returns a score, with how many seeds solved the task if it has such a mark."""
    shown = show_score(run)
    return shown if run.solved is None else f"{shown} ({run.solved})"


def ledger() -> str:
    """Returns the claims with their verdicts, as the reference has them."""
    rows = [
        [f"{claim.number}. {claim.sentence}", show_verdict(claim), count_findings(claim)]
        for claim in claims()
    ]
    return table("claim | verdict | tests", rows)


def passing() -> str:
    """Returns the wins that hold at too few initialisations and budgets to be called wins."""
    rows = [[TASKS[task], *of_win] for task, *of_win in passing_wins()]
    return table("task | better | holds at", rows) if rows else "Every win survives."


def limits() -> str:
    """Returns where grids of learning rates and budgets were too short to be sure."""
    rules, rows = current_rules(), []
    beyond: dict[str, list[Row]] = defaultdict(list)
    for row in read_json("reference/claims/beyond_the_grid.json"):
        beyond[row["part"]].append(row)
    for part in reference().done(rules):
        results = reference().results[part]
        ends = [
            f"{', '.join(cells)} ({rate:g})" for rate, cells in cells_at_an_end(results).items()
        ]
        rising = still_rising(results, rules) if rules.parts[part].kind in rules.flat.kinds else []
        if ends or rising:
            rows.append([f"`{part}`", "; ".join(ends), _better(beyond[part]), ", ".join(rising)])
    return table(
        "part | rate chosen at an end of the grid | one rate beyond is better | still gained", rows
    )


def _better(beyond: list[Row]) -> str:
    """Returns for which cells a rate beyond the grid would have been chosen."""
    if not beyond:
        return ""
    found = [f"{row['cell']} ({row['beyond']:g})" for row in beyond if row["is_better"]]
    return ", ".join(found) or f"none of {len(beyond)}"


def horizons() -> str:
    """Returns how far each cell bridges some tasks, and how far with its gradients changed."""
    from_default = [(cell, cell, True) for cell in ("gru", "lstm", "rnn")]
    changed = [
        ("rnn", "rnn, gradients kept alive", False),
        ("gru", "gru, gradients let die", False),
    ]
    tasks = {
        "adding": "adding",
        "copy": "copy",
        "selective_copy": "selective copying, one symbol",
    }
    spans = {
        words: [horizon(task, cell, is_default) for task in tasks]
        for cell, words, is_default in [*from_default, *changed]
    }
    rows = [[words, *map(show_horizon, of_tasks)] for words, of_tasks in spans.items()]
    unsolved = [
        f"\n\nOn {task} none of them solved even the shortest lag within this budget, so that it\n"
        "tells nothing of lags here."
        for task, of_cells in zip(tasks, zip(*spans.values(), strict=True), strict=True)
        if not any(span.estimate for span in of_cells)
    ]
    return table(f"cell | {' | '.join(tasks.values())}", rows) + "".join(unsolved)


def grown() -> str:
    """Returns how cells of equal parameters do as sequences grow, and what a step takes."""
    cells = ("gru", "lstm", "mingru", "attention")
    rows = []
    for setting in sorted(evidence().of("lengths"), key=lambda each: (each.task_label, _lag(each))):
        level = f"{(setting.axis or '').removeprefix('task.')} {_lag(setting):g}"
        rows.append(
            [f"{setting.task_label}, {level}", *(_grown(setting.runs[cell]) for cell in cells)]
        )
    units = (f"{cell}, {_units(cell)} units" for cell in cells)
    return table(f"task | {' | '.join(units)}", rows)


def _lag(setting: Setting) -> float:
    assert setting.lag is not None
    return setting.lag


def _grown(run: Result) -> str:
    step = run.timing.train_step_ms
    assert step is not None
    return f"{show_score(run)} ({run.solved_in_words}); {step.median:.2g} ms"


def _units(cell: str) -> str:
    """Returns how many units a cell has in the parts on lengths."""
    sizes = sorted({setting.runs[cell].hidden_size for setting in evidence().of("lengths")})
    return " or ".join(map(str, sizes))


def solvable() -> str:
    """Returns how small models do on tasks that need an exact memory."""
    cells = ("gru", "lstm", "attention")
    by_task: dict[str, dict[str, Row]] = {}
    for row in read_json("tasks/solvable.json"):
        by_task.setdefault(row["task"], {})[row["cell"]] = row
    rows = [
        [f"`{task}`", *(_solvable(of[cell]) if cell in of else "-" for cell in cells)]
        for task, of in by_task.items()
    ]
    return table(f"task | {' | '.join(cells)}", rows)


def _solvable(row: Row) -> str:
    return f"{row['solved']} of {row['seeds']}; {row['score_mean']:.0%}"


def start_shares() -> str:
    """Returns how the share of its state that a gated cell keeps at the start was chosen."""
    path = "starts/choice.md"
    (shares,) = re.findall(r"^\| task \| cell \| (.*) \|$", read_text(path), re.MULTILINE)
    by_row = {
        (task.strip("*"), cell): dict(zip(shares.split(" | "), map(float, values), strict=True))
        for task, cell, *values in markdown_rows(path)
    }
    means, lstm = by_row["mean", ""], by_row["copy", "lstm"]
    (chosen,) = re.findall(r"^Chosen: (.*)\.$", read_text(path), re.MULTILINE)
    others = [f"{value:.2f} at {share}" for share, value in means.items() if share != chosen]
    return (
        f"The mean over all was {means[chosen]:.2f} of the way to the best run at {chosen}, against"
        f" {', '.join(others[:-1])} and {others[-1]}. It matters most to the LSTM, on copy"
        f" {lstm[chosen]:.2f} against {lstm['0.5']:.2f} at 0.5, and less to the GRUs; no share is"
        " the best for every cell on every task."
    )


def fewest_seeds() -> str:
    """Returns how many seeds a verdict takes."""
    return (
        f"No verdict rests on fewer than {fewest_pairs(1)} seeds; among three cells none can be had"
        f" under {fewest_pairs(3)}, among four under {fewest_pairs(6)}."
    )
