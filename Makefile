# `make quickstart` sets everything up and runs the default workflow; `make test` runs every test.
.PHONY: quickstart setup test fuzz torture lint gallery docs benchmark

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
SET_UP := $(VENV)/.set-up

quickstart: $(SET_UP)
	$(BIN)/snakemake --cores all
	@echo
	@echo "Done. Open this page in a browser: $(CURDIR)/results/streets/report.html"

setup: $(SET_UP)

$(SET_UP): envs/requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' \
	  || { echo "Python 3.11 is needed, $(PYTHON) is $$($(PYTHON) --version). Try: make PYTHON=python3.11 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --requirement envs/requirements.txt
	$(BIN)/pip install --no-deps --editable .
	@touch $@

test: $(SET_UP)
	OMP_NUM_THREADS=1 $(BIN)/pytest --numprocesses 2 --dist loadfile

fuzz: $(SET_UP)
	OMP_NUM_THREADS=1 $(BIN)/pytest tests/unit/test_damaged_files.py --mutations 10000 --mutations-seed $(shell date +%s) --numprocesses 2

torture: $(SET_UP)
	$(BIN)/pytest tests/workflow/test_faults.py --kills 60 -s --timeout 7200

lint: $(SET_UP)
	$(BIN)/snakemake --lint
	$(BIN)/snakefmt --check Snakefile workflow/Snakefile workflow/rules
	$(BIN)/ruff check
	$(BIN)/ruff format --check

gallery: $(SET_UP)
	$(BIN)/python -m tools.gallery

docs: $(SET_UP)
	$(BIN)/python -m tools.documentation

benchmark: $(SET_UP)
	$(BIN)/python -m tools.benchmark results/benchmark.csv
