"""The committed reference: the runs of each part that the rules name, with how they were made.

A folder holds a folder a part, with `part.json` and the compact runs, and `rules-HASH.yaml`, the
rules that a part was made under.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from gru_bench.evidence.claims.claim import Claim, ClaimVerdict
from gru_bench.evidence.claims.evidence import Evidence, of_reference
from gru_bench.evidence.claims.ledger import judge
from gru_bench.evidence.claims.rules import Kind, Rules, read_rules
from gru_bench.evidence.runtimes import RuntimeFigures
from gru_bench.runs.compact import RUNS, read_runs, write_runs
from gru_bench.runs.folder import DamagedResult
from gru_bench.runs.result import Result
from gru_bench.system.errors import UserError
from gru_bench.system.files import remove_entries, write_atomically

RECORD = "part.json"

State = Literal["done", "other settings", "to do"]


@dataclass(frozen=True, kw_only=True)
class PartRecord:
    """How a part was made.

    Attributes:
        part: Its name.
        words: Its settings.
        rules: The hash of the rules that it was made under.
        created: When it was finished, in UTC.
        revision: The revision of the code; None where it is not known.
    """

    part: str
    words: list[str]
    rules: str
    created: str
    revision: str | None


@dataclass(frozen=True)
class Reference:
    """What a folder holds.

    Attributes:
        folder: The folder.
        records: How each part was made, by its name.
        results: The runs of each part, by its name.
    """

    folder: Path
    records: Mapping[str, PartRecord]
    results: Mapping[str, Sequence[Result]]

    def state(self, part: str, rules: Rules) -> State:
        """Returns whether a part is there as the rules ask for it."""
        record = self.records.get(part)
        if record is None:
            return "to do"
        return "done" if record.words == rules.words_of(part) else "other settings"

    def done(self, rules: Rules) -> list[str]:
        """Returns the names of the parts that the rules ask for and that are done, in order."""
        return [name for name in rules.parts if self.state(name, rules) == "done"]

    def lacking(self, claim: str, rules: Rules) -> list[str]:
        """Returns the names of the parts that a claim is judged on and that are not done."""
        return [name for name in rules.parts_for(claim) if self.state(name, rules) != "done"]

    def evidence(self, rules: Rules, runtimes: RuntimeFigures | None = None) -> Evidence:
        """Returns the runs of the parts that the rules ask for, each for what it was made for."""
        by_kind: dict[Kind, list[Result]] = defaultdict(list)
        for name in self.done(rules):
            by_kind[rules.parts[name].kind] += self.results[name]
        return of_reference(by_kind, rules, runtimes)

    def judge(self, rules: Rules, runtimes: RuntimeFigures | None = None) -> list[Claim]:
        """Returns the claims as the parts that the rules ask for speak of them."""
        lacking = {name for name in rules.claims if self.lacking(name, rules)}
        return judge(self.evidence(rules, runtimes), lacking)

    def earlier_rules(self, rules: Rules) -> dict[str, Rules]:
        """Returns the other rules that parts were made under, by their hashes."""
        hashes = {record.rules for record in self.records.values()} - {rules.digits}
        files = {digits: self.folder / f"rules-{digits}.yaml" for digits in sorted(hashes)}
        return {digits: read_rules(file) for digits, file in files.items() if file.exists()}


def read_reference(folder: Path) -> Reference:
    """Reads a reference; one without any part is empty.

    Raises:
        UserError: A part is damaged.
    """
    records, results = {}, {}
    for path in sorted(folder.glob(f"*/{RECORD}")):
        try:
            record = msgspec.json.decode(path.read_bytes(), type=PartRecord)
            results[record.part] = read_runs(path.parent)
        except (OSError, msgspec.MsgspecError, DamagedResult) as error:
            raise UserError(f"{path.parent} holds no part of a reference: {error}") from None
        records[record.part] = record
    return Reference(folder, records, results)


def write_part(folder: Path, record: PartRecord, results: Sequence[Result], rules: Rules) -> None:
    """Writes the runs of a part, the rules that it was made under, and last how it was made."""
    own = folder / record.part
    remove_entries(own, RECORD, RUNS, "*.npz")
    write_runs(own, results)
    # The rules as they were read: their file may be another by now.
    write_atomically(folder / f"rules-{rules.digits}.yaml", msgspec.yaml.encode(rules))
    data = msgspec.json.format(msgspec.json.encode(record), indent=1)
    write_atomically(own / RECORD, data + b"\n")


def changed_verdicts(
    before: Sequence[Claim], after: Sequence[Claim]
) -> list[tuple[str, ClaimVerdict | None, ClaimVerdict]]:
    """Returns the sentences whose verdicts differ, with both; None for one that was not there."""
    known = {claim.name: claim.verdict for claim in before}
    return [
        (claim.sentence, known.get(claim.name), claim.verdict)
        for claim in after
        if known.get(claim.name) != claim.verdict
    ]
