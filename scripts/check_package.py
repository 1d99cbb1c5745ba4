"""Checks the package as its users have it: the wheel, without the checkout; by make check-package.

The wheel is built and installed in two fresh environments, with the newest and with the lowest
versions of its dependencies that pyproject.toml allows. In both, the commands of a first visit run
at a tiny size in an empty folder, and must write no warning.
With the lowest versions a part of the tests runs, too. It takes about five minutes on 2 cores and
fetches about 600 MB the first time.

    python scripts/check_package.py --python python3.12

It needs uv, which resolves the versions, beside the interpreter that it runs on or on the PATH.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
UV = shutil.which("uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
ENDS = ("highest", "lowest-direct")  # the words of uv

RUN = "run -m cell=gru,lstm task=adding task.length=10 hidden_size=8 steps=20 seeds=2"
# Commands, and a word that each must print.
VISIT = [
    (f"gru-bench {RUN}", "2 runs in results/runs"),
    # Anew, with the programs that the first left on disk: loading them has complaints of its own.
    (f"gru-bench {RUN} force=true", "2 runs in results/runs"),
    ("gru-bench report", "lstm"),
    ("gru-bench report --format html --out report.html", ""),
    ("gru-bench report --format long --out report.parquet", ""),
    ("gru-bench --help", "usage: gru-bench"),
    ("gru-bench params", "gru_reset_after"),
    ("gru-bench info", "jax"),
    ("python -m gru_bench --version", "gru-bench"),
]
WRITTEN = ("report.html", "report.parquet")
COMPLAINT = re.compile(r"warning|error|traceback|^[WEF]\d{4} ", re.IGNORECASE)

# Tests of the code that calls the dependencies, without PyTorch, whose wheels are large.
TESTS = ["config", "model", "report", "runs", "tasks", "training"]
NEEDS_TORCH = re.compile(r"^(import torch|from helpers\.torch_layers)", re.MULTILINE)
TESTED_WITH = ("beartype", "hypothesis", "pytest", "pytest-timeout")
ENGINES = ("joblib", "search", "submitit")  # extras
WITHOUT = "not (slow or network or browser or guide)"


def uv(*words: str | Path) -> str:
    """Runs uv and returns what it printed. The interpreters are those of the machine."""
    if UV is None:
        raise SystemExit("check_package.py needs uv: pip install uv")
    command = [UV, *map(str, words), "--quiet", "--no-python-downloads"]
    return subprocess.run(command, cwd=ROOT, check=True, text=True, stdout=subprocess.PIPE).stdout


@contextmanager
def environment(end: str, wheel: Path, python: str) -> Iterator[Path]:
    """Yields the folder of a fresh environment that has the wheel and the versions of one end."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    wanted = [
        *project["dependencies"],
        *(each for extra in ENGINES for each in extras[extra]),
        *(each for each in extras["test"] if re.split(r"[^\w-]", each)[0] in TESTED_WITH),
    ]
    with tempfile.TemporaryDirectory(prefix="gru-bench-package-") as temporary:
        folder = Path(temporary)
        requirements = folder / "requirements.in"
        requirements.write_text("\n".join(wanted))
        uv("venv", "--seed", "--python", python, folder / "venv")
        into = ("--python", folder / "venv" / "bin" / "python")
        uv("pip", "install", *into, "--resolution", end, "--requirements", requirements)
        uv("pip", "install", *into, "--no-deps", wheel)
        uv("pip", "check", *into)
        yield folder


def visit(folder: Path) -> list[str]:
    """Runs the commands of VISIT and returns what was wrong, one line a fault."""
    binaries = folder / "venv" / "bin"
    empty = folder / "visit"
    empty.mkdir()
    variables = os.environ | {"XDG_CACHE_HOME": str(folder / "cache")}
    faults = []
    for line, expected in VISIT:
        program, *words = line.split()
        done = subprocess.run(
            [str(binaries / program), *words],
            cwd=empty,
            env=variables,
            capture_output=True,
            text=True,
        )
        if done.returncode or expected not in done.stdout:
            faults.append(f"{line}: exit status {done.returncode}\n{done.stdout}{done.stderr}")
            continue
        complaints = filter(COMPLAINT.search, done.stderr.splitlines())
        faults += [f"{line}: wrote {complaint}" for complaint in complaints]
    missing = [name for name in WRITTEN if not (empty / name).is_file()]
    return faults + [f"{name} was not written" for name in missing]


def run_tests(folder: Path) -> bool:
    """Runs a part of the tests against the installed package and returns whether they passed."""
    # The checkout's folder must not stand on the path: its package would be tested instead.
    variables = os.environ | {"PYTHONSAFEPATH": "1", "XDG_CACHE_HOME": str(folder / "cache")}
    python = folder / "venv" / "bin" / "python"
    files = [path for each in TESTS for path in (ROOT / "tests" / each).rglob("test_*.py")]
    tests = [str(path) for path in files if not NEEDS_TORCH.search(path.read_text("utf-8"))]
    # What is old calls what newer dependencies of its own deprecate.
    options = ["-p", "no:cacheprovider", "-W", "ignore::DeprecationWarning", "-m", WITHOUT]
    command = [str(python), "-m", "pytest", *options, *tests]
    return subprocess.run(command, cwd=ROOT, env=variables).returncode == 0


def main() -> int:
    """Runs all checks.

    Returns:
        The exit status: 0, or 1 if something was wrong.
    """
    parser = argparse.ArgumentParser(description="Checks the wheel in fresh environments.")
    parser.add_argument("--python", default=sys.executable, help="the interpreter to check with")
    python = parser.parse_args().python
    wrong = False
    with tempfile.TemporaryDirectory(prefix="gru-bench-wheel-") as built:
        uv("build", "--wheel", "--out-dir", built)
        [wheel] = Path(built).glob("*.whl")
        for end in ENDS:
            with environment(end, wheel, python) as folder:
                faults = visit(folder)
                print(f"{end} versions: {len(VISIT)} commands, {len(faults)} faults", flush=True)
                for fault in faults:
                    print(fault)
                wrong |= bool(faults)
                if end == "lowest-direct":
                    wrong |= not run_tests(folder)
    return int(wrong)


if __name__ == "__main__":
    sys.exit(main())
