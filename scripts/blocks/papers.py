"""Published tables beside what was measured, for docs/papers.md."""

from collections import Counter
from collections.abc import Iterator

from blocks.committed import RESULTS, table
from gru_bench.config.paper import Paper, TrainedPart, paper_names, read_paper
from gru_bench.evidence.papers import judge, read_measurements
from gru_bench.report.papers import paper_tables

FOLDER = RESULTS / "papers"


def papers() -> str:
    """Returns a section for each preset, with a table for each of its parts."""
    return "\n".join(line for name in sorted(paper_names()) for line in _paper(name))


def paper_counts() -> str:
    """Returns how many published figures came to which outcome, of scores and of the others."""
    scores: Counter[str] = Counter()
    others: Counter[str] = Counter()
    for name in paper_names():
        paper, measured = read_paper(name), read_measurements(FOLDER, name)
        for part_name, part in paper.parts.items():
            found = measured.get(part_name)
            for row in part.rows:
                words = [] if found is None else found.words
                one = None if found is None else found.rows.get(row.label)
                counts = scores if isinstance(part, TrainedPart) else others
                if row.published is not None:
                    counts[judge(part, row, one, words)] += 1
    return (
        f"Of {scores.total()} published scores: {_shown(scores)}. Of {others.total()} published"
        f" sizes and times, for which nothing is trained: {_shown(others)}."
    )


def _shown(counts: Counter[str]) -> str:
    return ", ".join(f"{count} {outcome}" for outcome, count in counts.most_common())


def _paper(name: str) -> Iterator[str]:
    paper: Paper = read_paper(name)
    yield f"### {name}\n"
    yield f"[{paper.source}]({paper.url})\n"
    for each in paper_tables(name, paper, read_measurements(FOLDER, name)):
        yield f"**{each.title}**\n"
        head = " | ".join(["figure", *each.columns[1:]])
        yield f"{table(head, each.rows)}\n"
        yield f"{each.note}\n"
    for note in paper.notes:
        yield f"{note}\n"
