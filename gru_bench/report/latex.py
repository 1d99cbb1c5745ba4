"""Tables for a paper: LaTeX with booktabs, to be read in with its `input` command."""

import re
from collections.abc import Sequence

from gru_bench.report import answers, tables
from gru_bench.report.groups import Group

_SPECIAL = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
    "↑": r"$\uparrow$",
    "↓": r"$\downarrow$",
    "±": r"$\pm$",
    "\n": " ",
}
_HEAD = """\
% Made by gru-bench. Needs \\usepackage{booktabs} and \\usepackage[T1]{fontenc}.
"""


def to_latex(groups: Sequence[Group], warnings: Sequence[str]) -> str:
    """A floating table for each group, with its outcome as caption and notes below.

    Letters that the document's engine lacks, as of a corpus named in Japanese, are left as they
    are. Warnings become comments.
    """
    comments = [f"% {' '.join(warning.split())}\n" for warning in warnings]
    return _HEAD + "".join(comments) + "".join(_table(group) for group in groups)


def _table(group: Group) -> str:
    columns = tables.columns(group)
    # A table must fit the width of a page; the other formats have all of it.
    shown = [i for i, column in enumerate(columns) if column.is_essential]
    lines = [
        r"\begin{table}",
        r"  \centering",
        f"  \\caption{{{escape(f'{group.label}: {answers.summary(group)}')}}}",
        f"  \\label{{tab:{group.slug}}}",
        r"  \footnotesize",
        r"  \setlength{\tabcolsep}{4pt}",
        f"  \\begin{{tabular}}{{@{{}}l{'r' * (len(shown) - 1)}@{{}}}}",
        r"    \toprule",
        _row([escape(columns[i].name) for i in shown]),
        _row([escape(columns[i].unit) for i in shown]),
        r"    \midrule",
    ]
    for run in group.runs:
        entries = [tables.cells(group, run)[i] for i in shown]
        lines.append(_row([rf"\textbf{{{escape(t)}}}" if b else escape(t) for t, b in entries]))
    lines += [r"    \bottomrule", r"  \end{tabular}", r"  \par\smallskip"]
    lines += [r"  \begin{minipage}{\linewidth}"]
    notes = [tables.heading(group) + ".", tables.LEGEND, tables.VERDICTS]
    notes += [f"{note}." for note in group.notes()]
    lines += [f"    {escape(note)}" for note in notes]
    lines += [r"  \end{minipage}", r"\end{table}", ""]
    return "\n" + "\n".join(lines)


def escape(text: str) -> str:
    """Text as LaTeX shows it unchanged; a hyphen before a number becomes a minus."""
    escaped = "".join(_SPECIAL.get(sign, sign) for sign in text)
    return re.sub(r"(?<![\w)-])-(?=\d)", "$-$", escaped)


def _row(entries: Sequence[str]) -> str:
    return f"    {' & '.join(entries)} \\\\"
