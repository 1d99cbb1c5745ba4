"""Folders and files that hold something else than gru-bench wrote."""

import json
import shutil
from pathlib import Path

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from faults.lab import CELLS, WORDS, Lab, contents, finish, marks, require, truncate, wait_for
from gru_bench.runs.folder import RESULT, read_result
from gru_bench.runs.result import SCHEMA_VERSION


def damaged_results(lab: Lab) -> str:
    """A finished sweep with a result cut short, two of other versions, and events cut short."""
    out_dir = lab.folder / "damaged"
    shutil.copytree(lab.undisturbed, out_dir)
    cut, older, newer, sound = (
        next((out_dir / "adding" / cell).glob("h8-*")) for cell in ("gru", "lstm", "rnn", CELLS[1])
    )
    truncate(cut / RESULT)
    others = {older: SCHEMA_VERSION - 1, newer: SCHEMA_VERSION + 1}
    for folder, version in others.items():
        result = json.loads((folder / RESULT).read_bytes())
        (folder / RESULT).write_text(json.dumps(result | {"schema_version": version}))
    kept = {folder: (folder / RESULT).read_bytes() for folder in others}
    for path in sound.rglob("events.out.tfevents.*"):
        truncate(path)
        EventAccumulator(str(path.parent)).Reload()  # raises if TensorBoard cannot read it
    report = lab.report(out_dir)
    for folder in (cut, *others):
        require(f"passed over {folder / RESULT}" in report, f"the report is silent on {folder}")
    before = marks(sound)
    finish(lab.start(out_dir))
    require(marks(sound) == before, f"{sound} was made anew")
    lab.require_expected(out_dir)
    for folder, version in others.items():
        aside = folder / f"result.schema-{version}.json"
        require(aside.exists(), f"the result of version {version} in {folder} is gone")
        require(aside.read_bytes() == kept[folder], f"{aside} was changed")
    return "three named by the report and made anew; those of other versions kept aside"


def foreign_files(lab: Lab) -> str:
    """Links in the places of a lock, of a run folder and of what is in one."""
    documents = lab.folder / "documents"
    for name in ("1/arrays", "training/1/arrays", "checkpoints/training/1/arrays", "seed_0"):
        (documents / name).mkdir(parents=True)
        (documents / name / "thesis.txt").write_text("years of work")
    (documents / "deed").write_text("a house")
    before = tree(documents)
    tried = 0
    for number, inside in enumerate(("", "checkpoints", "checkpoints/training", "seed_0")):
        out_dir = lab.folder / f"links_{number}"
        shutil.copytree(lab.undisturbed, out_dir)
        run = next((out_dir / "adding" / "gru").glob("h8-*"))
        shutil.rmtree(run)
        link = run / inside
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(documents)
        printed = finish(lab.start(out_dir), 1, 2)
        require("is a link to" in printed, f"{inside or 'the run folder'}: no word of the link")
        require(tree(documents) == before, f"{inside or 'the run folder'}: documents were changed")
        link.unlink()
        finish(lab.start(out_dir))
        lab.require_expected(out_dir)
        tried += 1
    locks = lab.folder / "links_0" / ".locks"
    for result in marks(lab.folder / "links_0"):
        (locks / read_result(result.parent).identity).symlink_to(documents / "deed")
    printed = finish(lab.start(lab.folder / "links_0", "force=true"), 2)
    require("is a link to" in printed, "no word of a lock that is a link")
    require(tree(documents) == before, "what a lock linked to was changed")
    return f"{tried + 1} kinds of links refused with a line, nothing behind them touched"


def tree(folder: Path) -> dict[str, str]:
    """All that is below a folder, files with their content."""
    return {str(p): p.read_text() if p.is_file() else "" for p in sorted(folder.rglob("*"))}


def changed_data(lab: Lab) -> str:
    """A file of texts that changes in training, and back."""
    file, where = lab.folder / "own.csv", lab.folder / "data"
    rows = [f"{word} {number},{word}" for number in range(60) for word in ("yes", "no")]
    ours = "\n".join(["text,label", *rows]) + "\n"
    words = [
        "run", "cell=gru", "task=text", "corpus=files", f"corpus.train={file}", *WORDS[4:],
        "task.min_frequency=1", "steps=4000",
    ]  # fmt: skip
    file.write_text(ours)
    finish(lab.command(*words, f"out_dir={where / 'whole'}"))
    child = lab.command(*words, f"out_dir={where / 'changed'}")
    wait_for(lambda: any(where.rglob("changed/**/about.json")), child)
    file.write_text(ours + "maybe,yes\n")
    printed = finish(child, 1)
    require("has changed since it was read" in printed, printed)
    require(not marks(where / "changed"), "there is a result of data that have changed")
    finish(lab.command(*words, f"out_dir={where / 'changed'}"))
    file.write_text(ours)
    finish(lab.command(*words, f"out_dir={where / 'changed'}"))
    whole, found = contents(where / "whole"), contents(where / "changed")
    require(len(found) == 2, f"{len(found)} results of two contents")
    require(whole.items() <= found.items(), "the result differs from the undisturbed one")
    return "the run fails with a line; either content has its own result"


def another_run(lab: Lab) -> str:
    """A folder that holds the result of another run under the name of one that is to be made."""
    out_dir = lab.folder / "another"
    shutil.copytree(lab.undisturbed, out_dir)
    run = next((out_dir / "adding" / "gru").glob("h8-*"))
    sound = (run / RESULT).read_bytes()
    result = json.loads(sound)
    (run / RESULT).write_text(json.dumps(result | {"identity": result["identity"][:8] + "0" * 8}))
    before = marks(out_dir)
    for force in ("false", "true"):
        printed = finish(lab.start(out_dir, f"force={force}", "cell=gru"), 1, 2)
        require("holds another run" in printed, printed)
        require(marks(out_dir) == before, "the result of another run was changed")
    (run / RESULT).write_bytes(sound)
    require(not (run / "error.txt").exists(), "something was written into another run's folder")
    finish(lab.start(out_dir))
    lab.require_expected(out_dir)
    return "refused with a line, with force=true, too; its result stays"


def cut_journal(lab: Lab) -> str:
    """A search whose journal a crash has cut, and one with a foreign line."""
    settings = [word for word in WORDS if not word.startswith(("-m", "cell=", "hidden_size="))]
    words = ["search", "cell=gru", *settings, "steps=20", "search.hidden_size=[4,8]"]
    out_dir = lab.folder / "search"
    words.append(f"out_dir={out_dir}")
    finish(lab.command(*words, "search.trials=2"))
    journal = out_dir / "search.journal"
    whole = journal.read_bytes()
    for trials, damage in enumerate((b'{"op_code": 5, "wor', bytes(4096)), start=3):
        with journal.open("ab") as file:
            file.write(damage)
        printed = finish(lab.command(*words, f"search.trials={trials}"))
        require("not written to its end" in printed, "the cut record was not reported")
    require(journal.read_bytes().startswith(whole), "records of the journal were lost")
    journal.write_bytes(b"Dear diary\n" + journal.read_bytes())
    printed = finish(lab.command(*words, "search.trials=5"), 2)
    require("line 1 is not a record" in printed, printed)
    return "a cut record and one of zeros are left out with a line; a foreign line is named"
