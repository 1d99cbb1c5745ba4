"""The formats of a report: a page, Markdown, LaTeX and a long table."""
