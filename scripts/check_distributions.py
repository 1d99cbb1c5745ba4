"""Checks what a source distribution and a wheel contain; run by make release-check.

    python scripts/check_distributions.py build/dist

The wheel has to hold every file of the package that git keeps, the presets of conf/ and the
licence, and nothing else. The source distribution has to hold every file that git keeps, except for
results/ and what only git and CI read. Both have to carry the version that CHANGELOG.md and
CITATION.cff name. The exit status is 1 if something is missing or too much.
"""

import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

from packaging.metadata import Metadata

ROOT = Path(__file__).resolve().parent.parent
# What git keeps and a source distribution does without.
LEFT_OUT = re.compile(r"results/|\.ci/|\.pre-commit-config\.yaml$")
# What the build itself writes into a source distribution, besides .gitignore, which it reads.
WRITTEN = {"PKG-INFO"}


def kept_files() -> set[str]:
    """Returns the files that git keeps, relative to the root of the repository."""
    command = ["git", "ls-files"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return set(listed.stdout.splitlines())


def wheel_faults(path: Path, kept: set[str], version: str) -> list[str]:
    """Returns what is wrong with the wheel, one line a fault."""
    with zipfile.ZipFile(path) as wheel:
        names = set(wheel.namelist())
        info = f"gru_bench-{version}.dist-info"
        metadata = Metadata.from_email(wheel.read(f"{info}/METADATA"))  # raises if not valid
    expected = {name for name in kept if name.startswith("gru_bench/")}
    expected |= {f"gru_bench/{name}" for name in kept if name.startswith("conf/")}
    expected |= {
        f"{info}/{name}"
        for name in ("METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE")
    }
    faults = differences(path.name, names, expected)
    if metadata.license_expression != "MIT":
        faults.append(f"{path.name}: its licence is {metadata.license_expression}, not MIT")
    if metadata.description_content_type != "text/markdown" or not metadata.description:
        faults.append(f"{path.name}: it lacks README.md as its description")
    return faults


def source_faults(path: Path, kept: set[str], version: str) -> list[str]:
    """Returns what is wrong with the source distribution, one line a fault."""
    with tarfile.open(path) as source:
        names = {member.name for member in source.getmembers() if member.isfile()}
    expected = {name for name in kept if not LEFT_OUT.match(name)} | WRITTEN
    return differences(path.name, names, {f"gru_bench-{version}/{name}" for name in expected})


def differences(where: str, found: set[str], expected: set[str]) -> list[str]:
    """Returns a line for each file that is missing or not expected."""
    missing = [f"{where}: {name} is missing" for name in sorted(expected - found)]
    return missing + [f"{where}: {name} does not belong there" for name in sorted(found - expected)]


def main() -> int:
    """Checks the folder that the command line names.

    Returns:
        The exit status: 0, or 1 after a list of the faults.
    """
    folder = Path(sys.argv[1])
    [wheel] = folder.glob("*.whl")
    [source] = folder.glob("*.tar.gz")
    version = wheel.name.split("-")[1]
    kept = kept_files()
    faults = wheel_faults(wheel, kept, version) + source_faults(source, kept, version)
    if f"## {version}" not in (ROOT / "CHANGELOG.md").read_text():
        faults.append(f"CHANGELOG.md has no section for {version}")
    if f"version: {version}\n" not in (ROOT / "CITATION.cff").read_text():
        faults.append(f"CITATION.cff does not name version {version}")
    for fault in faults:
        print(fault, file=sys.stderr)
    if not faults:
        print(f"{wheel.name} and {source.name} hold what they should.")
    return int(bool(faults))


if __name__ == "__main__":
    sys.exit(main())
