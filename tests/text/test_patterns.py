"""Which searches need no time limit."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

import rewardkit as rk
from rewardkit._text.patterns import (
    compile_pattern,
    compile_portable,
    find_literal_start,
    find_quick_length,
)

SECONDS_PER_STEP = 2e-8


@pytest.mark.parametrize(
    "pattern",
    [
        *("(a+)+b", "(a|aa)*b", "(?:ab)?+c", "a*b*", "a+ b+", r"(\w+)\1", "(?i)a", "a(?=b)c"),
        *("(?R)", r"\p{L}", r"(a)\g<1>", "a{2,}b{3}", "(a){2}", "(?:foo){e<=1}", r"\X+"),
    ],
)
def test_more_than_one_repeat_of_a_character_always_has_a_limit(pattern):
    assert find_quick_length(pattern, 0.1) == 0


@pytest.mark.parametrize(
    ("pattern", "steps"),
    [
        # the pattern's own length at each start, twice for an optional item, and for each branch
        ("</think>", lambda size: 8 * size),
        (r"ab?\d", lambda size: 5 * 2 * size),
        ("ab|cd", lambda size: 5 * 2 * size),
        ("[0-9]+", lambda size: 6 * size),
        (r"-?([\d.,]+)", lambda size: 11 * 2 * size),
        # one repeat from each start, and what follows it at each of its ends
        ("[0-9]+ ", lambda size: 2 * size**2),
        ("a|b*", lambda size: 2 * size**2),
        ("a*bcd", lambda size: 4 * size**2),
        (r"\\boxed\{-?[0-9][0-9,]*\}", lambda size: 2 * 2 * size**2),
    ],
)
def test_the_length_is_what_the_steps_allow(pattern, steps):
    for timeout in (0.01, 0.1, 1.0):
        size = find_quick_length(pattern, timeout)
        assert steps(size) * SECONDS_PER_STEP <= timeout * (1 + 1e-9)
        assert steps(size + 1) * SECONDS_PER_STEP > timeout * (1 - 1e-9)


@pytest.mark.parametrize(
    ("pattern", "literal"),
    [
        ("#### [0-9]+", "#### "),
        (r"\\boxed\{-?\d+\}", r"\boxed{"),
        ("</think>", "</think>"),
        ("ab*", "a"),
        ("ab{0,2}", "a"),
        ("a", "a"),
        ("a?", ""),
        ("(ab)+", ""),
        (r"\bab", ""),
        ("ab|cd", ""),
        ("ab(?i)c", ""),
        ("(?<=a)b", ""),
        ("^ab", ""),
    ],
)
def test_what_every_match_begins_with(pattern, literal):
    assert find_literal_start(pattern) == literal


@given(
    st.text("ab(){}[]*+?.^$\\|: ", min_size=1, max_size=8),
    st.text("ab{}. ", max_size=12),
)
def test_a_search_that_begins_with_it_finds_the_same(pattern, text):
    try:
        compiled = compile_pattern(pattern)
    except ValueError:
        assume(False)  # noqa: FBT003 - not a pattern
    found = rk.build("regex_match", pattern=pattern)(completions=[text])
    assert found == [float(bool(compiled.search(text)))]


# Most drawn texts are not patterns, or not portable ones.
@settings(suppress_health_check=[HealthCheck.filter_too_much])
@given(
    st.text("a1-,(){}[]*+?.^$\\| :&", min_size=1, max_size=8), st.text("a1-,{}. \n&", max_size=10)
)
def test_a_portable_pattern_matches_what_regex_matches(pattern, text):
    try:
        theirs = compile_pattern(pattern)
    except ValueError:
        assume(False)  # noqa: FBT003 - not a pattern
    ours = compile_portable(pattern)
    assume(ours)
    for where in ("search", "match", "fullmatch"):
        found, wanted = (getattr(each, where)(text) for each in (ours, theirs))
        assert (found and found.span()) == (wanted and wanted.span())


@pytest.mark.parametrize(
    "pattern",
    [
        *(r"\s", r"\w", r"\bab", r"(?i)a", "(?:a)", "(*FAIL)", "(?:ab){e<=1}", "a{e}", "a{,2}"),
        *("[[:alpha:]]", "[a&&b]", "[a--b]", "[\\w]", r"\p{L}", "a" * 1001),
    ],
)
def test_a_pattern_that_may_mean_something_else_is_not_portable(pattern):
    assert compile_portable(pattern) is None


def test_a_long_text_that_matches_at_its_second_mark():
    text = "[1" + "2" * 5000 + "x [34]" + " and more" * 500
    reward = rk.build("regex_match", pattern=r"\[[0-9]+\]")
    assert reward(completions=[text, text.replace("[34]", "34")]) == [1.0, 0.0]


@pytest.mark.parametrize("pattern", ["*", "(", "[z-a]", "a{3,2}"])
def test_what_is_no_pattern_of_re_is_not_portable(pattern):
    assert compile_portable(pattern) is None
