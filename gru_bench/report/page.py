"""The page: one HTML file that needs nothing else, to read, to print and to send."""

from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

import jinja2
import yaml
from markupsafe import Markup

from gru_bench.report import answers, tables
from gru_bench.report.groups import Group, Run
from gru_bench.report.plots import Picture


def to_html(
    groups: Sequence[Group], warnings: Sequence[str], pictures: Mapping[str, Sequence[Picture]]
) -> str:
    """The report as one HTML document.

    Args:
        groups: What to show, in this order.
        warnings: What was passed over, a line each.
        pictures: Figures by the label of their group.
    """
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    source = files(__package__).joinpath("page.html.jinja").read_text(encoding="utf-8")
    runs = [run for group in groups for run in group.runs]
    return environment.from_string(source).render(
        groups=[_group(group, pictures.get(group.label, ())) for group in groups],
        tasks=", ".join(dict.fromkeys(group.runs[0].result.task_label for group in groups)),
        run_count=len(runs),
        seed_count=sum(len(run.result.seeds) for run in runs),
        days=_days([run.result.created for run in runs]),
        notes=tables.notes(groups),
        warnings=warnings,
        machines=tables.machines(groups),
    )


def _group(group: Group, pictures: Sequence[Picture]) -> dict[str, Any]:
    return {
        "label": group.label,
        "slug": group.slug,
        "heading": tables.heading(group),
        "summary": answers.summary(group),
        "columns": tables.columns(group),
        "rows": [tables.cells(group, run) for run in group.runs],
        "evidence": answers.evidence(group),
        # The one place where markup is taken as it is: Matplotlib wrote it, escaping all text.
        "pictures": [(Markup(p.svg), p.title, p.caption) for p in pictures],
        "runs": [_run(group, run) for run in group.runs],
    }


def _run(group: Group, run: Run) -> dict[str, Any]:
    """What the details of one run show: its seeds, its cost, its configuration."""
    result = run.result
    facts = []
    if step := result.timing.train_step_ms:
        facts.append(
            f"Training step: median {step.median:.3g} ms, quartiles {step.low:.3g} to"
            f" {step.high:.3g} ms."
        )
    facts.append(
        f"Parameters: cell {result.parameters.cell:,}, whole model {result.parameters.total:,}."
    )
    names = list(result.seeds[0].test)
    return {
        "name": group.name(run),
        "facts": facts,
        "names": [*(f"test {name}" for name in names), f"validation {group.score_name}"],
        "seeds": [
            {
                "seed": seed.seed,
                "scores": [
                    _score(v)
                    for v in (
                        *(seed.test.get(name) for name in names),
                        seed.validation.get(group.score_name),
                    )
                ],
                "best_step": _count(seed.best_step),
                "solved_step": _count(seed.solved_step),
                "steps": _count(seed.steps)
                + (
                    f", diverged at {seed.diverged_step:,}"
                    if seed.diverged_step is not None
                    else ""
                ),
            }
            for seed in result.seeds
        ],
        "command": result.command,
        "identity": result.identity,
        "created": result.created,
        "config": yaml.safe_dump(result.config, sort_keys=False, allow_unicode=True),
    }


def _days(created: Sequence[str]) -> str:
    first, last = min(created)[:10], max(created)[:10]
    return first if first == last else f"{first} to {last}"


def _score(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"


def _count(value: int | None) -> str:
    return "-" if value is None else f"{value:,}"
