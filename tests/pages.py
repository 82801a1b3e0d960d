"""The blocks of code in a page, and what it takes to run them."""

from __future__ import annotations

import dataclasses
import doctest
import importlib.util
import inspect
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import textwrap
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple
from unittest.mock import MagicMock

import pytest
import yaml

import rewardkit as rk
from rewardkit.adapters.trl import split
from rewardkit.component import Component

ROOT = Path(__file__).parents[1]
STAND_INS = "<!-- run with stand-ins:"
NOT_RUN = "<!-- not run:"
FENCE = re.compile(r" *(?P<ticks>```+)(?P<language>\w*)(?: title=\"(?P<title>[^\"]+)\")?")
ENVIRONMENT = {**os.environ, "REWARDKIT_NO_PLUGINS": "1", "PYTHONIOENCODING": "utf-8"}
SAMPLES = {
    "completions.jsonl": (
        '{"prompt": "7 * 6?", "completion": "<answer>42</answer>", "answer": "42"}\n'
        '{"prompt": "7 * 6?", "completion": "It is 42.", "answer": "42"}\n'
    ),
    "rewards.yaml": "- type: correct\n  verifier: number\n- xml_soft\n",
}
"""Files that a page's commands may take for granted."""
GSM8K = [
    {"question": "What is 40 * 25?", "answer": "40 * 25 = 1000\n#### 1,000"},
    {"question": "What is 7 * 6?", "answer": "#### 42"},
]


class Block(NamedTuple):
    """A fenced block of a page."""

    line: int
    """Where it begins in the page."""
    language: str
    """What follows the fence's backticks."""
    title: str
    """The file's name where the block is one, else nothing."""
    text: str
    """What stands between the fences."""
    remark: str
    """The comment right above it, if any."""


def blocks(text: str) -> Iterator[Block]:
    """Yield the fenced blocks of a page, in order."""
    lines = text.splitlines()
    opened: re.Match[str] | None = None
    start = 0
    for place, line in enumerate(lines):
        if opened is None and (opened := FENCE.fullmatch(line)):
            start = place
        elif opened and line.strip() == opened["ticks"]:
            inside = textwrap.dedent("\n".join(lines[start + 1 : place])) + "\n"
            before = next((line for line in reversed(lines[:start]) if line.strip()), "")
            remark = before if before.startswith("<!--") else ""
            yield Block(start + 1, opened["language"], opened["title"] or "", inside, remark)
            opened = None
    assert opened is None, f"the fence in line {start + 1} is not closed"


def samples(folder: Path) -> None:
    """Write the files that a page's commands may take for granted, some as TRL logs them."""
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


class Page:
    """Runs the blocks of one page in order, in one namespace and one folder."""

    def __init__(self, name: str, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.name, self.folder, self.patch = name, folder, patch
        self.names: dict[str, Any] = {"__name__": "__main__"}
        samples(folder)
        if (its := ROOT / "examples" / Path(name).stem).is_dir():
            shutil.copytree(its, folder, dirs_exist_ok=True)
        self.steps: dict[str, Callable[[Block], None]] = {
            "python": self.python,
            "pycon": self.pycon,
            "yaml": self.yaml,
            "toml": lambda block: self.hold(tomllib.loads(block.text)),
            "json": lambda block: self.hold([*map(json.loads, rows(block))]),
            "sh": self.shell,
            "console": self.console,
            "text": self.hold,
            "xml": self.hold,
        }

    def run(self, text: str) -> int:
        """Run all blocks of a page; return how many there are."""
        found = [*blocks(text)]
        for block in found:
            where = f"{self.name}, line {block.line}"
            assert block.language in self.steps, f"{where}: ```{block.language} is not known"
            try:
                self.steps[block.language](block)
            except BaseException as error:
                error.add_note(where)
                raise
            if block.title:
                path = self.folder / block.title
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(block.text, encoding="utf-8")
        return len(found)

    def hold(self, _read: Any) -> None:
        """Do nothing: to be read was all."""

    def python(self, block: Block) -> None:
        """Run a block; where it needs a GPU or the hub, with a stand-in for these."""
        if block.text.startswith(">>> "):
            self.pycon(block)
            return
        code = compile(block.text, self.name, "exec", dont_inherit=True)
        if block.remark.startswith(NOT_RUN):
            return
        with self.patch.context() as patch:
            if block.remark.startswith(STAND_INS):
                stand_in(patch)
            exec(code, self.names)  # noqa: S102 - our own page

    def pycon(self, block: Block) -> None:
        """Run a block's examples, and compare what they give."""
        test = doctest.DocTestParser().get_doctest(
            block.text, self.names, f"{self.name}, line {block.line}", None, None
        )
        assert test.examples, "a pycon block without >>>"
        told: list[str] = []
        runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
        failed = runner.run(test, out=told.append, clear_globs=False).failed
        self.names.update(test.globs)
        assert failed == 0, "".join(told)

    def yaml(self, block: Block) -> None:
        """Read a block, and load it where it is a reward or a list of them."""
        data = yaml.safe_load(block.text)
        items = data if isinstance(data, list) else [data]
        if all(
            isinstance(item, str) or (isinstance(item, dict) and "type" in item) for item in items
        ):
            loaded = rk.load(block.text)
            for component in loaded if isinstance(loaded, list) else [loaded]:
                assert isinstance(component, Component)

    def shell(self, block: Block) -> None:
        """Look at each command: is what it names there? Run those of rewardkit itself."""
        for command in commands(block.text):
            if block.remark.startswith(NOT_RUN) or not self.check(
                shlex.split(command, comments=True)
            ):
                continue
            done = self.call(command)
            assert done.returncode in (0, 1), f"{command}\n{done.stdout}{done.stderr}"

    def console(self, block: Block) -> None:
        """Run the commands of a block after `$ `, and compare what they print."""
        needed = re.match(r"# needs (\w+)\n", block.text)
        if needed and importlib.util.find_spec(needed[1]) is None:
            return
        for piece in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
            command, _, wanted = piece.partition("\n")
            while command.endswith("\\"):
                more, _, wanted = wanted.partition("\n")
                command = command[:-1] + more
            done = self.call(command)
            given = done.stdout + done.stderr
            same = doctest.OutputChecker().check_output(
                wanted.rstrip() + "\n",
                given.rstrip() + "\n",
                doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE,
            )
            assert same, f"$ {command}\n{given}"

    def call(self, command: str) -> subprocess.CompletedProcess[str]:
        """Run a command of rewardkit in the page's folder."""
        words = shlex.split(command, comments=True)
        assert words[:1] == ["rewardkit"] or words[:3] == ["python", "-m", "rewardkit"], command
        words = words[1:] if words[0] == "rewardkit" else words[3:]
        return subprocess.run(
            [sys.executable, "-m", "rewardkit", *words],
            cwd=self.folder,
            capture_output=True,
            text=True,
            encoding="utf-8",
            env={**ENVIRONMENT, "COLUMNS": "100", "NO_COLOR": "1", "TERM": "dumb"},
        )

    def check(self, words: list[str]) -> bool:
        """Return whether a command is to be run; of another, see that what it names is there."""
        while words and "=" in words[0]:
            words = words[1:]
        if words[:1] == ["rewardkit"] or words[:3] == ["python", "-m", "rewardkit"]:
            return True
        looks: dict[str, Callable[[list[str]], None]] = {
            "make": has_target,
            "pip": has_extras,
            "python": self.has_files,
            "accelerate": self.has_files,
            "trl": has_rewards,
            "apt-get": self.hold,
        }
        assert words[0] in looks, f"not known: {shlex.join(words)}"
        looks[words[0]](words[1:])
        return False

    def has_files(self, words: list[str]) -> None:
        """See that the files that a command names are in the repository, or in the page."""
        named = [word for word in words if word.endswith((".py", ".yaml"))]
        for name in named:
            assert (ROOT / name).is_file() or (self.folder / name).is_file(), name


def has_target(words: list[str]) -> None:
    """See that the Makefile has a target."""
    assert f"\n{words[0]}:" in (ROOT / "Makefile").read_text(encoding="utf-8"), words


def has_extras(words: list[str]) -> None:
    """See that the extras that pip is asked for are there."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for asked in re.findall(r"(?:rewardkit|\.)\[([\w,]+)\]", " ".join(words)):
        assert {*asked.split(",")} <= {*project["optional-dependencies"]}, f"no extra {asked}"


def has_rewards(words: list[str]) -> None:
    """See that the presets that `trl grpo` is given can be imported."""
    for name in words[words.index("--reward_funcs") + 1 :]:
        module, _, attribute = name.rpartition(".")
        if module.startswith("rewardkit"):
            assert isinstance(getattr(importlib.import_module(module), attribute), rk.Reward)


def rows(block: Block) -> list[str]:
    """Return the JSON texts of a block: one a line where its title ends in .jsonl."""
    return block.text.splitlines() if block.title.endswith(".jsonl") else [block.text]


def commands(text: str) -> Iterator[str]:
    """Yield a shell block's commands, each on one line."""
    for line in text.replace("\\\n", " ").splitlines():
        if line.strip() and not line.lstrip().startswith("#"):
            yield line.strip().removesuffix(" ...")


def stand_in(patch: pytest.MonkeyPatch) -> None:
    """Put stand-ins where a page needs a GPU, a model or the hub.

    Everything of rewardkit's is real: the trainer's stand-in has the real one's arguments, and
    calls each of the rewards with the dataset's columns.
    """
    trl = pytest.importorskip("trl", reason="the trl extra is not installed")
    datasets = pytest.importorskip("datasets")
    for name in ("GRPOTrainer", "RLOOTrainer"):
        patch.setattr(trl, name, trainer(getattr(trl, name)))
    fields = {field.name for field in dataclasses.fields(trl.GRPOConfig)}
    patch.setattr(trl, "GRPOConfig", lambda **given: config(fields, given))
    patch.setattr(datasets, "load_dataset", lambda *_, **__: datasets.Dataset.from_list(GSM8K))
    language_model = MagicMock()
    language_model.from_pretrained.return_value = MagicMock(), MagicMock()
    patch.setitem(sys.modules, "unsloth", SimpleNamespace(FastLanguageModel=language_model))


def config(fields: set[str], given: dict[str, Any]) -> SimpleNamespace:
    """Return the settings, if the trainer knows them all."""
    assert set(given) <= fields, f"GRPOConfig has no {sorted(set(given) - fields)}"
    return SimpleNamespace(**given)


def trainer(real: type[Any]) -> Callable[..., Any]:
    """Return what takes a trainer's arguments, and calls its rewards as it would."""
    signature = inspect.signature(real)

    def make(**given: Any) -> Any:
        signature.bind(**given)
        rewards = given["reward_funcs"]
        rows = given["train_dataset"][:2]
        prompts = rows.pop("prompt")
        texts = ["<answer>1000</answer>"] * len(prompts)
        chat = not isinstance(prompts[0], str)
        shown = [[{"role": "assistant", "content": text}] for text in texts] if chat else texts
        for reward in split(rewards).reward_funcs:
            ids = [[1, 2, 3]] * len(prompts)
            scores = reward(prompts=prompts, completions=shown, completion_ids=ids, **rows)
            assert len(scores) == len(prompts)
            assert any(score is not None for score in scores), reward.__name__
        return MagicMock(spec=["train", "evaluate", "save_model"])

    return make
