# make help lists the targets.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.DEFAULT_GOAL := help
.PHONY: help setup run claims claims-full test lint bench check-guides check-statistics check-gpu check-faults check-memory check-ray schema board clean

help: ## what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 20

setup: $(READY) ## environment with all that the other targets need

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "gru-bench needs Python 3.11 or newer: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[test]'
	touch $@

run: $(READY) ## the quickstart: four cells, three tasks, a table and a page
	$(BIN)/gru-bench run experiment=quickstart
	$(BIN)/gru-bench report --format html --out results/report/report.html
	$(BIN)/gru-bench report --format markdown --out results/report/report.md

claims: $(READY) ## ten textbook claims, tested at a small size
	$(BIN)/gru-bench claims

claims-full: $(READY) ## the same with all cells, tuned, with ten seeds (an hour or more)
	$(BIN)/gru-bench claims --size full

test: $(READY) ## the tests
	$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile

lint: $(READY) ## linter, formatter, type checker and the layers of packages
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(READY) ## one layer of each cell against other libraries (about 10 minutes)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[peers]'
	$(BIN)/gru-bench speed --out results/report/speed.json

check-statistics: $(READY) ## the intervals' coverage and the tests' error rates, by simulation
	$(BIN)/python scripts/check_statistics.py

check-guides: $(READY) ## every command of the pages in docs/ (10 to 20 minutes)
	$(BIN)/python -m pytest -m guide --numprocesses auto --maxprocesses 4

check-faults: $(READY) ## tries to lose results: kills, a full disk, damage (about 10 minutes)
	$(BIN)/python scripts/check_faults.py

check-memory: $(READY) ## a long run's memory over its steps (minutes)
	$(BIN)/python scripts/check_memory.py

check-ray: $(READY) ## a sweep on a Ray cluster of two nodes, started here (minutes)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[ray]'
	$(BIN)/python scripts/check_ray.py

check-gpu: $(READY) ## every way through time on a GPU: values, gradients, times (needs the extra cuda)
	$(BIN)/python scripts/check_gpu.py

schema: $(READY) ## the JSON Schema of result.json, after a change of its dataclasses
	$(BIN)/python -m gru_bench.runs.json_schema

board: $(READY) ## TensorBoard on the runs
	$(BIN)/gru-bench board

clean: ## removes the environment and the runs
	rm -rf $(VENV) results/runs results/claims results/report
