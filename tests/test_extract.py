from __future__ import annotations

import re
import time

import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

import rewardkit as rk
from rewardkit.extract import extract_answers


def extract(name, text, **fields):
    return rk.build(name, **fields).extract(text)


@pytest.mark.parametrize(
    ("name", "fields", "text", "found"),
    [
        ("whole", {}, " 4 \n", "4"),
        ("tag", {}, "<answer>\n4\n</answer>", "4"),
        ("tag", {}, "<answer>3</answer><answer>4</answer>", "4"),
        ("tag", {"which": "first"}, "<answer>3</answer><answer>4</answer>", "3"),
        ("tag", {"which": "only"}, "<answer>3</answer><answer>4</answer>", None),
        ("tag", {"which": "only"}, "so <answer>3</answer>.", "3"),
        ("tag", {}, "<answer>3</answer> and <answer>4", "3"),
        ("tag", {}, "<answer>4", None),
        ("tag", {}, "4</answer>", None),
        ("tag", {}, "</answer>4<answer>", None),
        ("tag", {}, "<answer></answer>", ""),
        ("tag", {}, "<answer>2<answer>4</answer>", "4"),
        ("tag", {"which": "first"}, "<answer>2<answer>4</answer>", "4"),
        ("tag", {"tag": "final"}, "<final>4</final>", "4"),
        ("tag", {"opened_in_prompt": True}, "4</answer>", "4"),
        ("tag", {"opened_in_prompt": True}, "<answer>4</answer>", "4"),
        ("tag", {"strict": False}, "<answer>3</answer><answer> 4", "4"),
        ("tag", {"strict": False}, " no tag ", "no tag"),
        ("tag", {"strict": False}, "4</answer> x", "4"),
        ("boxed", {}, r"\boxed{4}", "4"),
        ("boxed", {}, r"\boxed{\frac{1}{2}} or \boxed{ \{1, 2\} }.", r"\{1, 2\}"),
        ("boxed", {"which": "first"}, r"\boxed{\frac{1}{2}} or \boxed{3}", r"\frac{1}{2}"),
        ("boxed", {}, r"\boxed{4} and \boxed{5", "4"),
        ("boxed", {}, r"\boxed {4}", "4"),
        ("boxed", {}, r"\boxed", None),
        ("boxed", {}, "{4}", None),
        ("hash", {}, "#### 8", "8"),
        ("hash", {}, "#### 7\nno\n#### 8 \nyes", "8"),
        ("hash", {"which": "first"}, "#### 7\n#### 8", "7"),
        ("hash", {}, "### 8", None),
        ("after", {}, "a</think> b</think> c", "b</think> c"),
        ("after", {"which": "last"}, "a</think> b</think> c", "c"),
        ("after", {"strip": False}, "</think> c ", " c "),
        ("after", {}, "c", None),
        ("after", {"marker": "Answer:"}, "Answer: 4", "4"),
        ("last_number", {}, "from 3 to 4.", "4"),
        ("last_number", {}, "it costs $1,234.50, no more", "$1,234.50"),
        ("last_number", {}, "x = -42", "-42"),
        ("last_number", {}, "8-3", "8-3"),
        ("last_number", {}, "8 - 3", "8 - 3"),
        ("last_number", {}, "H2O", None),
        ("last_number", {}, "on 3/1/2024", "3/1/2024"),
        ("last_number", {}, "about 50%", "50%"),
        ("last_number", {}, r"so \frac{3}{4} of it", r"\frac{3}{4}"),
        ("last_number", {}, "1 1/2 cups", "1 1/2"),
        ("last_number", {}, "²", None),
        ("last_number", {}, "none", None),
        ("last_number", {"only": True}, "18, that is 18.0 eggs", "18.0"),
        ("last_number", {"only": True}, "1, 2 or 3", None),
        ("last_number", {"only": True}, "- $42", "-$42"),
        ("last_number", {"only": True}, "-**42**", "-42"),
        ("last_number", {"only": True}, "it is minus 42", "-42"),
        ("last_number", {"only": True}, "it is \u201342", "-42"),
        ("last_number", {"only": True}, "7 - 7", None),
        ("last_number", {"only": True}, "42\u00b2", None),
        ("last_number", {"only": True}, "\u0661 42", None),
        ("last_number", {}, "x^2 + 3", "2 + 3"),
        ("last_number", {}, "42k", "42k"),
        ("last_number", {}, "10^12", "10^12"),
        ("last_number", {}, "10^{3} of them", "10^{3}"),
        ("last_number", {}, "10 000 people", "10 000"),
        ("last_number", {}, "\u00bd cup", "\u00bd"),
        ("last_number", {"only": True}, "42 m\u00b2", "42"),
        ("last_number", {"only": True}, "-\u20b942", "-\u20b942"),
        ("last_number", {"only": True}, "-US$42", "-$42"),
        ("last_number", {"only": True}, r"-\text{42}", "-42"),
        ("last_number", {"only": True}, "\u00b142", None),
        ("last_number", {}, "x_1 = 3", "3"),
        ("last_number", {"only": True}, "x_1", None),
        ("last_number", {"only": True}, "42_85", None),
        ("last_number", {"only": True}, "42_41_{40}", None),
        ("last_number", {"only": True}, "_42_", "42"),
        ("last_number", {}, "2 and 1\u00bd", "1\u00bd"),
        ("last_number", {"within": "after"}, "1 + 2</think> 3", "3"),
        ("last_number", {"within": "after"}, "1 + 2 = 3", None),
        ("regex", {"pattern": r"is (\d+)"}, "is 3, is 4", "4"),
        ("regex", {"pattern": r"is (\d+)", "which": "first"}, "is 3, is 4", "3"),
        ("regex", {"pattern": r"\d+", "group": 0}, "3 4", "4"),
        ("regex", {"pattern": r"(?P<n>\d+)", "group": "n"}, "3 4", "4"),
        ("regex", {"pattern": r"(x)|\d"}, "3", None),
        ("choice", {}, "B", "B"),
        ("choice", {}, "The answer is (C).", "C"),
        ("choice", {}, "Answer: **D**", "D"),
        ("choice", {}, r"\boxed{\text{E}}", "E"),
        ("choice", {}, "(A) is too small, (B) too big", None),
        ("choice", {}, "The answer is A. No: the answer is B.", "B"),
        ("choice", {}, "The answer is (B), since option A is too small.", "B"),
        ("choice", {}, "The answer would be C.", "C"),
        ("choice", {}, "<answer>B</answer>", "B"),
        ("choice", {}, "**B. Paris**", "B"),
        ("choice", {}, r"\boxed{B. Paris}", "B"),
        ("choice", {}, r"\boxed{\textbf{B}}", "B"),
        ("choice", {}, "The correct answer is option B", "B"),
        ("choice", {}, "The answer is **option B**", "B"),
        ("choice", {}, "Option B is correct", "B"),
        ("choice", {}, "Answer choice: B", "B"),
        ("choice", {}, "The answer should be B", "B"),
        ("choice", {}, r"Answer: \(B\)", "B"),
        ("choice", {}, "The answer is _B_", "B"),
        ("choice", {}, "A cat", None),
        ("choice", {"options": "XY"}, "(Y)", "Y"),
        ("choice", {}, "nothing", None),
    ],
)
def test_extract(name, fields, text, found):
    assert extract(name, text, **fields) == found


SOUP = st.lists(
    st.sampled_from(["<answer>", "</answer>", "a", "b ", "\n", "<think>"]), max_size=10
).map("".join)


@given(text=SOUP)
def test_tag_agrees_with_a_pattern(text):
    blocks = re.findall(r"<answer>((?:(?!</?answer>)[\s\S])*)</answer>", text)
    assert extract("tag", text) == (blocks[-1].strip() if blocks else None)
    assert extract("tag", text, which="first") == (blocks[0].strip() if blocks else None)


@given(
    text=st.text("<>a|", max_size=12),
    marks=st.sampled_from([("<", ">"), ("<a", "a>"), ("|<", "<<"), ("a|", "||")]),
    which=st.sampled_from(["first", "last"]),
)
def test_a_tag_of_any_marks_is_the_block_of_its_closing_mark(text, marks, which):
    # the closing mark that follows the opening one that counts, and the nearest opening one before
    opening, closing = marks
    at = (
        text.find(opening)
        if which == "first"
        else text.rfind(opening, 0, max(text.rfind(closing), 0))
    )
    stop = text.find(closing, at) if at >= 0 else -1
    start = text.rfind(opening, 0, stop) if stop >= 0 else -1
    expected = text[start + len(opening) : stop].strip() if start >= 0 else None
    assert extract("tag", text, tag=marks, which=which) == expected


@given(text=SOUP)
def test_the_loose_tag_agrees_with_the_notebooks_two_splits(text):
    expected = text.split("<answer>")[-1].split("</answer>")[0].strip()
    assert extract("tag", text, strict=False) == expected


@given(
    content=st.recursive(
        st.sampled_from(["1", "x", r"\{"]),
        lambda s: st.lists(s).map(lambda p: "{" + "".join(p) + "}"),
    )
)
def test_boxed_finds_its_own_content(content):
    assert extract("boxed", rf"so \boxed{{{content}}} it is") == content


def test_catastrophic_backtracking_is_stopped():
    start = time.monotonic()
    assert extract("regex", "a" * 60 + "!", pattern=r"((?:a|aa)+)$", timeout=0.05) is None
    assert time.monotonic() - start < 5


@pytest.mark.parametrize(
    "text",
    [
        *("not 42", "It isn't 42.", "never 42", "85 != 42", "\u2260 42"),
        *("(42)^2", r"\left(42\right)^2", r"\sqrt{-42}", "log(42)", "$42!$", "(42)! $"),
    ],
)
def test_a_negated_or_modified_number_is_not_an_answer(text: str) -> None:
    assert rk.build("last_number", only=True).extract(text) is None


@pytest.mark.parametrize(
    "text", ["It is 42!", "(42)", "It is 42, is it not?", "**42**!", "I note 42."]
)
def test_a_number_with_punctuation_is_itself(text: str) -> None:
    assert rk.build("last_number", only=True).extract(text) == "42"


def test_a_number_in_a_loop_is_no_answer():
    only = rk.build("last_number", only=True)
    assert only.extract("so it is -7, " * 1_000) == "-7"
    assert only.extract("so it is -7, " * 1_001) is None
    assert rk.build("last_number").extract("so it is -7, " * 1_001) == "-7"


@pytest.mark.parametrize("space", [" ", "\u202f", "~"])
def test_a_run_of_groups_ends_before_a_longer_number(space):
    text = space.join(["100"] * 3000 + ["1000"])
    assert rk.build("last_number").extract(f"{text} in all") == "1000"


@pytest.mark.parametrize("which", ["first", "last"])
@pytest.mark.parametrize(
    ("text", "first", "last"),
    [("a1 b a2", "1", "2"), ("b a1 b", "1", "1"), ("b b", None, None), ("no", None, None)],
)
def test_a_match_without_the_group_is_passed_over(which, text, first, last):
    found = rk.build("regex", pattern=r"a(\d)|b", which=which).extract(text)
    assert found == (first if which == "first" else last)


@given(
    pattern=st.sampled_from([r"a(?P<n> ?\d*)|b", r"-?([\d.,]+)", r"(a+)+b|(?P<n>\d)"]),
    pick=st.integers(0, 9),
    which=st.sampled_from(["first", "last"]),
    strip=st.booleans(),
    texts=st.lists(st.text("ab1,. \n\ud800\u0664", max_size=12), max_size=4),
)
def test_a_batch_has_the_matches_of_regex(pattern, pick, which, strip, texts):
    compiled = regex.compile(pattern)
    groups = [*range(compiled.groups + 1), *compiled.groupindex]
    group = groups[pick % len(groups)]
    fields = {"pattern": pattern, "group": group, "which": which, "strip": strip}
    extractor = rk.build("regex", **fields, timeout=1.0)
    batch = rk.Batch.of(texts)
    expected = []
    for text in batch.texts:
        found = [match[group] for match in compiled.finditer(text) if match[group] is not None]
        answer = found[0 if which == "first" else -1] if found else None
        expected.append(answer.strip() if strip and answer else answer)
    assert extract_answers(extractor, batch) == expected
    assert [extractor.extract(text) for text in batch.texts] == expected


def test_each_text_of_a_batch_has_its_own_time():
    extractor = rk.build("regex", pattern=r"((?:a|aa)+)$", timeout=0.05)
    batch = rk.Batch.of("aaa", "a" * 60 + "!", "aa")
    assert extract_answers(extractor, batch) == ["aaa", None, "aa"]
