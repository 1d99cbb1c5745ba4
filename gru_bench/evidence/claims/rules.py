"""The rules of the claims, as one file states them, `conf/claims.yaml`: read, checked, hashed."""

import datetime
import hashlib
import math
from collections.abc import Collection
from functools import lru_cache
from pathlib import Path
from typing import Literal

import msgspec

from gru_bench.config.reference import conf_dir
from gru_bench.system.errors import UserError

Quantifier = Literal["all", "most", "some"]
# What the runs of a part are made for: a claim reads those of its kinds alone.
Kind = Literal[
    "scores", "horizons", "gradients", "small data", "rates", "lengths", "outside", "streams"
]
Command = Literal["run", "horizon"]
HASH_DIGITS = 12


class ClaimRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How one claim is judged.

    Attributes:
        number: Its place in the ledger, from 1.
        sentence: The sentence, as textbooks or papers have it.
        how: What is measured, in which unit, by which test, and when that is for or against; names
            of limits in braces stand for their values.
        quantifier: On how many of its tasks it has to hold.
        kinds: The kinds of parts whose runs it is judged on.
        parts: The parts of the sentence; each is judged by itself.
        tasks: Labels of the tasks that are to vote; one that is missing counts as open. Empty takes
            those at hand.
        limits: The numbers of the rule, by name.
    """

    number: int
    sentence: str
    how: str
    quantifier: Quantifier
    kinds: tuple[Kind, ...]
    parts: tuple[str, ...] = ("",)
    tasks: tuple[str, ...] = ()
    limits: dict[str, float] = {}

    @property
    def explained(self) -> str:
        """The rule in words, with its numbers."""
        return " ".join(self.how.format_map(self.limits).split())


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Runs that are made by one command.

    Attributes:
        kind: What they are made for.
        minutes: About how long they take on two cores.
        words: The settings, as `gru-bench run` takes them, besides those of its kind.
        command: What makes them.
        timed: Whether times and memory are measured besides, which asks for a quiet machine.
    """

    kind: Kind
    minutes: int
    words: str
    command: Command = "run"
    timed: bool = False


class FlatRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """When the curves of a run count as flat at the end of its budget.

    Attributes:
        kinds: The kinds of parts that are looked at.
        last_share: The last share of the budget, in which little may be gained.
        margins: How many of the run's own margins may be gained then, by the median over seeds of
            the best validation score.
        solved_is_flat: Whether a seed that solved the task before counts as gaining nothing.
    """

    kinds: tuple[Kind, ...]
    last_share: float
    margins: float
    solved_is_flat: bool


class Rules(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """All that the claims are judged by, but the statistics (`gru_bench.evidence.rules`).

    Attributes:
        date: When they were fixed.
        textbook_cell: The cell that claims on a GRU are about.
        beside: Cells that are shown beside it and have no vote.
        least_tasks: How many tasks must be decided where most of them count.
        voting: Labels of the tasks that vote on general claims.
        targets: Validation scores that count as reached, by task, where it has no mark of its own.
        read_back: How many steps beyond its axis the symbols of a task were read.
        pairs: The pairs of cells whose scores are compared, and corrected together, in every
            setting that has both; the first is the one that an outcome is about.
        flat: When a budget counts as long enough.
        words: The settings that all parts of a kind have, by kind.
        claims: The rules of the claims, by name.
        parts: The parts of a reference, by name, in the order in which they are made.
    """

    date: datetime.date
    textbook_cell: str
    beside: tuple[str, ...]
    least_tasks: int
    voting: tuple[str, ...]
    targets: dict[str, float]
    read_back: dict[str, int]
    pairs: tuple[tuple[str, str], ...]
    flat: FlatRule
    words: dict[Kind, str]
    claims: dict[str, ClaimRule]
    parts: dict[str, Part]

    @property
    def digits(self) -> str:
        """A hash of the rules: equal for equal rules, whatever the comments of the file."""
        canonical = msgspec.json.encode(self, order="deterministic")
        return hashlib.sha256(canonical).hexdigest()[:HASH_DIGITS]

    def words_of(self, part: str) -> list[str]:
        """Returns the settings of a part, its own last, which replace those of its kind."""
        own = self.parts[part].words.split()
        given = {word.partition("=")[0] for word in own}
        of_kind = self.words.get(self.parts[part].kind, "").split()
        return [*(word for word in of_kind if word.partition("=")[0] not in given), *own]

    def settings_with(self, cells: Collection[str], kinds: Collection[Kind]) -> int:
        """Returns in how many settings the parts of some kinds have all of these cells."""
        count = 0
        for name, part in self.parts.items():
            values = dict(word.split("=", 1) for word in self.words_of(name))
            listed = {k: v.split(",") for k, v in values.items() if not v.startswith("[")}
            if part.kind in kinds and set(cells) <= set(listed.pop("cell", [])):
                count += math.prod(map(len, listed.values()))
        return count

    def parts_for(self, claim: str) -> list[str]:
        """Returns the names of the parts whose runs a claim is judged on."""
        kinds = self.claims[claim].kinds
        return [name for name, part in self.parts.items() if part.kind in kinds]


def rules_file() -> Path:
    """Returns the file of the rules that hold now."""
    return conf_dir() / "claims.yaml"


@lru_cache
def current_rules() -> Rules:
    """Returns the rules that hold now."""
    return read_rules(rules_file())


def read_rules(path: Path) -> Rules:
    """Reads rules.

    Raises:
        UserError: The file cannot be read, or what it holds are no rules.
    """
    try:
        rules = msgspec.yaml.decode(path.read_bytes(), type=Rules)
        _check(rules)
    except (OSError, msgspec.MsgspecError, ValueError) as error:
        raise UserError(f"{path} holds no rules of claims: {error}") from None
    return rules


def _check(rules: Rules) -> None:
    """Raises `ValueError` unless the rules fit together."""
    numbers = [claim.number for claim in rules.claims.values()]
    if numbers != list(range(1, len(numbers) + 1)):
        raise ValueError("the claims must be numbered 1, 2, 3, ... in their order")
    for name, claim in rules.claims.items():
        try:
            explained = claim.explained
        except (KeyError, IndexError) as error:
            raise ValueError(
                f"`how` of {name} names {error}, which is none of its limits"
            ) from None
        if not (claim.sentence.endswith(".") and explained.endswith(".")):
            raise ValueError(f"the sentence and `how` of {name} must end with a full stop")
    for name, part in rules.parts.items():
        if any("=" not in word for word in part.words.split()):
            raise ValueError(f"the words of the part {name} must be settings, key=value")
