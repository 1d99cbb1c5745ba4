"""Tables for a paper: LaTeX with booktabs, to be read in with its `input` command."""

import re
from collections.abc import Sequence

from gru_bench.report import summary, tables
from gru_bench.report.document import Document
from gru_bench.report.group_notes import group_notes
from gru_bench.report.groups import Group
from gru_bench.report.ledger import Ledger, show_deciding

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
% Made by gru-bench. Needs \\usepackage{booktabs,array,graphicx} and \\usepackage[T1]{fontenc}.
"""
# A table that is wider than its column, such as that of a page with two, is made smaller.
FIT = r"  \resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{%"


def to_latex(document: Document) -> str:
    """Returns a floating table for each group, with its outcome as caption and notes; then claims.

    Letters that the document's engine lacks, as of a corpus named in Japanese, are left as they
    are. Warnings become comments.
    """
    comments = [f"% {' '.join(warning.split())}\n" for warning in document.warnings]
    parts = [_HEAD, *comments, *(_table(group) for group in document.groups)]
    if document.ledger is not None:
        parts.append(_ledger(document.ledger))
    return "".join(parts)


def _table(group: Group) -> str:
    # A table must fit a page; the other formats have all of it.
    columns = [column for column in tables.columns(group) if column.rank < 4]
    outcome = summary.with_command(summary.summary(group), group)
    lines = [
        r"\begin{table}",
        r"  \centering",
        f"  \\caption{{{escape(f'{group.label}: {outcome}')}}}",
        f"  \\label{{tab:{group.slug}}}",
        r"  \footnotesize",
        r"  \setlength{\tabcolsep}{4pt}",
        FIT,
        f"  \\begin{{tabular}}{{@{{}}l{'r' * (len(columns) - 1)}@{{}}}}",
        r"    \toprule",
        _row([escape(column.name) for column in columns]),
        _row([escape(column.unit) for column in columns]),
        r"    \midrule",
    ]
    for entries in tables.in_rows(columns):
        lines.append(_row([rf"\textbf{{{escape(t)}}}" if b else escape(t) for t, b in entries]))
    lines += [r"    \bottomrule", r"  \end{tabular}}", r"  \par\smallskip"]
    lines += [r"  \begin{minipage}{\linewidth}"]
    notes = [tables.heading(group) + ".", *tables.legend([group])]
    notes += [f"{note}." for note in group_notes(group)]
    lines += [f"    {escape(note)}" for note in notes]
    lines += [r"  \end{minipage}", r"\end{table}", ""]
    return "\n" + "\n".join(lines)


def _ledger(ledger: Ledger) -> str:
    ragged = r">{\raggedright\arraybackslash}p"
    columns = rf"@{{}}r{ragged}{{0.32\linewidth}}l{ragged}{{0.42\linewidth}}@{{}}"
    lines = [
        r"\begin{table}",
        r"  \centering",
        r"  \caption{Textbook claims, tested.}",
        r"  \label{tab:claims}",
        r"  \footnotesize",
        r"  \setlength{\tabcolsep}{4pt}",
        rf"  \begin{{tabular}}{{{columns}}}",
        r"    \toprule",
        _row(["", "claim", "verdict here", "deciding figures"]),
        r"    \midrule",
    ]
    for claim in ledger.tested:
        figures = "; ".join(show_deciding(claim))
        entries = [f"{claim.number}", claim.sentence, claim.verdict, figures]
        lines.append(_row([escape(entry) for entry in entries]))
    lines += [r"    \bottomrule", r"  \end{tabular}", r"  \par\smallskip"]
    if line := ledger.untested_line():
        lines += [r"  \begin{minipage}{\linewidth}", f"    {escape(line)}", r"  \end{minipage}"]
    return "\n" + "\n".join([*lines, r"\end{table}", ""])


def escape(text: str) -> str:
    """Returns text as LaTeX shows it unchanged; a hyphen before a number becomes a minus."""
    escaped = "".join(_SPECIAL.get(sign, sign) for sign in text)
    escaped = re.sub(r"(?<![\w)-])-(?=\d)", "$-$", escaped)
    return re.sub("-(?=-)", "-{}", escaped)  # else a dash


def _row(entries: Sequence[str]) -> str:
    line = " & ".join(entries)
    # After the end of a row, a bracket or a star would be an argument of it.
    return f"    {'{}' if line.startswith(('[', '*')) else ''}{line} \\\\"
