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
    assert words._ASCII_WORD.findall(text) == words._compile(words._WORD).findall(text)


def count_by_hand(text):
    """Characters of Han and kana, and what is between them and white space if it is no comma."""
    if not any("\u3040" <= character <= "\u9fff" for character in text):
        return len(text.split())
    count, run = 0, ""
    for character in f"{text} ":
        alone = "\u3040" <= character <= "\u30ff" or "\u4e00" <= character <= "\u9fff"
        if not alone and not character.isspace():
            run += character
            continue
        count += alone + bool(run.strip("，。！"))
        run = ""
    return count


@given(text=st.text("ab1é \n我数ひ，。！", max_size=30))
def test_each_character_of_a_script_without_spaces_is_a_word(text):
    assert words.count_words(text) == count_by_hand(text)


@given(text=st.text("ab \n!-,éü", max_size=30))
def test_words_of_other_scripts_are_between_spaces(text):
    assert words.count_words(text) == len(text.split())


def longest_run(text):
    """The end of the longest run at the start of a text: its unit and how often, by hand."""
    best = 0
    for size in range(1, words.MAX_UNIT_CHARACTERS + 1):
        unit, end = text[:size], size
        while text.startswith(unit, end):
            end += size
        best = max(best, end if end >= 3 * size else 0)
    return best


@given(
    unit=st.text("abc!-", min_size=1, max_size=16),
    times=st.integers(1, 12),
    around=st.tuples(st.text("xyz", max_size=3), st.text("xyz", max_size=3)),
)
def test_a_run_is_cut_out_if_it_is_long(unit, times, around):
    run = unit * times
    kept, characters = words.cut_runs(f"so {around[0]}{run}{around[1]} it is")
    if times >= 3 and len(run) >= words.MIN_RUN_CHARACTERS:
        assert characters >= longest_run(run) - 2 * len(unit) > 0
        assert run not in kept
    elif longest_run(run) == 0:
        assert (kept.split()[1], characters) == (f"{around[0]}{run}{around[1]}", 0)
    assert kept.startswith("so ")
    assert kept.endswith(" it is")
