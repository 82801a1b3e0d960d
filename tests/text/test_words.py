from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from rewardkit._text import words

PIECES = ["so", "1", "22", "x1", *"abc.,'-/:+=$_!(<>`|~^\n \t", "...", "1,000", "don't"]
TEXTS = st.one_of(
    st.lists(st.sampled_from(PIECES)).map("".join), st.text(st.characters(codec="ascii"))
)


@given(text=TEXTS)
@example(text="</think>8")
def test_the_pattern_for_plain_text_finds_what_the_one_for_any_script_does(text):
    text = text.lower()
    assert words._ASCII_WORD.findall(text) == words._WORD.findall(text)
