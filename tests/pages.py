"""Run the code blocks of a page of the docs."""

from __future__ import annotations

import dataclasses
import doctest
import importlib.util
import inspect
import io
import json
import os
import re
import shlex
import shutil
import sys
import textwrap
import tomllib
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple
from unittest.mock import MagicMock

import pytest
import yaml

import rewardkit as rk
from rewardkit.adapters.trl import split
from rewardkit.cli import main
from rewardkit.component import Component

ROOT = Path(__file__).parents[1]
MOCKS = "<!-- run with mocks:"
NOT_RUN = "<!-- not run:"
FENCE = re.compile(r" *(?P<ticks>```+)(?P<language>\w*)(?: title=\"(?P<title>[^\"]+)\")?")
NO_PLUGINS = {"REWARDKIT_NO_PLUGINS": "1"}
TERMINAL = {"COLUMNS": "100", "NO_COLOR": "1", "TERM": "dumb"}
SAMPLES = {
    "completions.jsonl": (
        '{"prompt": "7 * 6?", "completion": "<answer>42</answer>", "answer": "42"}\n'
        '{"prompt": "7 * 6?", "completion": "It is 42.", "answer": "42"}\n'
    ),
    "rewards.yaml": "- type: correct\n  verifier: number\n- xml_soft\n",
}
"""Files that exist in every page's folder."""
GSM8K = [
    {"question": "What is 40 * 25?", "answer": "40 * 25 = 1000\n#### 1,000"},
    {"question": "What is 7 * 6?", "answer": "#### 42"},
]


class Block(NamedTuple):
    """A fenced block of a page."""

    line: int
    """Its first line in the page."""
    language: str
    title: str
    """The name of the file to write, or an empty string."""
    text: str
    remark: str
    """The comment directly above it, or an empty string."""


def blocks(text: str) -> Iterator[Block]:
    """Yield the fenced blocks of a page, in order."""
    lines = text.splitlines()
    opened: re.Match[str] | None = None
    start = 0
    for index, line in enumerate(lines):
        if opened is None and (opened := FENCE.fullmatch(line)):
            start = index
        elif opened and line.strip() == opened["ticks"]:
            inside = textwrap.dedent("\n".join(lines[start + 1 : index])) + "\n"
            before = next((line for line in reversed(lines[:start]) if line.strip()), "")
            remark = before if before.startswith("<!--") else ""
            yield Block(start + 1, opened["language"], opened["title"] or "", inside, remark)
            opened = None
    assert opened is None, f"the fence in line {start + 1} is not closed"


def write_samples(folder: Path) -> None:
    """Write the files that every page's folder has, some in the format of TRL's logs."""
    for title, text in SAMPLES.items():
        (folder / title).write_text(text, encoding="utf-8")
    arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    logged = folder / "outputs" / "completions"
    logged.mkdir(parents=True)
    for step in (10, 20):
        rows = {
            "step": [step, step],
            "prompt": ["7 * 6?"] * 2,
            "completion": ["<answer>42</answer>", "It is 42."],
            "right": [1.0, 0.0],
            "advantage": [0.7, -0.7],
        }
        parquet.write_table(arrow.table(rows), logged / f"completions_{step:05d}.parquet")


class Printed(NamedTuple):
    """The output of a command."""

    code: int
    stdout: str
    stderr: str


def forget_modules(folder: Path) -> None:
    """Unload a folder's modules: the next page may have other modules of the same names."""
    inside = f"{folder}{os.sep}"
    for name, module in [*sys.modules.items()]:
        file = getattr(module, "__file__", None)
        # by their texts: there are thousands of modules, and paths are slow to compare
        if isinstance(file, str) and file.startswith(inside):
            del sys.modules[name]


class Page:
    """Runs the blocks of one page in order, in one namespace and one folder."""

    def __init__(self, name: str, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.name, self.folder, self.patch = name, folder, patch
        self.names: dict[str, Any] = {"__name__": "__main__"}
        write_samples(folder)
        if (example := ROOT / "examples" / Path(name).stem).is_dir():
            shutil.copytree(example, folder, dirs_exist_ok=True)
        self.steps: dict[str, Callable[[Block], None]] = {
            "python": self.run_python,
            "pycon": self.run_doctest,
            "yaml": self.load_yaml,
            "toml": lambda block: self.ignore(tomllib.loads(block.text)),
            "json": lambda block: self.ignore([*map(json.loads, split_rows(block))]),
            "sh": self.check_commands,
            "console": self.compare_output,
            "text": self.ignore,
            "xml": self.ignore,
        }

    def run(self, text: str) -> int:
        """Run all blocks of a page; return their number."""
        found = [*blocks(text)]
        for block in found:
            position = f"{self.name}, line {block.line}"
            assert block.language in self.steps, f"{position}: unknown ```{block.language}"
            try:
                self.steps[block.language](block)
            except BaseException as error:
                error.add_note(position)
                raise
            if block.title:
                path = self.folder / block.title
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(block.text, encoding="utf-8")
        return len(found)

    def ignore(self, _parsed: Any) -> None:
        """Do nothing more: parsing the block was the test."""

    def run_python(self, block: Block) -> None:
        """Run a block, with mocks if it needs a GPU or the hub."""
        if block.text.startswith(">>> "):
            self.run_doctest(block)
            return
        code = compile(block.text, self.name, "exec", dont_inherit=True)
        if block.remark.startswith(NOT_RUN):
            return
        with self.patch.context() as patch:
            if block.remark.startswith(MOCKS):
                patch_mocks(patch)
            exec(code, self.names)  # noqa: S102 - our own page

    def run_doctest(self, block: Block) -> None:
        """Run a block's examples and compare their output."""
        test = doctest.DocTestParser().get_doctest(
            block.text, self.names, f"{self.name}, line {block.line}", None, None
        )
        assert test.examples, "a pycon block without >>>"
        report: list[str] = []
        runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
        failed = runner.run(test, out=report.append, clear_globs=False).failed
        self.names.update(test.globs)
        assert failed == 0, "".join(report)

    def load_yaml(self, block: Block) -> None:
        """Parse a block, and load it if it is a reward or a list of rewards."""
        data = yaml.safe_load(block.text)
        items = data if isinstance(data, list) else [data]
        if all(
            isinstance(item, str) or (isinstance(item, dict) and "type" in item) for item in items
        ):
            loaded = rk.load(block.text)
            for component in loaded if isinstance(loaded, list) else [loaded]:
                assert isinstance(component, Component)

    def check_commands(self, block: Block) -> None:
        """Check the files and names in each command, and run the commands of rewardkit."""
        for command in split_commands(block.text):
            words = shlex.split(command, comments=True)
            if block.remark.startswith(NOT_RUN) or not self.is_runnable(words):
                continue
            done = self.call(command)
            assert done.code in (0, 1), f"{command}\n{done.stdout}{done.stderr}"

    def compare_output(self, block: Block) -> None:
        """Run the commands after `$ ` in a block and compare their output."""
        needed = re.match(r"# needs (\w+)\n", block.text)
        if needed and importlib.util.find_spec(needed[1]) is None:
            return
        for piece in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
            command, _, expected = piece.partition("\n")
            while command.endswith("\\"):
                more, _, expected = expected.partition("\n")
                command = command[:-1] + more
            done = self.call(command)
            printed = done.stdout + done.stderr
            same = doctest.OutputChecker().check_output(
                expected.rstrip() + "\n",
                printed.rstrip() + "\n",
                doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE,
            )
            assert same, f"$ {command}\n{printed}"

    def call(self, command: str) -> Printed:
        """Run a command of rewardkit in the page's folder.

        It runs in this process, since a new process would import everything again.
        """
        words = shlex.split(command, comments=True)
        assert words[:1] == ["rewardkit"] or words[:3] == ["python", "-m", "rewardkit"], command
        words = words[1:] if words[0] == "rewardkit" else words[3:]
        stdout, stderr = io.StringIO(), io.StringIO()
        with self.patch.context() as patch, redirect_stdout(stdout), redirect_stderr(stderr):
            patch.chdir(self.folder)
            patch.setattr(sys, "path", [*sys.path])
            for name, value in {**NO_PLUGINS, **TERMINAL}.items():
                patch.setenv(name, value)
            try:
                code = main(words)
            finally:
                forget_modules(self.folder)
        return Printed(code, stdout.getvalue(), stderr.getvalue())

    def is_runnable(self, words: list[str]) -> bool:
        """Return whether a command is rewardkit's; for others, check the names in it."""
        while words and "=" in words[0]:
            words = words[1:]
        if words[:1] == ["rewardkit"] or words[:3] == ["python", "-m", "rewardkit"]:
            return True
        checks: dict[str, Callable[[list[str]], None]] = {
            "make": check_target,
            "pip": check_extras,
            "python": self.check_files,
            "accelerate": self.check_files,
            "trl": check_rewards,
            "apt-get": self.ignore,
        }
        assert words[0] in checks, f"unknown command: {shlex.join(words)}"
        checks[words[0]](words[1:])
        return False

    def check_files(self, words: list[str]) -> None:
        """Check that the files of a command exist in the repository or on the page."""
        for name in [word for word in words if word.endswith((".py", ".yaml"))]:
            assert (ROOT / name).is_file() or (self.folder / name).is_file(), name


def check_target(words: list[str]) -> None:
    """Check that the Makefile has a target."""
    assert f"\n{words[0]}:" in (ROOT / "Makefile").read_text(encoding="utf-8"), words


def check_extras(words: list[str]) -> None:
    """Check that the extras after `pip install` exist."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for asked in re.findall(r"(?:rewardkit|\.)\[([\w,]+)\]", " ".join(words)):
        assert {*asked.split(",")} <= {*project["optional-dependencies"]}, f"no extra {asked}"


def check_rewards(words: list[str]) -> None:
    """Check that the presets after `trl grpo --reward_funcs` can be imported."""
    for name in words[words.index("--reward_funcs") + 1 :]:
        module, _, attribute = name.rpartition(".")
        if module.startswith("rewardkit"):
            assert isinstance(getattr(importlib.import_module(module), attribute), rk.Reward)


def split_rows(block: Block) -> list[str]:
    """Return the JSON texts of a block: one per line if its title ends in .jsonl."""
    return block.text.splitlines() if block.title.endswith(".jsonl") else [block.text]


def split_commands(text: str) -> Iterator[str]:
    """Yield the commands of a shell block, each on one line."""
    for line in text.replace("\\\n", " ").splitlines():
        if line.strip() and not line.lstrip().startswith("#"):
            yield line.strip().removesuffix(" ...")


def patch_mocks(patch: pytest.MonkeyPatch) -> None:
    """Replace what needs a GPU, a model or the hub.

    rewardkit itself is not mocked: the mock of a trainer checks the real trainer's arguments,
    and calls each reward with the dataset's columns.
    """
    trl = pytest.importorskip("trl", reason="the trl extra is not installed")
    datasets = pytest.importorskip("datasets")
    for name in ("GRPOTrainer", "RLOOTrainer"):
        patch.setattr(trl, name, make_trainer(getattr(trl, name)))
    fields = {field.name for field in dataclasses.fields(trl.GRPOConfig)}
    patch.setattr(trl, "GRPOConfig", lambda **given: check_config(fields, given))
    patch.setattr(datasets, "load_dataset", lambda *_, **__: datasets.Dataset.from_list(GSM8K))
    language_model = MagicMock()
    language_model.from_pretrained.return_value = MagicMock(), MagicMock()
    patch.setitem(sys.modules, "unsloth", SimpleNamespace(FastLanguageModel=language_model))


def check_config(fields: set[str], given: dict[str, Any]) -> SimpleNamespace:
    """Return the settings; each must be a field of the real GRPOConfig."""
    assert set(given) <= fields, f"GRPOConfig has no {sorted(set(given) - fields)}"
    return SimpleNamespace(**given)


def make_trainer(real: type[Any]) -> Callable[..., Any]:
    """Return a mock of a trainer that calls its rewards like the real one."""
    signature = inspect.signature(real)

    def make(**given: Any) -> Any:
        signature.bind(**given)
        rewards = given["reward_funcs"]
        rows = given["train_dataset"][:2]
        prompts = rows.pop("prompt")
        texts = ["<answer>1000</answer>"] * len(prompts)
        chat = not isinstance(prompts[0], str)
        shown = [[{"role": "assistant", "content": text}] for text in texts] if chat else texts
        # a monitor's are functions, which cannot be split
        monitored = isinstance(rewards, list) and any(map(inspect.isfunction, rewards))
        for reward in rewards if monitored else split(rewards).reward_funcs:
            ids = [[1, 2, 3]] * len(prompts)
            scores = reward(prompts=prompts, completions=shown, completion_ids=ids, **rows)
            assert len(scores) == len(prompts)
            assert any(score is not None for score in scores), reward.__name__
        return MagicMock(spec=["train", "evaluate", "save_model"])

    return make
