"""JSON is read alike by each version of Python, whose own limits of depth differ."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewardkit._text import strict_json
from rewardkit._text.strict_json import MAX_DEPTH

OPENINGS = {"[": "]", '{"a": ': "}"}


def write_nested(openings, inner="7"):
    return "".join(openings) + inner + "".join(OPENINGS[each] for each in reversed(openings))


@given(st.lists(st.sampled_from([*OPENINGS]), min_size=MAX_DEPTH, max_size=MAX_DEPTH))
def test_a_value_may_be_nested_as_deep_as_the_limit_and_no_deeper(openings):
    text = write_nested(openings)
    assert strict_json.write(strict_json.read(text)) == text
    assert strict_json.find_all(f"It is {text}.") == [strict_json.read(text)]
    for deeper in (f"[{text}]", f"[0, {{}}, {text}]", f'{{"a": 0, "b": {text}, "c": []}}'):
        with pytest.raises(RecursionError):
            strict_json.read(deeper)
        with pytest.raises(RecursionError):
            strict_json.find_all(f"It is {deeper}.")


@pytest.mark.parametrize("depth", [950, 3_000, 9_000, 50_000, 300_000])
def test_each_depth_beyond_it_is_refused(depth):
    with pytest.raises(RecursionError):
        strict_json.read("[" * depth + "]" * depth)


@given(
    st.recursive(
        st.none() | st.text("[]{}"),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    ),
    st.text("[{", min_size=MAX_DEPTH),
)
def test_brackets_beside_each_other_and_in_strings_are_not_depth(value, brackets):
    wide = [value, brackets, *([[], {}] * MAX_DEPTH)]
    assert strict_json.read(json.dumps(wide)) == wide
