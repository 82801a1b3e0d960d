"""The published rules as patterns, written from their description, and the fixed ones by hand."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

import rewardkit as rk

SOUP = st.lists(
    st.sampled_from(
        [
            *(
                "<reasoning>",
                "</reasoning>",
                "<answer>",
                "</answer>",
                "<reasoning>\n",
                "\n</reasoning>\n",
            ),
            *("<answer>\n", "\n</answer>", "\n</answer>\n", "\n", " ", "a", "b c", "\u2028", "\r"),
        ]
    ),
    max_size=12,
).map("".join)
FRAMED = st.tuples(SOUP, SOUP, SOUP).map(
    lambda parts: (
        f"<reasoning>\n{parts[0]}\n</reasoning>\n<answer>\n{parts[1]}\n</answer>{parts[2]}"
    )
)
TEXT = st.one_of(SOUP, FRAMED)
GOOD = "<reasoning>\n2 + 2\n= 4\n</reasoning>\n<answer>\n4\n</answer>\n"


def score(name, text, **fields):
    return rk.build(name, **fields)(completions=[text])[0]


@given(text=TEXT)
def test_the_published_strict_rule_is_a_pattern_without_dotall(text):
    pattern = r"^<reasoning>\n.*?\n</reasoning>\n<answer>\n.*?\n</answer>\n$"
    expected = 0.5 if re.match(pattern, text) else 0.0
    assert score("xml_strict", text, as_published=True) == expected


@given(text=TEXT)
def test_the_published_soft_rule_is_a_pattern_without_dotall(text):
    pattern = r"<reasoning>.*?</reasoning>\s*<answer>.*?</answer>"
    expected = 0.5 if re.match(pattern, text) else 0.0
    assert score("xml_soft", text, as_published=True) == expected


@given(text=TEXT)
def test_the_published_count_is_four_parts_less_two_tails(text):
    expected = 0.0
    if text.count("<reasoning>\n") == 1:
        expected += 0.125
    if text.count("\n</reasoning>\n") == 1:
        expected += 0.125
    if text.count("\n<answer>\n") == 1:
        expected += 0.125 - 0.001 * len(text.split("\n</answer>\n")[-1])
    if text.count("\n</answer>") == 1:
        expected += 0.125 - 0.001 * (len(text.split("\n</answer>")[-1]) - 1)
    assert score("xml_count", text, as_published=True) == pytest.approx(expected, abs=1e-9)


@given(text=TEXT)
def test_the_fixed_strict_rule_implies_the_soft_one_and_the_full_count(text):
    strict, soft, count = (score(name, text) for name in ("xml_strict", "xml_soft", "xml_count"))
    if strict:
        assert (soft, count) == (0.5, 0.5)
    if soft:
        assert all(text.count(tag) == 1 for tag in ("<answer>", "</answer>", "<reasoning>"))
        assert count == pytest.approx(
            max(0.0, 0.5 - 0.001 * len(text.split("</answer>")[1].strip()))
        )


@given(text=TEXT)
def test_the_fixed_count_agrees_with_a_walk_over_the_tags(text):
    tokens = list(re.finditer(r"</?(?:reasoning|answer)>", text))
    wanted = ["<reasoning>", "</reasoning>", "<answer>", "</answer>"]
    earned, kept, last = 0, {}, -1
    for index, tag in enumerate(wanted):
        found = [token for token in tokens if token[0] == tag]
        if len(found) != 1 or found[0].start() < last:
            continue
        opening = kept.get(index - 1) if index % 2 else None
        content = text[opening.end() : found[0].start()] if opening else "a"
        if not re.search(r"[abc]", re.sub(r"<[^<>]*>", "", content)):
            continue
        earned, last = earned + 1, found[0].end()
        kept[index] = found[0]
    closed = text.split("</answer>", 1)
    tail = closed[1] if len(closed) > 1 else text.partition("<answer>")[2]
    assert score("xml_count", text) == pytest.approx(
        max(0.0, 0.125 * earned - 0.001 * len(tail.strip()))
    )


@pytest.mark.parametrize(
    ("text", "strict", "soft", "count"),
    [
        (GOOD, 0.5, 0.5, 0.5),
        (GOOD.strip(), 0.5, 0.5, 0.5),
        (GOOD + "\n\n", 0.5, 0.5, 0.5),
        ("\n" + GOOD, 0.0, 0.5, 0.5),
        (GOOD + "So 4.", 0.0, 0.5, 0.495),
        (GOOD + "x" * 5000, 0.0, 0.5, 0.0),
        ("So: " + GOOD, 0.0, 0.0, 0.5),
        ("<reasoning>2</reasoning><answer>4</answer>", 0.0, 0.5, 0.5),
        ("<reasoning>\n2\n</reasoning>\n\n<answer>\n4\n</answer>", 0.0, 0.5, 0.5),
        ("<reasoning>\n2\n</reasoning>\n<answer>\n\n</answer>", 0.0, 0.0, 0.375),
        ("<reasoning>\n2\n</reasoning>\n<answer>\n\u200b\n</answer>", 0.0, 0.0, 0.375),
        ("<reasoning>\n\n</reasoning>\n<answer>\n4\n</answer>", 0.0, 0.0, 0.375),
        ("<reasoning></reasoning><answer></answer>", 0.0, 0.0, 0.25),
        (GOOD + "<answer>\n5\n</answer>\n", 0.0, 0.0, 0.25 - 0.020),
        ("<answer>\n4\n</answer>\n<reasoning>\n2\n</reasoning>\n", 0.0, 0.0, 0.25 - 0.026),
        ("<reasoning>\n2\n</reasoning>\nso\n<answer>\n4\n</answer>", 0.0, 0.0, 0.5),
        ("<reasoning>\n<answer>\n4\n</answer>\n</reasoning>", 0.0, 0.0, 0.25 - 0.012),
        ("<answer>4", 0.0, 0.0, 0.125 - 0.001),
        ("</answer>", 0.0, 0.0, 0.125),
        (GOOD.rstrip() + "x" * 1000 + "</answer>", 0.0, 0.0, 0.0),
        (GOOD.replace("\n</answer>", "") + "x" * 1000, 0.0, 0.0, 0.0),
        ("<reasoning>" + "x" * 1000, 0.0, 0.0, 0.125),
        ("4", 0.0, 0.0, 0.0),
        ("", 0.0, 0.0, 0.0),
    ],
)
def test_the_fixed_rules(text, strict, soft, count):
    assert score("xml_strict", text) == strict
    assert score("xml_soft", text) == soft
    assert score("xml_count", text) == pytest.approx(count)


BLANK = ["", " ", ".", "- ", "_", "\u3164", "\\boxed{}", "&nbsp;", "<b></b>", "<i>"]
SAYING = [
    "a",
    "- a",
    "(4)",
    "你",
    "²",
    "+",
    "<b>x</b>",
    "\\boxed{}7",
    "&nbsp;x",
    "\u3164x",
    "_x",
    "—é",
]


@given(
    parts=st.lists(
        st.lists(st.sampled_from([*BLANK, *SAYING]), max_size=4), min_size=2, max_size=2
    ),
    space=st.sampled_from(["", "\n", "  "]),
)
def test_a_layout_holds_something_in_each_block(parts, space):
    one, two = (space + " ".join(part) + space for part in parts)
    says = [any(piece in SAYING for piece in part) for part in parts]
    text = f"<reasoning>{one}</reasoning>{space}<answer>{two}</answer>"
    assert rk.build("xml_soft")(completions=[text]) == [0.5 if all(says) else 0.0]
    lines = f"<reasoning>\n{one}\n</reasoning>\n<answer>\n{two}\n</answer>"
    assert rk.build("xml_strict")(completions=[lines]) == [0.5 if all(says) else 0.0]
    thought = rk.build("think_format")(completions=[f"<think>{one}</think>{two}"])
    assert thought == [1.0 if all(says) else 0.0]


def test_other_tags_and_a_tag_that_the_prompt_opened():
    three = "<a>\n1\n</a>\n<b>\n2\n</b>\n<c>\n3\n</c>"
    tags = ("a", "b", "c")
    assert score("xml_strict", three, tags=tags) == 0.5
    assert score("xml_strict", three.replace("<b>\n", "<b>"), tags=tags) == 0.0
    assert score("xml_soft", three, tags=tags) == 0.5
    assert score("xml_count", three, tags=tags) == 0.75
    rest = GOOD.removeprefix("<reasoning>\n")
    for name in ("xml_strict", "xml_soft", "xml_count"):
        assert score(name, rest, opened_in_prompt=True) == 0.5
        assert score(name, GOOD, opened_in_prompt=True) == 0.5
        assert score(name, rest) < 0.5


@pytest.mark.parametrize(
    ("text", "fixed", "published"),
    [
        ("<think>2</think>4", 1.0, 1.0),
        ("2</think>4", -0.5, -0.5),
        ("<think>2</think>", -0.5, 1.0),
        ("<think> </think>4", -0.5, 1.0),
        ("</think>2<think>4", -0.5, 1.0),
        ("<think>2</think>3</think>4", -0.5, -0.5),
        ("<think><think>2</think>4", -0.5, -0.5),
        ("4", -2.0, -2.0),
    ],
)
def test_tag_count(text, fixed, published):
    fields = {"tags": ["think"], "once": 0.5, "otherwise": -1.0}
    assert score("tag_count", text, answer_after=True, **fields) == fixed
    assert score("tag_count", text, as_published=True, **fields) == published


def test_a_last_tag_with_nothing_behind_it_does_not_count_where_an_answer_belongs():
    reward = rk.build("tag_count", tags=["think"], answer_after=True)
    # half a point for each of two tags, one less for each that is missing
    assert reward(completions=["so</think>\n", "so</think>\n4"]) == [-2.0, -0.5]
