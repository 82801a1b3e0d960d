"""Tags by name and by a pair of marks."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from rewardkit._text.tag_layout import (
    Tag,
    Tags,
    check_tag,
    check_tags,
    compile_layout,
    compile_only_block,
    find_marks,
    find_near_tags,
    find_tags,
    is_blank,
    list_tags,
    tag_marks,
)


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


LAYOUTS = [
    ("think",),
    ("reasoning", "answer"),
    ("a", "A"),
    (("[A]", "[/A]"), "b"),
    (("ab", "bc"), ("cd", "dd")),
    (("<|channel|>final<|message|>", "<|return|>"),),
]


@given(tags=st.sampled_from(LAYOUTS), data=st.data())
def test_marks_are_found_where_a_search_for_each_finds_them(tags, data):
    marks = list_tags(tags)
    fragments = [
        *marks,
        *(mark.upper() for mark in marks),
        "< a >",
        "</ think x>",
        "abcdd",
        "7",
        "",
    ]
    text = "".join(data.draw(st.lists(st.sampled_from(fragments), max_size=12)))
    *found_at, near_tags = find_marks(text, marks)
    starts = [[at for at in range(len(text)) if text.startswith(mark, at)] for mark in marks]
    assert found_at == starts
    near = [mark for mark in marks if find_near_tags(text, mark, marks)]
    assert bool(near_tags) == bool(near)
    counted = [position >= 0 for position in find_tags(text, marks)]
    for mark, is_counted, occurrences in zip(marks, counted, starts, strict=True):
        assert not is_counted or (len(occurrences) == 1 and mark not in near)


@given(tags=st.sampled_from(LAYOUTS), data=st.data())
def test_a_layout_matches_if_each_mark_occurs_once_in_order_around_content(tags, data):
    marks = list_tags(tags)
    fragments = st.sampled_from([*marks, *marks, "7", "7", "<", " "])
    text = "".join(data.draw(st.lists(fragments, max_size=10)))
    if data.draw(st.booleans()):
        text = "".join(
            f"{opening}7{data.draw(fragments)}{closing}"
            for opening, closing in (map(tag_marks, tags))
        )
    positions = find_tags(text, marks)
    end = positions[-1] + len(marks[-1]) if -1 not in positions else -1
    # marks that overlap are beyond what a layout is for
    if tags != LAYOUTS[4]:
        assert compile_layout(tags)(text) == end
    for tag in tags:
        opening, closing = tag_marks(tag)
        # from left to right, so that marks do not share a character
        found_marks = re.findall(f"{re.escape(opening)}|{re.escape(closing)}", text)
        near = [find_near_tags(text, mark, [opening, closing]) for mark in (opening, closing)]
        expected = found_marks == [opening, closing] and not any(near)
        found = compile_only_block(tag)(text)
        assert (found is not None) == expected
        if found is not None:
            assert found[1] == text.partition(opening)[2].partition(closing)[0]


@given(
    tags=st.sampled_from(LAYOUTS),
    layout=st.sampled_from(["anywhere", "soft", "strict"]),
    inner=st.sampled_from(["7", "\n7\n", "\n\u2800\n", "\n\u2192\n"]),
    tail=st.lists(
        st.sampled_from(["7", " ", "\n", "*", "<", "<b>", "\\boxed{", "\u2192", "\u3164"])
    ),
    is_marked_again=st.booleans(),
)
def test_an_answer_after_the_blocks_is_text_that_is_not_blank(
    tags, layout, inner, tail, is_marked_again
):
    marks = list_tags(tags)
    blocks = "\n".join(f"{opening}{inner}{closing}" for opening, closing in map(tag_marks, tags))
    text = "".join([blocks, *tail, marks[0] * is_marked_again])
    end = compile_layout(tags, layout)(text)
    is_answered = end >= 0 and not is_blank(text[end:])
    assert compile_layout(tags, layout, answer_after=True)(text) == (end if is_answered else -1)


@pytest.mark.parametrize(
    ("text", "content"), [("cddd", ""), ("cd7dd", "7"), ("cdd", None), ("cddddd", None)]
)
def test_marks_of_a_block_share_no_character(text, content):
    found = compile_only_block(("cd", "dd"))(text)
    assert (found and found[1]) == content
