"""The card of a choice: which cell to take, at what cost, and how sure that is."""

from dataclasses import dataclass
from importlib.resources import files

import jinja2
import msgspec
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from gru_bench.evidence.choice import MOST_SEEDS, Against, Basis
from gru_bench.evidence.estimates import Interval
from gru_bench.evidence.interval_text import format_interval
from gru_bench.system.prose import counted

OUTCOMES = {
    "better": "better than",
    "worse": "worse than",
    "equivalent": "as good as, within the margin,",
    "trade-off": "a trade-off with",
    "not learned": "no better than guessing, like",
    "undecided": "undecided against",
}


@dataclass(frozen=True, kw_only=True)
class Contender:
    """One cell at the best setting within the limits.

    Attributes:
        cell: Its name.
        hidden_size: Units of each layer.
        largest_size: The most that the limits allow.
        settings: What validation chose, by the keys of a command.
        score: The median test score with an interval of 95 % that holds at every number of seeds.
        parameters: Of the whole model.
        memory_kb: Thousands of bytes of parameters in float32 and of one sequence's state.
        latency_us: Microseconds of a single step of one sequence.
        folder: The run folder, which holds its weights.
    """

    cell: str
    hidden_size: int
    largest_size: int
    settings: dict[str, str | int | float]
    score: Interval | None
    parameters: int
    memory_kb: float
    latency_us: float
    folder: str


@dataclass(frozen=True, kw_only=True)
class Card:
    """A choice and what it rests on.

    Attributes:
        task: The label of the task.
        score: The name of its score.
        is_share: Whether that is shown in percent.
        margin: Differences up to it do not matter; None if none is stated.
        runtime: In which the latency was measured.
        limits: What was allowed, by the name of a `Contender`'s figure.
        cell: The cell to take.
        basis: How sure that is.
        against: The other cells.
        contenders: All cells, in the order in which they were asked for.
        seeds: Seeds that each was trained with, once its setting was chosen.
        minutes: That this call of the command took.
        run_minutes: Those of each run that it rests on, added up, earlier calls included.
        minutes_left: About how long a verdict on all other cells would take; None if there is one,
            or no number of seeds up to `MOST_SEEDS` is likely to bring one.
        command: The command of the choice, which goes on where it was stopped.
        training: The command that repeats the training of the cell that is taken.
    """

    task: str
    score: str
    is_share: bool
    margin: float | None
    runtime: str
    limits: dict[str, float]
    cell: str
    basis: Basis
    against: list[Against]
    contenders: list[Contender]
    seeds: int
    minutes: float
    run_minutes: float
    minutes_left: float | None
    command: str
    training: str

    @property
    def taken(self) -> Contender:
        """The cell to take."""
        return next(each for each in self.contenders if each.cell == self.cell)

    @property
    def headline(self) -> str:
        """The answer in a sentence, which says no more than the verdicts."""
        size = f"{self.cell} with {self.taken.hidden_size} units"
        if self.basis == "not learned":
            return f"No cell does better than guessing; none can be recommended on {self.task}."
        if self.basis == "decided":
            return f"Take {size}."
        return f"So far {size}; whether another is better is not decided."

    @property
    def verdicts(self) -> list[str]:
        """What is known of the cell that is taken against each other, a sentence each."""
        return [
            f"{self.cell} is {OUTCOMES[each.outcome]} {each.cell}"
            + (f": by {self.show(each.gain)}" if each.gain is not None else "")
            + (f"; about {each.more_seeds} more seeds" if each.more_seeds else "")
            for each in self.against
        ]

    @property
    def undecided(self) -> str:
        """What it would take to decide the rest; empty if all is decided."""
        if self.basis != "undecided":
            return ""
        if self.minutes_left is None:
            return (
                f"Not even {MOST_SEEDS} seeds would probably decide the rest: state a margin, or a"
                " larger one."
            )
        minutes = max(1, round(self.minutes_left))
        return f"About {counted(minutes, 'more minute')} would probably decide the rest."

    @property
    def effort(self) -> str:
        """What was trained and how long that took; also the runs' own minutes where they are more.

        They are where earlier calls made some of the runs, or a launcher made several at once.
        """
        took = f"this call took {self.minutes:.1f} minutes"
        if self.run_minutes > self.minutes:
            took += f", and its runs come to {self.run_minutes:.1f}"
        return f"{counted(self.seeds, 'seed')} of each cell; {took}."

    @property
    def reading(self) -> str:
        """How the scores are to be read, with no word of what the card does not show."""
        shown = [*(each.score for each in self.contenders), *(each.gain for each in self.against)]
        if not any("[" in self.show(interval) for interval in shown):
            return "Scores are medians over seeds."
        return (
            "Scores are medians over seeds; in brackets are intervals of 95 %, which hold however"
            " often seeds are added."
        )

    def show(self, interval: Interval | None) -> str:
        """Returns a score or a difference with its interval."""
        if interval is None:
            return "-"
        if self.is_share:
            return format_interval(interval, 100.0, digits=".1f")
        return format_interval(interval, 1.0)

    def rows(self) -> list[list[str]]:
        """Returns a row for each cell: name, units, score, and what it costs."""
        return [
            [
                each.cell,
                f"{each.hidden_size} of {each.largest_size}",
                self.show(each.score),
                f"{each.parameters:,}",
                f"{each.memory_kb:,.1f}",
                f"{each.latency_us:,.1f}",
            ]
            for each in self.contenders
        ]

    @property
    def headings(self) -> list[str]:
        """The headings of `rows`."""
        score = f"{self.score}, %" if self.is_share else self.score
        return ["cell", "units", f"test {score}", "parameters", "kB", f"µs a step, {self.runtime}"]

    @property
    def allowed(self) -> list[str]:
        """The limits, in the columns of `rows`."""
        names = ("parameters", "memory_kb", "latency_us")
        figures = [self.limits.get(name) for name in names]
        shown = ["-" if figure is None else f"{figure:,g}" for figure in figures]
        return ["allowed", "", "", *shown]


def print_card(card: Card, console: Console) -> None:
    """Prints the card within 80 columns."""
    console.print(Text(card.headline, style="bold"))
    table = Table(box=SIMPLE_HEAD, padding=(0, 1), show_edge=False, pad_edge=False)
    for number, heading in enumerate(card.headings):
        words = heading.replace(", ", "\n").replace("test ", "test\n")
        table.add_column(words, justify="right" if number else "left", no_wrap=number == 0)
    for row in card.rows():
        table.add_row(*map(Text, row))
    if card.limits:
        table.add_section()
        table.add_row(*map(Text, card.allowed))
    console.print(table)
    console.print()
    for line in (*card.verdicts, card.undecided):
        if line:
            console.print(Text(line))
    console.print(Text(card.effort))
    console.print(Text(f"The weights: {card.taken.folder}"), soft_wrap=True)
    # Commands are copied: they are alone on their lines, and not broken.
    for what, command in (("Again", card.command), ("This model alone", card.training)):
        console.print(Text(f"{what}:\n{command}"), soft_wrap=True)


def card_to_json(card: Card) -> bytes:
    """Returns the card as JSON."""
    return msgspec.json.format(msgspec.json.encode(card), indent=1) + b"\n"


def card_to_html(card: Card) -> str:
    """Returns the card as a page that needs nothing else."""
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    source = files("gru_bench.report.formats").joinpath("choice.html.jinja")
    return environment.from_string(source.read_text(encoding="utf-8")).render(card=card)
