# Two commands do all the set-up on a machine with Python 3.11 or newer: make demo, make test.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Versions to install: constraints.txt pins torch alone; CI passes lock.txt, which pins everything.
CONSTRAINTS ?= constraints.txt
PIP := $(BIN)/pip install --quiet --disable-pip-version-check -c $(CONSTRAINTS)

# The extras that go with each dependency group of pyproject.toml.
EXTRAS_demo := trl
EXTRAS_bench := gym,instructions,judge,language,math,schema,trl
EXTRAS_docs := cli,schema
EXTRAS_dev := all
EXTRAS_ci := all

# The systems whose own code the adapters' tests run, each in an environment of its own, since what
# they pin does not go together. ONLY_ is installed without what it depends on: OpenRLHF wants
# flash-attn, and NeMo Gym Python 3.13, though what the tests use of it runs on 3.11.
SYSTEMS := inspect_ai verifiers openrlhf verl swift nemo_gym ray
TEST_NEEDS := hypothesis math-verify pytest pytest-xdist
WITH_inspect_ai := inspect-ai==0.3.285
WITH_verifiers := verifiers==0.4.0
WITH_openrlhf := torch aiohttp pylatexenc sympy tqdm transformers
ONLY_openrlhf := openrlhf==0.11.2
WITH_verl := torch verl==0.9.1
WITH_swift := torch msgspec ms-swift==4.6.0
WITH_nemo_gym := aiohttp anthropic devtools fastapi httptools httpx hydra-core itsdangerous mcp \
	openai==2.44.0 orjson pandas psutil pyarrow pydot 'ray[default]' requests rich scipy tqdm \
	uvicorn uvloop wandb yappi
WITH_ray := daft==0.7.26 datasets 'ray[data]==2.60.0'
ONLY_nemo_gym := --ignore-requires-python nemo-gym==0.7.0

# The page whose tables `make bench` writes, and the executors of programs that it compares.
PAGE := --page docs/performance.md
EXECUTORS := verl==0.9.1 eval-protocol==0.3.33

.PHONY: help demo test adapters lint bench fuzz scaling imports docs lock clean
help:
	@echo "make demo     train a tiny model with GRPO on the CPU and plot its rewards"
	@echo "make test     run every test"
	@echo "make adapters test the adapters with the systems that they are for (7 GB, 20 minutes)"
	@echo "make lint     ruff, mypy, import-linter"
	@echo "make bench    measure the rewards against their peers, and write docs/performance.md"
	@echo "make fuzz     fuzz each reader of texts and files for a minute"
	@echo "make scaling  measure how their time grows with the text"
	@echo "make imports  measure how long the import, --help and check_reward take"
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

adapters: $(SYSTEMS:%=adapter-%)

.venv-adapters/%/installed: Makefile pyproject.toml constraints.txt
	@echo "installing $* into .venv-adapters/$* ..."
	@$(PYTHON) -m venv $(@D)
	@$(@D)/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt \
		--editable '.[serve]' $(TEST_NEEDS) $(WITH_$*)
	@$(if $(ONLY_$*),$(@D)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps \
		$(ONLY_$*))
	@touch $@

.PRECIOUS: .venv-adapters/%/installed

# A package that is missing skips the whole file, which pytest reports as a failure: no tests ran.
# Warnings of other projects are ignored.
adapter-%: .venv-adapters/%/installed
	$(<D)/bin/python -m pytest -q -W ignore tests/adapters/test_$*.py

lint: $(VENV)/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# What verl and eval-protocol run programs with needs a small part of what they depend on. In a
# folder of their own they change no other package.
$(VENV)/executors: $(VENV)/installed-bench
	-$(PIP) --target $@ --no-deps $(EXECUTORS) && $(PIP) --target $@ mcp

# Each writes its tables even if another one fails, or a figure is above its bound.
bench: $(VENV)/installed-bench $(VENV)/executors
	-$(PIP) --no-deps bfcl-eval==2026.3.23 tenacity verifiers==0.1.14
	@status=0; \
	$(BIN)/python benchmarks/throughput.py --rounds 11 --processor-time $(PAGE) || status=1; \
	$(BIN)/python benchmarks/sandbox.py --executors $(VENV)/executors $(PAGE) || status=1; \
	$(BIN)/python benchmarks/import_time.py $(PAGE) || status=1; \
	exit $$status

# Without atheris, which has no wheel for every Python, the inputs are changed at random.
fuzz: $(VENV)/installed-dev
	-$(BIN)/pip install --quiet --disable-pip-version-check atheris
	$(BIN)/python benchmarks/fuzz.py --seconds 60

scaling: $(VENV)/installed-bench
	$(BIN)/python benchmarks/scaling.py

imports: $(VENV)/installed-bench
	$(BIN)/python benchmarks/import_time.py

docs: $(VENV)/installed-docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

lock: $(VENV)/installed-ci
	$(BIN)/pip freeze --exclude-editable | sed 's/+cpu$$//' > lock.txt # the CPU build's own version is on no registry

clean:
	rm -rf $(VENV) .venv-adapters site dist build .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
