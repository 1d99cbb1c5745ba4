"""Each built-in task and cell in two lines and a small drawing, for readers who know neither."""

from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape


@dataclass(frozen=True)
class Explanation:
    """What a page says of a task or cell.

    Attributes:
        name: The name of the task or cell.
        text: Two lines.
        drawing: An `<svg>` element in the page's own colour.
        alt: What the drawing shows, in words.
    """

    name: str
    text: str
    drawing: str
    alt: str


BOX, GAP, LEFT = 22, 4, 52


def _sequence(rows: Sequence[tuple[str, Sequence[str]]]) -> str:
    """Returns rows of boxes, a box for each step; a step without a text is left blank."""
    longest = max(len(boxes) for _, boxes in rows)
    width, height = LEFT + longest * (BOX + GAP), len(rows) * (BOX + 8)
    parts = []
    for place, (label, boxes) in enumerate(rows):
        y = place * (BOX + 8)
        parts.append(f'<text x="0" y="{y + 15}">{escape(label)}</text>')
        for step, text in enumerate(boxes):
            x = LEFT + step * (BOX + GAP)
            if text:
                parts.append(f'<rect x="{x}" y="{y + 1}" width="{BOX}" height="{BOX - 2}" rx="3"/>')
                middle = x + BOX / 2
                parts.append(
                    f'<text x="{middle}" y="{y + 15}" text-anchor="middle">{escape(text)}</text>'
                )
    return _svg(width, height, parts)


def _states(states: Sequence[tuple[str, Sequence[str]]]) -> str:
    """Returns lines that carry a state from step to step, with the gates that they pass."""
    width, height = 260, 44 * len(states)
    parts = []
    for place, (state, gates) in enumerate(states):
        y = 44 * place + 22
        parts.append(f'<text x="0" y="{y + 4}">{escape(state)}</text>')
        parts.append(f'<path d="M16 {y}H250m-6 -4l6 4l-6 4"/>')
        room = 214 / max(1, len(gates))
        for number, gate in enumerate(gates):
            x = 24 + number * room
            parts.append(
                f'<rect class="gate" x="{x:.0f}" y="{y - 11}" width="{room - 8:.0f}" height="22"'
                ' rx="11"/>'
            )
            middle = x + room / 2 - 4
            parts.append(
                f'<text x="{middle:.0f}" y="{y + 4}" text-anchor="middle">{escape(gate)}</text>'
            )
    return _svg(width, height, parts)


def _looking_back(steps: Sequence[str]) -> str:
    """Returns boxes for some steps, with lines from the last to all of them."""
    top, width = 34, LEFT + len(steps) * (BOX + GAP)
    last = LEFT + (len(steps) - 1) * (BOX + GAP) + BOX / 2
    parts = [f'<text x="0" y="{top + 15}">x</text>', '<text x="0" y="12">y</text>']
    for step, text in enumerate(steps):
        middle = LEFT + step * (BOX + GAP) + BOX / 2
        parts += [
            f'<rect x="{middle - BOX / 2}" y="{top + 1}" width="{BOX}" height="{BOX - 2}" rx="3"/>',
            f'<text x="{middle}" y="{top + 15}" text-anchor="middle">{escape(text)}</text>',
            f'<path d="M{middle} {top}L{last} 16"/>',
        ]
    parts.append(f'<circle cx="{last}" cy="10" r="5"/>')
    return _svg(width, top + BOX, parts)


def _svg(width: float, height: float, parts: Sequence[str]) -> str:
    return (
        f'<svg viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
        f' class="drawing" aria-hidden="true">{"".join(parts)}</svg>'
    )


TASKS = {
    each.name: each
    for each in (
        Explanation(
            "copy",
            "Ten symbols are read, then blanks, then a sign to begin. The symbols must come out in"
            " order: it takes memory of many things over a known time.",
            _sequence([("in", [*"CAFB", "", "", "▸", *["·"] * 4]), ("out", [*["·"] * 7, *"CAFB"])]),
            "Letters go in; after blanks and a sign the same letters come out",
        ),
        Explanation(
            "adding",
            "A long row of numbers is read, two of them marked. Their sum must come out at the end:"
            " it takes memory of two numbers, and to leave out all others.",
            _sequence(
                [
                    ("in", [".3", ".7", ".1", ".9", ".4", ".2", ".8"]),
                    ("marked", ["", "●", "", "", "", "●", ""]),
                    ("out", [*[""] * 6, ".9"]),
                ]
            ),
            "Seven numbers go in, 0.7 and 0.2 are marked; 0.9 comes out",
        ),
        Explanation(
            "counting",
            "Some a are read, then b. After as many b as there were a the end must be predicted,"
            " for longer strings than were ever trained on: it takes a counter that stays exact.",
            _sequence([("in", list("aaabbb")), ("out", [*[""] * 5, "end"])]),
            "Three a and three b go in; with the third b the end is predicted",
        ),
        Explanation(
            "dyck",
            "Brackets of several kinds are read. At each step the one that may close next must be"
            " known, in strings nested deeper than any trained on: it takes a stack.",
            _sequence([("in", list("([[]()")), ("closes", list(")]]]]]"))]),
            "Six brackets go in; at each step the innermost open one closes next",
        ),
        Explanation(
            "store_release",
            "Some symbols are stored on a cue (▾) and put out on another (▴). In between the symbol"
            " before must come out: what is stored is neither lost nor let out too early.",
            _sequence(
                [
                    ("cue", [*["", "▾"], *[""] * 3, "▴", ""]),
                    ("in", list("DBAECFA")),
                    ("out", list("DDBAEBF")),
                ]
            ),
            "The letter stored with the first cue comes out with the second, else the one before",
        ),
        Explanation(
            "automaton",
            "Symbols are read that switch a machine from state to state. After each its state must"
            " be named, such as whether the number of ones is odd: it takes a state that is exact.",
            _sequence([("in", list("1101001")), ("state", list("1001110"))]),
            "Zeros and ones go in; after each the parity of the ones comes out",
        ),
        Explanation(
            "recall",
            "Pairs of a letter and a digit are read, then one of the letters again. Its digit must"
            " come out: every pair must be held, and found again by its letter.",
            _sequence([("in", list("c9k8j3?k")), ("out", [*[""] * 7, "8"])]),
            "Three pairs and then the letter k go in; its digit 8 comes out",
        ),
        Explanation(
            "selective_copy",
            "Symbols are strewn among blanks at random. At the marks they must be recalled in their"
            " order: what matters must be stored and the rest let pass.",
            _sequence([("in", list("B··A··▸▸")), ("out", [*[""] * 6, "B", "A"])]),
            "Two letters among blanks go in; at two marks they come out in their order",
        ),
        Explanation(
            "transduction",
            "A string is read, and then its answer must come out: the string in reverse or sorted,"
            " its parity or value. The test has longer strings than any trained on.",
            _sequence([("in", list("0111▸▸▸▸")), ("out", [*[""] * 4, *"1110"])]),
            "Four digits go in; at four marks they come out in reverse",
        ),
        Explanation(
            "text",
            "The words of a document are read, one a step. At the end its class must come out, such"
            " as the topic of a piece of news.",
            _sequence([("in", ["oil", "up", "on", "cut"]), ("out", ["", "", "", "?"])]),
            "Words go in; the class of the document comes out",
        ),
        Explanation(
            "series",
            "Measured values are read, one step after another. A class or a value of the whole"
            " sequence must come out, a class at every step, or the values that follow.",
            _sequence([("in", ["1.2", "1.4", "1.1", "0.8"]), ("out", ["", "", "", "?"])]),
            "Measured values go in; what is said of them comes out",
        ),
    )
}
CELLS = {
    each.name: each
    for each in (
        Explanation(
            "rnn",
            "A plain recurrent network: the whole state is computed anew at every step. It has the"
            " fewest parameters, and its memory fades soon.",
            _states([("h", ["tanh"])]),
            "One state, rewritten at every step",
        ),
        Explanation(
            "lstm",
            "Two states. Of the memory c a forget gate keeps a part and an input gate adds to it;"
            " an output gate lets a part of it out as h.",
            _states([("c", ["forget", "input"]), ("h", ["output"])]),
            "Two states with three gates",
        ),
        Explanation(
            "gru",
            "One state. An update gate keeps a part of it and replaces the rest; a reset gate lets"
            " the replacement forget the past. It has three quarters of an LSTM's parameters.",
            _states([("h", ["reset", "update"])]),
            "One state with two gates",
        ),
        Explanation(
            "gru_reset_after",
            "The GRU of cuDNN, PyTorch and Keras: its reset gate acts after the product with the"
            " state, not before, which is faster on a GPU.",
            _states([("h", ["product", "reset", "update"])]),
            "One state with two gates; the product comes before the reset",
        ),
        Explanation(
            "gru_no_reset",
            "The GRU without its reset gate: what replaces the state is always made with all of the"
            " past. It has half of an LSTM's parameters.",
            _states([("h", ["update"])]),
            "One state with an update gate alone",
        ),
        Explanation(
            "gru_no_update",
            "The GRU without its update gate: the whole state is replaced at every step, and the"
            " reset gate says how much of the past goes into it.",
            _states([("h", ["reset", "tanh"])]),
            "One state, rewritten at every step, with a reset gate",
        ),
        Explanation(
            "lstm_no_output",
            "The LSTM without its output gate: all of the memory c is put out as h, at every step,"
            " so that storing and output are not controlled apart.",
            _states([("c", ["forget", "input"]), ("h", ["tanh"])]),
            "Two states; the second is the first, squashed",
        ),
        Explanation(
            "lstm_coupled",
            "The LSTM with one gate for forgetting and input: as much is added to the memory c as"
            " is forgotten, as in a GRU. An output gate lets a part of it out as h.",
            _states([("c", ["forget or input"]), ("h", ["output"])]),
            "Two states; one gate keeps a part of the first and adds the rest",
        ),
        Explanation(
            "mingru",
            "A GRU whose update gate and candidate read the input alone, so that a sequence can be"
            " computed in parallel over time. It has no reset gate and no product with its state.",
            _states([("h", ["update"])]),
            "One state with an update gate that does not see it",
        ),
        Explanation(
            "minlstm",
            "An LSTM of one state whose gates read the input alone: forget and input gate share it"
            " out between the past and the new, which can be computed in parallel over time.",
            _states([("h", ["forget", "input"])]),
            "One state with two gates that do not see it",
        ),
        Explanation(
            "attention",
            "A causal Transformer layer, no recurrent cell: each step looks back at all steps"
            " before it. It keeps their keys and values, so that its state grows with every step.",
            _looking_back(list("abcd")),
            "Four steps; the last looks back at each of those before",
        ),
    )
}
