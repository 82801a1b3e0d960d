# Two commands do all the set-up on a machine with Python 3.11 or newer: make demo, make test.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Versions to install: constraints.txt pins torch alone; CI passes lock.txt, which pins everything.
CONSTRAINTS ?= constraints.txt
PIP := $(BIN)/pip install --quiet --disable-pip-version-check -c $(CONSTRAINTS)

# The extras that go with each dependency group of pyproject.toml.
EXTRAS_demo := trl
EXTRAS_bench := language,math,schema,trl
EXTRAS_docs := cli,schema
EXTRAS_dev := all
EXTRAS_ci := all

.PHONY: help demo test lint bench scaling imports docs lock clean
help:
	@echo "make demo     train a tiny model with GRPO on the CPU and plot its rewards"
	@echo "make test     run every test"
	@echo "make lint     ruff, mypy, import-linter"
	@echo "make bench    measure the rewards against their peers"
	@echo "make scaling  measure how their time grows with the text"
	@echo "make imports  measure how long the import takes"
	@echo "make docs     build the site into site/"
	@echo "make lock     write the versions that are installed into lock.txt"

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "rewardkit needs Python 3.11 or newer, and $(PYTHON) is older; try make PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check 'pip>=25.1' # the first that reads dependency groups

# One stamp per group, renewed when what it needs changes. torch goes first, since the pinned
# version installs as a small CPU build where one is on disk.
$(VENV)/installed-%: pyproject.toml constraints.txt | $(BIN)/python
	@echo "installing rewardkit[$(EXTRAS_$*)] and the group $* into $(VENV) ..."
	@case $* in bench|ci|demo|dev) $(PIP) torch;; esac
	@$(PIP) --editable '.[$(EXTRAS_$*)]' --group $*
	@touch $@

demo: $(VENV)/installed-demo
	$(BIN)/python examples/demo.py

test: $(VENV)/installed-dev
	$(BIN)/pytest -n auto --dist loadgroup

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

imports: $(VENV)/installed-bench
	$(BIN)/python benchmarks/import_time.py

docs: $(VENV)/installed-docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

lock: $(VENV)/installed-ci
	$(BIN)/pip freeze --exclude-editable | sed 's/+cpu$$//' > lock.txt # the CPU build's own version is on no registry

clean:
	rm -rf $(VENV) site dist build .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
