"""Tags by name and by a pair of marks."""

from __future__ import annotations

import pytest
from pydantic import TypeAdapter

from rewardkit._text.tag_layout import Tag, Tags, check_tag, check_tags, list_tags, tag_marks


def test_a_name_and_a_pair_give_an_opening_and_a_closing_mark():
    assert tag_marks("seed:think") == ("<seed:think>", "</seed:think>")
    assert tag_marks(("<start>", "<end>")) == ("<start>", "<end>")
    assert list_tags(["a", ("[B]", "[/B]")]) == ["<a>", "</a>", "[B]", "[/B]"]
    # YAML and JSON have lists in place of tuples
    assert TypeAdapter(Tags).validate_python([["[A]", "[/A]"], "b"]) == (("[A]", "[/A]"), "b")
    assert TypeAdapter(Tag).validate_json('["[A]", "[/A]"]') == ("[A]", "[/A]")


@pytest.mark.parametrize(
    ("tag", "words"),
    [
        ("", r"got '' \(str\), expected a name such as 'answer', or a pair"),
        ("<think>", "got the tag '<think>', .* or a pair .*, such as .'<think>', '</think>'"),
        ("[/THINK]", r"in brackets of its own, such as \('\[THINK\]', '\[/THINK\]'\)"),
        (("[A]",), r"got \('\[A\]',\) \(tuple\), expected a string such as 'answer', or a pair"),
        (("[A]", "[B]", "[C]"), "expected a string such as 'answer', or a pair"),
        (("[A]", 3), "expected a string such as 'answer', or a pair"),
        (3, r"got 3 \(int\), expected a string such as 'answer', or a pair"),
        (None, r"got None \(NoneType\), expected a string"),
        (("", "[/A]"), "expected two marks that are not empty"),
        (("[A]", " \n"), "expected two marks that are not empty"),
        (("**", "**"), r"got the mark '\*\*' twice, expected marks that differ"),
        (("think", "/think"), "got the mark 'think' and '/think', which contains it"),
        (("[A][B]", "[B]"), "which contains it"),
    ],
)
def test_a_malformed_tag_is_refused_in_words(tag, words):
    with pytest.raises(ValueError, match=words):
        check_tag(tag)


@pytest.mark.parametrize(
    ("tags", "words"),
    [
        (("a", "a"), r"got \('a', 'a'\), expected different names"),
        (("a", ("<a>", "<end>")), "got the mark '<a>' twice"),
        ((("[A]", "<end>"), ("[B]", "<end>")), "got the mark '<end>' twice"),
        (("a", ("[<a>]", "<end>")), r"got the mark '<a>' and '\[<a>\]', which contains it"),
    ],
)
def test_marks_of_different_blocks_differ(tags, words):
    with pytest.raises(ValueError, match=words):
        check_tags(tags)
