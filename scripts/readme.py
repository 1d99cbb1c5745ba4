"""Writes the figures of README.md and docs/ from committed results: `make readme`.

A block between `<!-- begin:NAME -->` and `<!-- end:NAME -->` is replaced by what the function of
that name in `BLOCKS` makes of the files below `results/`, and the picture of README.md is drawn
from them.
"""

import re
from collections.abc import Callable
from pathlib import Path
from textwrap import indent

from blocks import answer, costs, papers, picture, reference, simulations
from blocks.committed import ROOT

BLOCK = re.compile(
    r"^(?P<indent> *)(?P<begin><!-- begin:(?P<name>[\w-]+) -->\n)"
    r".*?^ *(?P<end><!-- end:(?P=name) -->)",
    re.DOTALL | re.MULTILINE,
)
BLOCKS: dict[str, Callable[[], str]] = {
    "answer": answer.answer,
    "how-sure": answer.how_sure,
    "tour": answer.tour,
    "questions": answer.questions,
    "scores": reference.scores,
    "ledger": reference.ledger,
    "passing": reference.passing,
    "limits": reference.limits,
    "horizons": reference.horizons,
    "grown": reference.grown,
    "solvable": reference.solvable,
    "start-shares": reference.start_shares,
    "fewest-seeds": reference.fewest_seeds,
    "sequential-tests": simulations.sequential_tests,
    "choices": simulations.choices,
    "papers": papers.papers,
    "paper-counts": papers.paper_counts,
    "layer": costs.layer,
    "layer-notes": costs.layer_notes,
    "end-to-end": costs.end_to_end,
    "fixed-cost": costs.fixed_cost,
    "lengths": costs.lengths,
    "lengths-notes": costs.lengths_notes,
    "length-scores": costs.length_scores,
    "scale": costs.scale,
    "seeds-at-once": costs.seeds_at_once,
    "late-runs": costs.late_runs,
}


def pages() -> list[Path]:
    """Returns the pages that may have blocks."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def filled(text: str) -> str:
    """Returns a page with its blocks as the results have them."""
    return BLOCK.sub(
        lambda block: indent(
            f"{block['begin']}{BLOCKS[block['name']]()}\n{block['end']}", block["indent"]
        ),
        text,
    )


def main() -> None:
    """Rewrites the pages whose blocks are out of date, and the picture."""
    new = {page: filled(page.read_text(encoding="utf-8")) for page in pages()}
    for file, text in [*new.items(), (picture.FILE, picture.draw())]:
        if not file.exists() or file.read_text(encoding="utf-8") != text:
            file.write_text(text, encoding="utf-8")
            print(file.relative_to(ROOT))


if __name__ == "__main__":
    main()
