"""The blocks on error rates, as the scripts that simulate them have written them."""

from blocks.committed import markdown_rows, table

# The columns of the table of sequential tests that the page on statistics shows, and their names.
SHOWN = {
    0: "test",
    1: "false: normal",
    3: "exponential, mean 0",
    4: "exponential, median 0",
    5: "right by 8 seeds",
    6: "12",
    7: "24",
}


def sequential_tests() -> str:
    """Returns how the candidates for the sequential test did."""
    rows = markdown_rows("statistics/choice.md")
    return table(" | ".join(SHOWN.values()), [[row[place] for place in SHOWN] for row in rows])


def choices() -> str:
    """Returns how often a choice between cells was wrong."""
    head = "what is so | wrong | decided | takes gru, lstm, rnn | seeds of each cell"
    return table(head, markdown_rows("statistics/choices.md"))
