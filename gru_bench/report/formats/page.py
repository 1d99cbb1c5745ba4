"""The report as a page: one HTML file that needs nothing else, to read, to print and to send."""

import base64
import hashlib
from collections.abc import Sequence
from importlib.resources import files
from typing import Any

import jinja2
import yaml
from markupsafe import Markup

from gru_bench.evidence.run_settings import show_keys
from gru_bench.report import summary, tables
from gru_bench.report.best_settings import best_settings
from gru_bench.report.detail_tables import detail_tables
from gru_bench.report.document import Document, TaskSection
from gru_bench.report.explanations import CELLS, TASKS, Explanation
from gru_bench.report.figures.canvas import Picture
from gru_bench.report.groups import Group
from gru_bench.report.ledger import SIGNS, Ledger, count_findings, deciding, show_parts
from gru_bench.report.overall import overall_tables
from gru_bench.report.reported_run import ReportedRun

# Nothing is loaded, and no script but the page's own runs, whatever a foreign result may hold.
POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:;"
    " script-src 'sha256-{script}'; base-uri 'none'; form-action 'none'"
)


def to_html(document: Document) -> str:
    """Returns the report as one HTML document."""
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    source, script = (
        files(__package__).joinpath(name).read_text(encoding="utf-8")
        for name in ("page.html.jinja", "sort.js")
    )
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    runs = [run for group in document.groups for run in group.runs]
    return environment.from_string(source).render(
        script=Markup(script),
        policy=POLICY.format(script=digest),
        answer=document.answer,
        overview=[_picture(picture) for picture in document.overview],
        explained=_explained(document),
        best_settings=best_settings(document.groups),
        is_folded=len(document.groups) > tables.MOST_SHOWN,
        tasks=[_task(document, task) for task in document.tasks],
        brackets=summary.brackets(document.groups).replace("`", ""),
        published=document.published,
        overall=overall_tables(document.groups),
        ledger=None if document.ledger is None else _ledger(document.ledger),
        run_count=len(runs),
        seed_count=sum(len(run.result.seeds) for run in runs),
        days=_days([run.result.created for run in runs]),
        notes=tables.notes(document.groups),
        warnings=document.warnings,
        commands=document.commands,
        runs=[_run(group, run) for group in document.groups for run in group.runs],
        machines=tables.machines(document.groups),
    )


def _explained(document: Document) -> list[tuple[str, list[tuple[Markup, Explanation]]]]:
    """Returns what is said of the tasks and cells of the report, under two headings."""
    runs = [run for group in document.groups for run in group.runs]
    tasks = dict.fromkeys(str(run.settings["task.name"]) for run in runs)
    cells = dict.fromkeys(run.result.cell for run in runs)
    explained = {
        "The tasks": [TASKS[name] for name in tasks if name in TASKS],
        "The cells": [CELLS[name] for name in cells if name in CELLS],
    }
    return [
        (heading, [(Markup(each.drawing), each) for each in explanations])
        for heading, explanations in explained.items()
        if explanations
    ]


def _task(document: Document, task: TaskSection) -> dict[str, Any]:
    several = len(task.groups) > 1
    say = summary.brief if several else summary.summary
    return {
        "label": task.label,
        "groups": [
            _group(group, say(group), document.pictures.get(group.slug, ()))
            for group in task.groups
        ],
        "series": [
            {
                "label": series.label,
                "name": series.name,
                "slug": series.slug,
                "pictures": [_picture(p) for p in document.pictures.get(series.slug, ())],
            }
            for series in task.series
        ],
    }


def _group(group: Group, outcome: str, pictures: Sequence[Picture]) -> dict[str, Any]:
    columns = tables.columns(group)
    return {
        "label": group.label,
        "setting": show_keys(group.keys)[1:-1],
        "slug": group.slug,
        "heading": tables.heading(group),
        "answer": summary.with_command(outcome, group),
        "columns": columns,
        "rows": tables.in_rows(columns),
        "detail_tables": detail_tables(group),
        "pictures": [_picture(picture) for picture in pictures],
    }


def _picture(picture: Picture) -> tuple[Markup, str, str]:
    """Takes markup as it is: Matplotlib wrote it, escaping all text."""
    return Markup(picture.svg), picture.title, picture.caption


def _ledger(ledger: Ledger) -> dict[str, Any]:
    return {
        "claims": [
            {
                "number": claim.number,
                "sentence": claim.sentence,
                "sign": SIGNS[claim.verdict],
                "verdict": claim.verdict,
                "parts": show_parts(claim),
                "figures": [(test.what, test.figure) for test in deciding(claim)],
                "count": count_findings(claim),
                "how": claim.how,
                "tests": claim.tests,
            }
            for claim in ledger.tested
        ],
        "untested": ledger.untested_line(),
    }


def _run(group: Group, run: ReportedRun) -> dict[str, Any]:
    """Returns what the details of one run show: its seeds, its cost, its configuration."""
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
        "name": f"{group.label}, {group.name(run)}",
        "facts": facts,
        "names": [*(f"test {name}" for name in names), f"validation {group.score_name}"],
        "seeds": [
            {
                "seed": seed.seed,
                "scores": [
                    _score(v)
                    for v in (
                        *(seed.test.get(name) for name in names),
                        seed.validation.get(result.score.name),
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
