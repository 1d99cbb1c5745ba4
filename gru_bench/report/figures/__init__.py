"""The figures of a report, drawn with Matplotlib as SVG and PNG."""
