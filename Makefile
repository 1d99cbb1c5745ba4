# make help lists the targets.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --quiet --constraint constraints.txt
# The tools of a release need no place in the environment of the package.
TOOLS := build/tools

# A process would compile the modules that it imports again, as in images that set this variable.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: docs readme keys help setup run claims claims-full test lint bench check-choices check-guides check-statistics check-timing bench-runtimes check-gpu check-faults check-memory check-ray check-package release-check schema board clean

help: ## what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 20

setup: $(VENV)/.ready-test ## environment with the package and all that lint and test need

# The environment with the package and nothing else: enough to run, to report and to look.
$(VENV)/.ready: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "gru-bench needs Python 3.11 or newer: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)
	$(INSTALL) --editable .
	touch $@

# The same environment with one of the package's extras besides: .ready-test, .ready-peers, ...
$(VENV)/.ready-%: pyproject.toml constraints.txt | $(VENV)/.ready
	$(INSTALL) --editable '.[$*]'
	touch $@

$(TOOLS)/.ready: constraints.txt
	$(PYTHON) -m venv $(TOOLS)
	$(TOOLS)/bin/python -m pip install --quiet --constraint constraints.txt packaging uv
	touch $@

run: $(VENV)/.ready ## the quickstart: three cells, three tasks, verdicts and a page
	$(BIN)/gru-bench run
	$(BIN)/gru-bench report --format html --out results/report/report.html
	$(BIN)/gru-bench report --format markdown --out results/report/report.md

claims: $(VENV)/.ready ## what textbooks claim, tested at a small size
	$(BIN)/gru-bench claims

claims-full: $(VENV)/.ready ## the same with all cells, tuned, with twelve seeds (hours)
	$(BIN)/gru-bench claims --size full

test: $(VENV)/.ready-test ## the tests
	$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

lint: $(VENV)/.ready-test ## linter, formatter, type checker and the layers of packages
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.ready-peers ## one layer of each cell against other libraries, in five processes (about 50 minutes)
	$(BIN)/gru-bench speed --out results/report/speed.json

check-timing: $(VENV)/.ready ## each cell timed against itself, on a quiet machine (about 15 minutes)
	$(BIN)/python scripts/check_timing.py

bench-runtimes: $(VENV)/.ready-runtimes ## the cells in gru-bench, PyTorch and ONNX Runtime, on a quiet machine
	$(BIN)/gru-bench speed --runtimes

check-statistics: $(VENV)/.ready ## the error rate of every verdict, by simulation (about 10 minutes)
	$(BIN)/python scripts/check_statistics.py --out results/statistics/error_rates.md

check-choices: $(VENV)/.ready ## how often a choice between cells is wrong, by simulation (minutes)
	$(BIN)/python scripts/check_choices.py

check-guides: $(VENV)/.ready-test ## every command of the pages in docs/ (10 to 20 minutes)
	$(BIN)/python -m pytest -m guide --numprocesses auto --maxprocesses 4

check-faults: $(VENV)/.ready ## tries to lose results: kills, full disks, damage, strange surroundings (half an hour)
	$(BIN)/python scripts/check_faults.py

check-memory: $(VENV)/.ready ## a long run's memory over its steps (minutes)
	$(BIN)/python scripts/check_memory.py

check-ray: $(VENV)/.ready-ray ## a sweep on a Ray cluster of two nodes, started here (minutes)
	$(BIN)/python scripts/check_ray.py

check-package: $(TOOLS)/.ready ## the wheel alone, with the newest and the lowest versions allowed (minutes)
	$(TOOLS)/bin/python scripts/check_package.py

release-check: $(TOOLS)/.ready ## source distribution and wheel in build/dist: metadata and contents
	rm -rf build/dist
	$(TOOLS)/bin/uv build --quiet --out-dir build/dist
	$(TOOLS)/bin/python scripts/check_distributions.py build/dist

check-gpu: $(VENV)/.ready ## every way through time on a GPU: values, gradients, times (needs the extra cuda)
	$(BIN)/python scripts/check_gpu.py

readme: $(VENV)/.ready ## the figures of README.md and docs/, from the committed results
	$(BIN)/python scripts/readme.py

docs: $(VENV)/.ready-docs ## the documentation site, in build/site
	$(BIN)/python -m sphinx --fail-on-warning --quiet --fresh-env --builder html --conf-dir docs . build/site

keys: $(VENV)/.ready ## docs/keys.md, after a change of keys or presets
	$(BIN)/python -m gru_bench.cli.key_help

schema: $(VENV)/.ready ## the JSON Schema of result.json, after a change of its dataclasses
	$(BIN)/python -m gru_bench.runs.json_schema

board: $(VENV)/.ready ## TensorBoard on the runs
	$(BIN)/gru-bench board

clean: ## removes the environment, the runs and what was built
	rm -rf $(VENV) build/tools build/dist results/runs results/claims results/report
