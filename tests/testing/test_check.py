"""The checks themselves: their options, where they run, and what they say."""

from __future__ import annotations

import json
import subprocess
import sys
import unittest

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

import planted
import rewardkit as rk
from rewardkit import testing as kit
from rewardkit.cli import app
from rewardkit.extract import ToolCall, Whole
from rewardkit.rewards import Correct, Relative
from rewardkit.verify import Iou, Number, SameCall

QUICK = {"skip": ["pickles", "linear"], "max_examples": 10}
BROKEN = """
def reward(completions, **columns):
    return [1.0 for text in completions if text]

"""


def run(code: str, folder, *arguments: str) -> subprocess.CompletedProcess[str]:
    (folder / "script.py").write_text(code, encoding="utf-8")
    return subprocess.run(
        [sys.executable, *arguments, "script.py"], capture_output=True, text=True, cwd=folder
    )


def test_a_plain_script_without_a_guard(tmp_path):
    code = """
from rewardkit.testing import check_reward

def reward(completions, **columns):
    return [float(len(str(text))) for text in completions]

print("begun")
print("picklable" in check_reward(reward, forms="text", max_examples=10).held)
"""
    done = run(code, tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "begun\nTrue\n"


def test_a_script_under_optimisation_that_is_broken(tmp_path):
    call = "check_reward(reward, forms='text', max_examples=20)"
    code = f"from rewardkit.testing import check_reward\n{BROKEN}{call}"
    done = run(code, tmp_path, "-O")
    assert "LawBroken: reward: 1 of" in done.stderr
    assert "rerun('" in done.stderr
    assert "reward(completions=[''])" in done.stderr


def test_at_the_prompt_no_other_process_finds_it():
    code = "from rewardkit.testing import check_reward\n" + BROKEN.replace(" if text", "")
    code += "print(check_reward(reward, laws='pickles', max_examples=5).skipped['picklable'])\n"
    done = subprocess.run([sys.executable, "-"], input=code, capture_output=True, text=True)
    assert done.stdout.startswith("it is defined in a notebook or at the prompt"), done.stderr


def test_what_depends_on_the_hash_of_the_process_is_found(tmp_path):
    code = """
from rewardkit.testing import check_reward

def reward(completions, **columns):
    return [float(hash(str(text)) % 1000) for text in completions]

check_reward(reward, laws=["pickles", "deterministic"], max_examples=20)
"""
    done = run(code, tmp_path)
    assert "reward: 1 of 2 laws failed" in done.stderr
    assert "picklable: It pickles, and gives the same result in another process" in done.stderr


def test_pytest_shows_the_finding_and_none_of_the_frames(tmp_path):
    code = """
from rewardkit.testing import check_extractor, check_reward, check_verifier

def test_reward():
    check_reward(lambda completions, **_: [], forms="text", laws="length", max_examples=20)

def test_verifier():
    check_verifier(lambda answers, references: [], laws="length", max_examples=20)

def test_extractor():
    check_extractor(lambda text: 3, laws="total", max_examples=20)
"""
    (tmp_path / "test_it.py").write_text(code, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_it.py"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.stdout.count("LawBroken: <lambda>: 1 of 1 laws failed") >= 3
    assert "_check.py" not in done.stdout
    assert "_trial.py" not in done.stdout
    assert "def check_" not in done.stdout


class InUnittest(unittest.TestCase):
    def test_it(self):
        with self.assertRaises(AssertionError):  # noqa: PT027 - unittest is what is tested
            kit.check_reward(planted.drops_a_row, laws="length")


@given(number=st.integers(0, 3))
@settings(max_examples=3, suppress_health_check=[HealthCheck.nested_given])
def test_within_a_test_of_hypothesis(number):
    assert kit.check_reward(rk.build("length", target=number), laws="total", max_examples=3).held


def test_the_same_examples_where_the_profile_says_so():
    seen = []

    def reward(completions, **columns):
        seen.append(repr(completions))
        return [0.0 for _ in completions]

    with_profile = settings(settings.get_profile("ci"), derandomize=True)
    settings.register_profile("same", with_profile)
    before = settings.get_current_profile_name()
    try:
        settings.load_profile("same")
        kit.check_reward(reward, laws="total", max_examples=20)
        first, seen[:] = [*seen], []
        kit.check_reward(reward, laws="total", max_examples=20)
    finally:
        settings.load_profile(before)
    assert seen == first


def test_the_error_says_everything():
    with pytest.raises(kit.LawBroken) as raised:
        kit.check_reward(planted.leaves_its_bounds, bounds=(0.0, 1.0), laws=["bounds", "total"])
    (finding,) = raised.value.findings
    assert raised.value.checked.held == ("never_raises",)
    assert finding.law == "bounds"
    assert finding.expected.startswith("all(0.0 <= value <= 1.0")
    assert finding.given == "values = [1.2]"
    text = str(raised.value)
    assert text.startswith("leaves_its_bounds: 1 of 2 laws failed\n\nbounds: Every value is within")
    assert "\n    from planted import leaves_its_bounds as reward\n" in text


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        (
            {"laws": "never_raise"},
            ValueError,
            "is called 'never_raise'; did you mean 'never_raises'",
        ),
        ({"skip": ["reflexive"]}, ValueError, "no law of rewards is called 'reflexive'"),
        ({"forms": "chatty"}, ValueError, "forms: got"),
        ({"columns": {"answer": 4}}, TypeError, "column 'answer': got 4"),
    ],
)
def test_options_that_do_not_fit(options, error, message):
    with pytest.raises(error, match=message):
        kit.check_reward(rk.build("xml_count"), **options)


def test_a_column_without_known_values():
    def says_it(completions, solution, **columns):
        return []

    with pytest.raises(TypeError, match="says_it reads the column 'solution'; give its values"):
        kit.check_reward(says_it)
    with pytest.raises(TypeError, match="got 3, expected a reward or a function"):
        kit.check_reward(3)


def test_a_missing_column_is_a_mistake_in_the_call_and_no_finding():
    class Reads(rk.Reward):
        def score(self, batch):
            return [rk.Score(float(bool(value))) for value in batch.column("other")]

    with pytest.raises(LookupError, match="no column 'other'"):
        kit.check_reward(Reads())


class Bare:
    """A value with the default repr, as images have."""

    def __init__(self):
        self.size = 3
        self.itself = self


def test_values_with_the_default_repr_are_compared_by_their_contents():
    def reward(completions, image, **columns):
        return [float(each.size) for each in image]

    values = {"image": [Bare()], "words": [{"aa", "bb", "cc"}]}
    checked = kit.check_reward(reward, columns=values, laws=["inputs", "total"], max_examples=20)
    assert checked.held == ("never_raises", "no_mutation")


def test_a_missing_key_that_may_be_a_column_gets_a_hint():
    def says(completions, **columns):
        return [float(answer == "4") for answer in columns["answer"]]

    def looks_up(completions, **columns):
        return [{"a": 1.0}[str(text)] for text in completions]

    def reads(completions, **columns):
        return [float(len(completion[0]["content"]["text"])) for completion in completions]

    def given(reward, **options):
        with pytest.raises(kit.LawBroken) as raised:
            kit.check_reward(reward, laws="total", max_examples=5, **options)
        return raised.value.findings[0].given

    assert given(says) == (
        "raises KeyError: 'answer'; if that is a column, give its values:"
        " columns={'answer': ['42', '7']}"
    )
    assert given(looks_up, forms="text") == "raises KeyError: ''"
    assert "columns=" not in given(reads, forms="chat")


@pytest.mark.parametrize(
    ("give", "given"),
    [
        (
            lambda completions: None,
            "values = None",
        ),
        (lambda completions: ["1" for _ in completions], "values = ['1"),
    ],
)
def test_results_other_than_a_list_of_numbers(give, given):
    with pytest.raises(kit.LawBroken) as raised:
        kit.check_reward(lambda completions, **_: give(completions), laws="total")
    assert raised.value.findings[0].given.startswith(given)


def test_a_function_without_room_for_other_columns():
    def reward(completions):
        return [0.0 for _ in completions]

    with pytest.raises(kit.LawBroken) as raised:
        kit.check_reward(reward, **QUICK)
    (finding,) = raised.value.findings
    assert finding.law == "extra_columns"
    assert "unexpected keyword argument 'another_column'" in finding.given


def test_verifiers_that_break_their_laws():
    class Lenient(rk.Verifier):
        def verify(self, answers, references):
            return [
                rk.Verdict(rk.Outcome.CORRECT if answer == "4" else rk.Outcome.WRONG)
                for answer in answers
            ]

    with pytest.raises(kit.LawBroken) as raised:
        kit.check_verifier(Lenient(), **QUICK)
    assert {finding.law for finding in raised.value.findings} == {
        *("accepts_reference", "no_answer", "bad_reference")
    }
    assert "verifier.verify(answers=[" in raised.value.findings[0].code


def test_extractors_that_break_their_laws():
    def first_word(text):
        return text.split()[0]

    with pytest.raises(kit.LawBroken) as raised:
        kit.check_extractor(first_word, template="It is {answer}.", **QUICK)
    assert [finding.law for finding in raised.value.findings] == ["never_raises", "finds_answer"]


def test_the_command_finds_and_prints(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    (tmp_path / "my_checked.py").write_text(BROKEN, encoding="utf-8")
    arguments = ["check", "my_checked.py:reward", "number", "tag", "--max-examples", "10"]
    done = CliRunner().invoke(app, [*arguments, "--form", "text", "--skip", "linear", "--json"])
    assert done.exit_code == 1, done.output
    reward, number, tag = json.loads(done.stdout)
    assert [finding["law"] for finding in reward["findings"]] == ["one_value_per_row"]
    assert reward["findings"][0]["code"].startswith("from my_checked import reward\n")
    assert (number["findings"], tag["findings"]) == ([], [])
    done = CliRunner().invoke(app, ["check", *arguments[2:], "--skip", "linear"])
    assert done.exit_code == 0
    assert "passed" in done.stdout


def test_the_command_takes_values_from_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    code = "def says(completions, answer, **_):\n    return [float(a == '42') for a in answer]\n"
    (tmp_path / "my_says.py").write_text(code, encoding="utf-8")
    (tmp_path / "rows.jsonl").write_text('{"prompt": "?", "solution": "42"}\n', encoding="utf-8")
    arguments = ["check", "my_says.py:says", "--max-examples", "5", "--skip", "linear"]
    with_values = [*arguments, "--data", "rows.jsonl", "--column", "solution=answer"]
    assert CliRunner().invoke(app, with_values).exit_code == 0
    assert CliRunner().invoke(app, arguments).exit_code != 0


def test_the_command_gives_each_what_it_reads(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    code = """
import rewardkit as rk

class Reads(rk.Reward):
    answer: rk.Column = "answer"

    def score(self, batch):
        return [rk.Score(0.0) for _ in batch.column(self.answer)]

reads = Reads()
"""
    (tmp_path / "my_reads.py").write_text(code, encoding="utf-8")
    (tmp_path / "rows.jsonl").write_text('{"answer": "4", "answers": "5"}\n', encoding="utf-8")
    arguments = ["check", "my_reads.py:reads", "tag", "--max-examples", "5", "--skip", "linear"]
    arguments += ["--data", "rows.jsonl", "--template", "so", "--skip", "pickles"]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output


def test_a_prompt_that_comes_again_makes_no_larger_group():
    # large batches repeat rows, and equal prompts apart are groups of their own
    checked = kit.check_reward(Relative(reward=Correct(verifier=Number())), laws=["groups"])
    assert checked.held == ("groups",)


def test_boxes_and_calls_are_written_into_the_template_as_text():
    box = Correct(verifier=Iou(), extractor=Whole(), reference="box")
    same = Correct(verifier=SameCall(), extractor=ToolCall(), reference="calls")
    calls = [{"name": "add", "arguments": {"a": 1}}]
    options = {"laws": ["maximum"], "max_examples": 10}
    for reward, columns, template in (
        (box, {"box": [[10, 10, 30, 30]]}, "It is at {box}."),
        (same, {"calls": [calls]}, "<tool_call>{calls}</tool_call>"),
    ):
        checked = kit.check_reward(reward, columns=columns, template=template, **options)
        assert checked.held == ("maximum",)
