# Two commands do all the set-up on a machine with Python 3.11 or newer: make demo, make test.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt

.PHONY: help demo test lint bench scaling docs clean
help:
	@echo "make demo     train a tiny model with GRPO on the CPU and plot its rewards"
	@echo "make test     run every test"
	@echo "make lint     ruff, mypy, import-linter"
	@echo "make bench    measure the rewards against their peers"
	@echo "make scaling  measure how their time grows with the text"
	@echo "make docs     build the site into site/"

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "rewardkit needs Python 3.11 or newer, and $(PYTHON) is older; try make PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv $(VENV)

# One stamp for each extra, renewed when what it needs changes. torch goes first, since the pinned
# version installs as a small CPU build where one is on disk.
$(VENV)/installed-%: pyproject.toml constraints.txt | $(BIN)/python
	@echo "installing rewardkit[$*] into $(VENV) ..."
	@case $* in bench|demo|dev) $(PIP) torch;; esac
	@$(PIP) --editable '.[$*]'
	@touch $@

demo: $(VENV)/installed-demo
	$(BIN)/python examples/demo.py

test: $(VENV)/installed-dev
	$(BIN)/pytest -n auto

lint: $(VENV)/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/installed-bench
	$(PIP) --no-deps verifiers==0.1.14 tenacity
	$(BIN)/python benchmarks/throughput.py

scaling: $(VENV)/installed-bench
	$(BIN)/python benchmarks/scaling.py

docs: $(VENV)/installed-docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

clean:
	rm -rf $(VENV) site dist build .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
