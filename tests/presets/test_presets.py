"""The rules of the fixed presets, each on hand-computed cases."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

import rewardkit as rk
from rewardkit import presets

FULL = {
    "xmlcount_reward_func": 0.5,
    "soft_format_reward_func": 0.5,
    "strict_format_reward_func": 0.5,
    "match_format_exactly": 3.0,
    "match_format_approximately": 1.0,
}
XML = [*FULL][:3]
THINK = [*FULL][3:]


def xml(answer, reasoning="2 + 2"):
    return f"<reasoning>\n{reasoning}\n</reasoning>\n<answer>\n{answer}\n</answer>\n"


def value(name, text, answer="4"):
    return getattr(presets, name)(completions=[text], answer=[answer])[0]


@pytest.mark.parametrize("name", XML)
@pytest.mark.parametrize(
    "text",
    [xml("4"), xml("4", "first\nthen\n\nlast"), xml("4").rstrip(), xml("4").rstrip() + " \n\n"],
)
def test_several_lines_and_a_missing_newline_are_fine(name, text):
    assert value(name, text) == FULL[name]


@pytest.mark.parametrize("name", THINK)
@pytest.mark.parametrize("text", ["<think>2\n+ 2</think>4", "<think>\n2\n</think>\n\n4\n"])
def test_several_lines_of_thought_are_fine(name, text):
    assert value(name, text) == FULL[name]


@pytest.mark.parametrize("name", XML)
@pytest.mark.parametrize(
    "text",
    [
        xml(""),
        xml(" \n"),
        xml("\u200b"),
        xml(r"\boxed{}"),
        xml("."),
        xml("<b></b>"),
        xml(r"\quad"),
        xml("&nbsp;"),
        xml("4", ""),
        "<reasoning></reasoning><answer></answer>",
        xml("4") + "<answer>\n5\n</answer>\n",
        xml("4") + xml("4"),
        "<answer>\n4\n</answer>\n<reasoning>\n2\n</reasoning>\n",
        "</reasoning>\n2\n<reasoning>\n</answer>\n4\n<answer>",
        "<reasoning>\n2\n<answer>\n4\n</answer>\n</reasoning>\n",
        "<reasoning>\n2\n</reasoning>\n<answer>\n4\n",
    ],
)
def test_texts_that_never_earn_the_full_xml_score(name, text):
    assert value(name, text) < FULL[name]


@pytest.mark.parametrize("name", THINK)
@pytest.mark.parametrize(
    "text",
    [
        "<think>2</think>",
        "<think>2</think> \n",
        "<think>2</think><answer></answer>",
        "<think></think>4",
        "<think> \u200b</think>4",
        "</think>2<think>4",
        "<think>1</think><think>2</think>4",
        "<think>2</think></think>4",
        "4",
    ],
)
def test_texts_that_never_earn_the_full_think_score(name, text):
    assert value(name, text) < FULL[name]


@pytest.mark.parametrize(
    "answer", ["A", "-1", r"\emptyset", "\u221e", "<1, 2>", "\u7b54\u6848", "\u2713", "\u2192"]
)
@pytest.mark.parametrize("name", XML)
def test_a_valid_answer_is_not_blank(name, answer):
    assert value(name, xml(answer)) == FULL[name]


def test_text_after_the_answer():
    tail = xml("4") + "That is all."
    assert value("soft_format_reward_func", tail) == 0.5
    assert value("strict_format_reward_func", tail) == 0.0


@given(
    tail=st.integers(0, 5000),
    text=st.sampled_from([xml("4"), xml("4").rstrip(), "<answer>4</answer>"]),
)
def test_a_long_tail_costs_at_most_what_the_tags_earned(tail, text):
    short, long = (
        value("xmlcount_reward_func", text),
        value("xmlcount_reward_func", text + "x" * tail),
    )
    assert long == pytest.approx(max(0.0, short - 0.001 * tail))


@pytest.mark.parametrize(
    ("reference", "answer"),
    [
        ("1000", "1,000"),
        ("7", "7.0"),
        ("7", "$7"),
        ("7", "7"),
        ("0", "0.0"),
        ("1,000", "1000"),
        ("7", "7 apples"),
        ("7", "７"),
    ],
)
def test_right_is_right_however_it_is_written(reference, answer):
    assert value("int_reward_func", xml(answer), reference) == 0.5
    assert value("correctness_reward_func", xml(answer), reference) == 2.0
    assert value("check_answer", f"<think>2</think>{answer}", reference) >= 3.5
    assert value("check_numbers", f"<think>2</think>{answer}", reference) == 3.5


@pytest.mark.parametrize(
    ("reference", "answer"),
    [
        ("42", "-42"),
        ("-42", "42"),
        ("3", "1 2 3 4"),
        ("3", "1, 2, 3"),
        ("3", "3 or 4"),
        ("4", "1,2,3,4"),
        ("2", "²"),
        ("4", "٤"),
        ("4", "5"),
        ("4", ""),
        ("4", "3\n4"),
    ],
)
def test_wrong_is_wrong(reference, answer):
    assert value("correctness_reward_func", xml(answer), reference) == 0.0
    assert value("check_answer", f"<think>2</think>{answer}", reference) <= 0.0 or answer == "5"
    assert value("check_numbers", f"<think>2</think>{answer}", reference) < 0.0


def test_no_answer_and_no_reference():
    assert value("correctness_reward_func", "4") == 0.0
    assert value("correctness_reward_func", "<answer>3</answer><answer>4</answer>") == 0.0
    assert value("check_answer", "4") == -2.0
    assert value("check_numbers", "4") == -2.5
    for name in ("correctness_reward_func", "check_answer", "check_numbers"):
        assert value(name, xml("4") + "</think>4", None) is None
        assert value(name, xml("") + "</think>", "") is None


def test_other_references_are_compared_as_stripped_text():
    assert value("correctness_reward_func", xml(" Paris "), "Paris\n") == 2.0
    assert value("correctness_reward_func", xml("London"), "Paris") == 0.0
    assert value("check_answer", "<think>2</think>x + 1", "x + 1") == 5.0


@given(reference=st.integers(-500, 500), answer=st.integers(-500, 500))
def test_close_always_pays_less_than_right(reference, answer):
    def paid(number, spelling="{}"):
        text = f"<think>2</think>{spelling.format(number)}"
        return value("check_answer", text, str(reference))

    right = min(
        paid(reference), paid(reference, "{}.0"), paid(reference, " {}\n"), paid(reference, "${}")
    )
    assert right >= 3.5
    if answer != reference:
        assert paid(answer) < right


@pytest.mark.parametrize(
    "text", ["", "42", "² + ² = ٤", "<think>1</think>2", "$x + y$", "```\nprint\n```", "!?"]
)
def test_language_never_pays_for_text_without_letters(text):
    assert value("format_and_language_reward_func", text) == -5.0


def test_language_does_not_detect_malay():
    reward = presets.format_and_language_reward_func
    assert "ms" not in reward.candidates
    assert {"id", "en", "zh"} < set(reward.candidates)
    texts = [
        "<think>Saya mengira bilangan epal di dalam bakul.</think>4",
        "<think>I count the apples in the basket.</think>4",
        "<think>我数了数篮子里的苹果。</think>4",
        "<think>Ich zähle die Äpfel in dem Korb.</think>4",
    ]
    assert reward(completions=texts) == [5.0, -3.0, -3.0, -5.0]


def test_reward_len_takes_chat():
    chat = [[{"role": "assistant", "content": "x" * 20}]]
    assert presets.reward_len(completions=chat) == [-30.0]


def test_every_preset_is_yaml():
    for name in presets.__all__:
        preset = getattr(presets, name)
        assert rk.load(rk.dump(preset)) == preset
