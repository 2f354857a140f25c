# `make quickstart` sets everything up and runs the default workflow; `make test` runs every test.
.PHONY: quickstart setup lock test test-all fuzz torture lint gallery docs benchmark gpu

# The newest of these that is here; another one: make PYTHON=python3.12
PYTHONS := python3.14 python3.13 python3.12 python3.11
FOUND = $(foreach python,$(PYTHONS),$(shell $(python) -c 'print("$(python)")' 2> /dev/null))
PYTHON ?= $(firstword $(FOUND) python3)
TORCH := 2.13.0
VENV ?= .venv
BIN := $(VENV)/bin
SET_UP := $(VENV)/.set-up

quickstart: $(SET_UP)
	$(BIN)/sceneshift run
	@echo
	@echo "Done. Open this page in a browser: $(CURDIR)/results/streets/report.html"

setup: $(SET_UP)

# PyTorch comes last: without an NVIDIA GPU its build for CPUs, from PyTorch's own index and a tenth of the size; else, and
# if that cannot be had, PyPI's by its hashes, on Linux with CUDA.
$(SET_UP): envs/requirements.txt envs/torch.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))' \
	  || { echo "Python 3.11 to 3.14 is needed, $(PYTHON) is $$($(PYTHON) --version). Try: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --require-hashes --no-deps --requirement envs/requirements.txt
	@[ "$$(uname)" != Linux ] || nvidia-smi -L > /dev/null 2>&1 \
	  || $(BIN)/pip install --no-deps --retries 1 --extra-index-url https://download.pytorch.org/whl/cpu torch==$(TORCH)+cpu \
	  || echo "PyTorch for CPUs cannot be had, so PyPI's with CUDA is installed."
	@$(BIN)/python -c 'import importlib.util, sys; sys.exit(not importlib.util.find_spec("torch"))' \
	  || $(BIN)/pip install --require-hashes --no-deps --requirement envs/torch.txt
	$(BIN)/pip install --no-deps --no-build-isolation --editable .
	@touch $@

# The newest versions that go together on every Python from 3.11 on, with the hashes of all their files. Needs uv (pip install uv).
lock:
	echo "torch==$(TORCH)" | uv pip compile pyproject.toml - --extra slurm --extra dev --python-version 3.11 \
	  --universal --fork-strategy fewest --generate-hashes --no-header --no-annotate $(LOCK_OPTIONS) \
	  | awk '/^[a-z]/ {file = /^(torch|triton|nvidia-|cuda-)/ ? "envs/torch.txt" : "envs/requirements.txt"; \
	      if (!(file in begun)) {begun[file] = 1; print "# Made by `make lock`, for Python 3.11 to 3.14." > file}} {print > file}'

test: $(SET_UP)
	OMP_NUM_THREADS=1 $(BIN)/pytest --numprocesses 2 --dist loadfile

# On every Python that is here, each with its own environment.
test-all:
	$(foreach python,$(FOUND),$(MAKE) test PYTHON=$(python) VENV=.venv-$(python) &&) true

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
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --quiet --strict
	@echo "The site: $(CURDIR)/results/site/index.html"

benchmark: $(SET_UP)
	$(BIN)/python -m tools.benchmark results/benchmark.csv

# on a bare machine too: its python3, with a CUDA PyTorch and the packages of pyproject.toml, where nothing is set up
gpu:
	PYTHONPATH=workflow $(if $(wildcard $(SET_UP)),$(BIN)/python,python3) -m tools.gpu $(GPU)
