from __future__ import annotations

import re
from pathlib import Path

import pytest

import rewardkit as rk
from rewardkit import presets
from rewardkit.cli import main
from rewardkit.cli.arguments import load_rewards, parse_columns, parse_weights, read_template


def test_a_reward_is_a_file_a_name_or_an_attribute(folder):
    assert load_rewards(["two.yaml"]) == [rk.build("xml_soft"), rk.build("length", target=4)]
    assert load_rewards(["xml_soft", "rewardkit.presets:reward_len"]) == [
        rk.build("xml_soft"),
        presets.reward_len,
    ]
    assert load_rewards(["rewardkit.presets.reward_len"]) == [presets.reward_len]
    soft, count, four = load_rewards(["own_rewards.py:both", "own_rewards:four"])
    assert (soft, count) == (rk.build("xml_soft"), rk.build("xml_count"))
    assert four(completions=["4", "5"]) == [1.0, 0.0]


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("xml_sft", "'xml_sft'; did you mean 'xml_soft'"),
        ("length", "target.*; a name alone sets no fields; set them in a YAML file and pass that"),
        ("number", r"number is the verifier Number\(\); expected a reward or a function"),
        ("number", "in a YAML file, use it as the field `verifier` of `correct`"),
        ("three.yaml", "file not found: three.yaml"),
        ("no_such_module:four", "No module named 'no_such_module'; is it on the PYTHONPATH"),
        ("own_rewards.py:five", "has no attribute 'five'"),
        ("own_rewards.py:fuor", "has no attribute 'fuor'; did you mean 'four'"),
        ("rewardkit.rewards:XmlSoft", r"is a class; name an instance: NAME = XmlSoft\(\.\.\.\)"),
        ("own_rewards.py", "name the reward in the file: own_rewards.py:NAME"),
        (
            "in.jsonl",
            "in.jsonl is a data file; one source comes first, .* put a glob of files in q",
        ),
        ("xml_soft:0.5", "xml_soft is a registered name; a name alone sets no fields"),
        ("broken.py:four", "broken.py, line 2: ZeroDivisionError"),
        ("unfinished.py:four", "unfinished.py, line 1: SyntaxError"),
        ("with_split.py:pair", "with_split.py:pair is a Split; name the sum"),
        ("own_rewards.py:number", "is 4; expected a reward or a function"),
        ("other.py:four", "file not found: other.py"),
        ("json.py:four", "another module has the name 'json'.*rename the file"),
    ],
)
def test_anything_else_is_refused_in_one_line(argument, message, folder, capsys):
    Path("broken.py").write_text("four = 4\nfive = 1 / 0\n")
    Path("unfinished.py").write_text("four = (\n")
    Path("with_split.py").write_text(
        "import rewardkit as rk\nfrom rewardkit.adapters.trl import Split\n\n"
        "pair = Split([rk.build('xml_soft')], [1.0])\n"
    )
    (folder / "json.py").touch()
    assert main(["score", "in.jsonl", argument, "-o", "out.jsonl"]) == 2
    error = capsys.readouterr().err
    assert re.search(message, error), error
    assert error.startswith("rewardkit: ")
    assert error.count("\n") == 1


def test_columns_are_pairs():
    assert parse_columns(["response=completion", "a=b=c"]) == {
        "response": "completion",
        "a": "b=c",
    }
    assert parse_columns(None) == {}
    with pytest.raises(ValueError, match="expected FILE=REWARD, for example resp"):
        parse_columns(["response"])


def test_weights_are_pairs():
    assert parse_weights(["length[unit=words]=0.5"]) == {"length[unit=words]": 0.5}
    with pytest.raises(ValueError, match="expected NAME=NUMBER"):
        parse_weights(["length=much"])


def test_a_template_is_text_or_a_file(folder):
    (folder / "template.txt").write_text("<answer>\n{answer}\n</answer>", encoding="utf-8")
    assert read_template(r"a\nb") == "a\nb"
    assert read_template("@template.txt") == "<answer>\n{answer}\n</answer>"
    assert read_template(None) is None
