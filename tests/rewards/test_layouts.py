"""Layouts as models write them: other marks, near-tags, special tokens, line ends, and the whys."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

import rewardkit as rk
from rewardkit._text.tag_defects import find_defect
from rewardkit._text.tag_layout import compile_layout

WORK = ("<start_working_out>", "<end_working_out>")
SOLUTION = ("<SOLUTION>", "</SOLUTION>")
SOLVED = "<start_working_out>3 + 6<end_working_out><SOLUTION>9</SOLUTION>"
BRACKETS = ("[THINK]", "[/THINK]")
ANALYSIS = ("<|channel|>analysis<|message|>", "<|end|>")
FINAL = ("<|start|>assistant<|channel|>final<|message|>", "<|return|>")
CHANNEL = ("<|channel|>final<|message|>", "<|return|>")
HARMONY = f"{ANALYSIS[0]}3 + 6{ANALYSIS[1]}{FINAL[0]}9{FINAL[1]}"
ARROWS = ("\u25c1think\u25b7", "\u25c1/think\u25b7")
LINES = "<reasoning>\n3 + 6\n</reasoning>\n<answer>\n9\n</answer>"
THOUGHT = "<think>3 + 6</think>9"
BOTH = ["think", "answer"]


def score(name, text, **fields):
    return rk.build(name, **fields)(completions=[text])[0]


@pytest.mark.parametrize(
    ("name", "tags", "text", "value"),
    [
        ("think_format", [BRACKETS], "[THINK]3 + 6[/THINK]9", 1.0),
        ("think_format", [BRACKETS], "[THINK]3 + 6[/THINK]", 0.0),
        ("think_format", [BRACKETS], "[THINK][/THINK]9", 0.0),
        ("think_format", [BRACKETS], "[THINK]x[/THINK]9[THINK]", 0.0),
        ("think_format", [BRACKETS], "[THINK]x[/THINK]9 [ think ]", 0.0),
        ("think_format", [BRACKETS], "[THINK]see [1] and a[0] = 2[/THINK]9", 1.0),
        ("think_format", [BRACKETS], "<think>3 + 6</think>9", 0.0),
        ("think_format", [ARROWS], f"{ARROWS[0]}3 + 6{ARROWS[1]}9", 1.0),
        ("think_format", [WORK, SOLUTION], SOLVED, 1.0),
        ("think_format", [WORK, SOLUTION], f"{SOLVED} so", 0.0),
        ("think_format", [WORK, SOLUTION], SOLVED.replace("9", ""), 0.0),
        ("think_format", [WORK, SOLUTION], SOLVED.replace("<end", "<start"), 0.0),
        ("think_format", [WORK, "answer"], f"{WORK[0]}3{WORK[1]}<answer>9</answer>", 1.0),
        ("xml_soft", [WORK, SOLUTION], f"{SOLVED} so", 0.5),
        ("xml_soft", [WORK, SOLUTION], f"So {SOLVED}", 0.0),
        ("xml_count", [WORK, SOLUTION], SOLVED, 0.5),
        ("xml_count", [WORK, SOLUTION], SOLVED.replace(WORK[1], ""), 0.375),
        ("tag_count", [WORK, SOLUTION], SOLVED, 2.0),
        ("tag_count", [WORK, SOLUTION], SOLVED * 2, -4.0),
        ("tag_count", [WORK, SOLUTION], SOLVED[: SOLVED.index("</")], 0.5),
        ("xml_strict", [BRACKETS, "answer"], f"[THINK]\nx\n[/THINK]\n{LINES[-20:]}", 0.5),
        ("xml_strict", [BRACKETS, "answer"], f"[THINK]x[/THINK]\n{LINES[-20:]}", 0.0),
        ("xml_strict", [("A:\n", "\n:A")], "A:\n\n9\n\n:A", 0.5),
        ("think_format", [ANALYSIS, FINAL], HARMONY, 1.0),
        ("think_format", [ANALYSIS, FINAL], f"{HARMONY}\n<|endoftext|>", 1.0),
        ("think_format", [ANALYSIS, FINAL], HARMONY.removesuffix(FINAL[1]), 0.0),
        ("think_format", [ANALYSIS, FINAL], HARMONY.replace("9", "<|end_of_text|>"), 0.0),
        ("think_format", [ANALYSIS], f"{ANALYSIS[0]}3 + 6{ANALYSIS[1]}9<|return|>", 1.0),
        ("think_format", [ANALYSIS], f"{ANALYSIS[0]}3 + 6{ANALYSIS[1]}<|return|>", 0.0),
        ("think_format", [ANALYSIS, CHANNEL], HARMONY, 1.0),
        ("think_format", [ANALYSIS, CHANNEL], HARMONY.replace("<|start|>", "<|end|>"), 0.0),
        ("think_format", [ANALYSIS, CHANNEL], HARMONY.replace("assistant", "user"), 0.0),
        ("xml_soft", [ANALYSIS, CHANNEL], HARMONY.replace("<|start|>", "\n<|start|>"), 0.5),
        ("think_format", [("analysis", "assistantfinal")], "analysis3 + 6.assistantfinal9", 1.0),
        ("tag_count", [ANALYSIS], f"{ANALYSIS[0]}3 + 6{ANALYSIS[1]}", 1.0),
        ("xml_count", ["s"], "<s>9</s>", 0.25),
    ],
)
def test_a_block_has_any_two_marks(name, tags, text, value):
    assert score(name, text, tags=tags) == pytest.approx(value)
    if name == "think_format" and value:
        rest = text.removeprefix(tags[0][0])
        assert score(name, rest, tags=tags, opened_in_prompt=True) == value
        assert score(name, rest, tags=tags) == 0.0


@pytest.mark.parametrize(
    ("fields", "text", "answer"),
    [
        ({"tag": SOLUTION}, SOLVED, "9"),
        ({"tag": SOLUTION}, f"{SOLVED}<SOLUTION>8</SOLUTION>", "8"),
        ({"tag": SOLUTION, "which": "first"}, f"{SOLVED}<SOLUTION>8</SOLUTION>", "9"),
        ({"tag": SOLUTION, "which": "only"}, f"{SOLVED}<SOLUTION>8</SOLUTION>", None),
        ({"tag": SOLUTION, "which": "only"}, f"{SOLVED}<solution>8</solution>", None),
        ({"tag": SOLUTION, "which": "only"}, SOLVED, "9"),
        ({"tag": SOLUTION, "strict": False}, SOLVED[:-3], "9</SOLUTI"),
        ({"tag": SOLUTION, "opened_in_prompt": True}, "9</SOLUTION>", "9"),
        ({"tag": SOLUTION}, "<SOLUTION>9", None),
        ({"tag": WORK}, SOLVED, "3 + 6"),
        ({"tag": BRACKETS}, "[THINK] a[0] [/THINK]", "a[0]"),
        # a batch strips the last mark from its texts
        ({"tag": FINAL}, HARMONY, "9"),
        ({"tag": FINAL}, HARMONY.removesuffix("<|return|>"), "9"),
        ({"tag": FINAL, "which": "only"}, HARMONY.removesuffix("<|return|>"), "9"),
        ({"tag": "answer", "lenient": True}, "<Answer type='int'> 9 </ answer >", "9"),
        ({"tag": "answer"}, "<Answer> 9 </ answer >", None),
        ({"tag": "answer", "which": "only", "lenient": True}, "<answer>9</answer><Answer>8", None),
    ],
)
def test_the_tag_extractor_finds_any_two_marks(fields, text, answer):
    assert rk.build("tag", **fields).extract(text) == answer
    reward = rk.build("correct", verifier="exact", extractor={"type": "tag", **fields})
    assert reward(completions=[text], answer=[answer or "?"]) == [1.0 if answer else 0.0]


def test_the_whole_text_has_no_byte_order_mark():
    assert rk.build("whole").extract("\ufeff Rome\r\n") == "Rome"


def test_after_a_near_marker():
    assert rk.build("after").extract("3</Think >9") is None
    assert rk.build("after", lenient=True).extract("3</Think >9") == "9"
    assert rk.build("after", lenient=True, marker="####").extract("3 #### 9") == "9"


@pytest.mark.parametrize("name", ["xml_strict", "xml_soft", "xml_count", "tag_count"])
def test_pairs_survive_yaml_pickles_and_json(name):
    reward = rk.build(name, tags=[list(WORK), "answer"], lenient=True)
    assert reward.tags == (WORK, "answer")
    assert rk.load(rk.dump(reward)) == reward
    assert pickle.loads(pickle.dumps(reward)) == reward
    assert type(reward).model_validate_json(reward.model_dump_json()) == reward
    extractor = rk.build("tag", tag=list(SOLUTION))
    assert rk.load(rk.dump(extractor)) == extractor
    assert hash(reward) == hash(rk.build(name, tags=(WORK, "answer"), lenient=True))


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"tags": [["[A]", "[A]"]]}, r"xml_soft.tags.0: got the mark '\[A\]' twice"),
        ({"tags": [["", "[/A]"]]}, "expected two marks that are not empty"),
        ({"tags": [["[A]"]]}, "expected a string such as 'answer', or a pair"),
        ({"tags": ["<think>"]}, "got the tag '<think>', expected a name such as 'answer'"),
        ({"tags": ["[A]", "[/A]"]}, "a pair .opening, closing. in brackets of its own"),
        ({"tags": ["a", "a"]}, "expected different names"),
    ],
)
def test_a_malformed_pair_is_refused(fields, words):
    with pytest.raises(ValueError, match=words) as caught:
        rk.build("xml_soft", **fields)
    assert "\n" not in str(caught.value)


NEAR = [
    "<THINK>",
    "<think >",
    "< think>",
    '<think step="2">',
    "<think\n>",
    "</ Think >",
    "<think/>",
]


@pytest.mark.parametrize("near", NEAR)
def test_a_near_tag_counts_as_the_tag_again(near):
    text = f"{THOUGHT} {near} No, 8."
    assert score("think_format", text) == 0.0
    assert score("tag_count", text, tags=["think"]) == -0.5
    assert score("xml_count", f"{near}{THOUGHT}", tags=["think"], tail_penalty=0) == 0.125
    assert score("xml_soft", text.replace("9", "<answer>9</answer>"), tags=BOTH) == 0.0
    # other tags and operators are none of the layout's
    for other in ("<thinks>", "<b>", "a < think", "< 3 >", "<thin>k", "think>"):
        assert score("think_format", f"{THOUGHT} {other}") == 1.0


@pytest.mark.parametrize(
    "text",
    [
        "<Think>3 + 6</THINK>9",
        "< think >3 + 6</ think >9",
        "<think step='1'>3 + 6< /think>9",
        "<think\n>3 + 6</think>9",
    ],
)
def test_lenient_reads_near_tags_as_the_tags(text):
    assert score("think_format", text) == 0.0
    assert score("think_format", text, lenient=True) == 1.0
    assert score("think_format", f"{text} <THINK>", lenient=True) == 0.0
    assert score("tag_count", text, tags=["think"], lenient=True) == 1.0
    rest = text[text.index(">") + 1 :]
    assert score("think_format", rest, lenient=True, opened_in_prompt=True) == 1.0
    assert score("think_format", text, lenient=True, opened_in_prompt=True) == 1.0


def test_names_that_differ_in_capitals_alone_are_two_tags():
    tags = ["A", "a"]
    for lenient in (False, True):
        assert score("xml_soft", "<A>1</A><a>2</a>", tags=tags, lenient=lenient) == 0.5
        assert score("tag_count", "<A>1</A><a>2</a>", tags=tags, lenient=lenient) == 2.0


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("xml_strict", LINES.replace("\n", "\r\n"), 0.5),
        ("xml_strict", LINES.replace("\n", "\r\n") + "\r\n", 0.5),
        ("xml_strict", f"\ufeff{LINES}", 0.5),
        ("xml_strict", f"\ufeff{LINES}".replace("\n", "\r\n"), 0.5),
        ("xml_strict", LINES.replace("\n", "\r"), 0.0),
        ("xml_strict", LINES.replace("3 + 6", ""), 0.0),
        ("xml_soft", f"\ufeff {LINES}", 0.5),
        ("xml_count", f"\ufeff{LINES}\r\n", 0.5),
        ("xml_strict", f"{LINES}<|im_end|>\n", 0.5),
        ("xml_strict", f"{LINES}\n</s></s></s>", 0.5),
        ("xml_count", f"{LINES}<|eot_id|>", 0.5),
        ("xml_soft", LINES.replace("3 + 6", "<|endoftext|>"), 0.0),
        ("xml_soft", LINES.replace("9", "[PAD] [PAD]"), 0.0),
        ("xml_soft", LINES.replace("9", "[7]"), 0.5),
        ("xml_soft", LINES.replace("9", "<|im_end|> 9"), 0.5),
        ("xml_count", f"{LINES}<|im_end|>\n<|im_start|>user", 0.5 - 0.027),
    ],
)
def test_line_ends_byte_order_marks_and_special_tokens(name, text, value):
    assert score(name, text) == pytest.approx(value)


def test_a_byte_order_mark_before_a_tag_that_the_prompt_opened():
    for text in (f"\ufeff{THOUGHT}", f"\ufeff\n{THOUGHT}", THOUGHT.removeprefix("<think>")):
        assert score("think_format", text, opened_in_prompt=True) == 1.0
    crlf = LINES.replace("\n", "\r\n")
    for text in (crlf, crlf.removeprefix("<reasoning>\r\n")):
        assert score("xml_strict", text, opened_in_prompt=True) == 0.5


@pytest.mark.parametrize(
    "think", ["<think>\n\n</think>\n\n", "<think></think>", "\n<think> </think>\n"]
)
def test_an_empty_think_block_may_come_before_the_layout(think):
    for name in ("xml_strict", "xml_soft"):
        assert score(name, think + LINES) == 0.5
        assert score(name, think + LINES, empty_think=False) == 0.0
        assert score(name, think.replace("><", ">x<").replace("\n", "x") + LINES) == 0.0
        assert score(name, think * 2 + LINES) == 0.0
        assert score(name, "<think>" + LINES) == score(name, "</think>" + LINES) == 0.0
    assert score("xml_soft", f"{think}9") == 0.0
    # a block that the layout asks for may not be empty
    assert score("think_format", f"{think}9") == score("think_format", think + THOUGHT) == 0.0
    assert score("xml_soft", f"{think}<answer>9</answer>", tags=BOTH) == 0.0
    assert score("think_format", think + SOLVED, tags=[WORK, SOLUTION]) == 1.0


def why(name, text, **fields):
    [found] = rk.build(name, **fields).score(rk.Batch.of(text))
    return found.why


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("think_format", "9", "no opening <think>"),
        ("think_format", "3</think>9", "no opening <think> (opened_in_prompt=True, if the prompt"),
        ("think_format", "<think>3 + 6", "no closing </think>"),
        ("think_format", "<think>3 + 6</Think>9", "no closing </think>, but '</Think>'"),
        ("think_format", f"<think>{THOUGHT}", "<think> twice"),
        ("think_format", f"{THOUGHT}</think></think>", "</think> 3 times"),
        ("think_format", f"{THOUGHT} <Think>", "<think> again, as '<Think>'"),
        ("think_format", "</think>3<think>9", "</think> before <think>"),
        ("think_format", "<think>.</think>9", "nothing between <think> and </think>"),
        ("think_format", f"So {THOUGHT}", "text before <think>: 'So'"),
        ("think_format", THOUGHT[:-1], "no answer after </think>"),
        ("xml_soft", LINES[-20:], "no opening <reasoning>"),
        ("xml_soft", f"{LINES[-20:]}{LINES[:-20]}", "<answer> before </reasoning>"),
        (
            "xml_soft",
            LINES.replace("</reasoning>", "</reasoning> So"),
            "text before <answer>: 'So'",
        ),
        ("xml_strict", f"\n{LINES}", "white space before <reasoning>"),
        ("xml_strict", LINES.replace("9\n", "9"), "no newline before </answer>"),
        ("xml_strict", LINES.replace("\n9", "9"), "no newline after <answer>"),
        (
            "xml_strict",
            LINES.replace("\n<", "\n\n<"),
            "<answer> not on the line after </reasoning>",
        ),
        ("xml_strict", f"{LINES} I hope!", "text after </answer>: 'I hope!'"),
        ("xml_count", f"{LINES} I hope!", "4 of 4 tags, 7 characters after them: text after"),
        ("xml_count", LINES[:-9], "3 of 4 tags, 1 characters after them: no closing </answer>"),
        ("xml_count", LINES, "4 of 4 tags, 0 characters after them"),
        ("tag_count", LINES + LINES, "0 of 4 tags: <reasoning> twice"),
        ("tag_count", LINES, "4 of 4 tags"),
    ],
)
def test_the_why_names_the_first_defect(name, text, reason):
    assert why(name, text).startswith(reason)


def test_a_trainer_pays_for_a_why_only_if_it_asks():
    seen = {}
    reward = rk.build("think_format", log_why=True)
    assert reward(completions=["9"], log_extra=seen.__setitem__) == [0.0]
    assert seen == {f"{reward.__name__}/why": ["no opening <think>"]}
    plain = []
    for fields in ({}, {"log_extra": seen.__setitem__}):
        plain += rk.build("think_format")(completions=["9"], **fields)
    assert plain == [0.0, 0.0]
    batch = rk.Batch.of("9")
    batch.explain = False
    whys = [score.why for score in rk.build("think_format").score(batch.select([0]))]
    assert whys == ["not the think layout"]


PIECES = [
    *("<a>", "</a>", "[B]", "[/B]", "<a>\n", "\n</a>\n", "[B]\n", "\n[/B]", "<A>", "[ b]"),
    *(
        "\n",
        "\r\n",
        " ",
        "x",
        "9 8",
        ".",
        "<think>",
        "</think>",
        "<think></think>",
        "\ufeff",
        "[0]",
    ),
]
SOUP = st.lists(st.sampled_from(PIECES), max_size=12).map("".join)
FRAMED = st.tuples(
    *[st.sampled_from(["", "\n", "x", "\nx\n", " ", "\r\nx\r\n", "<think></think>"])] * 5
).map(lambda gaps: "{}<a>{}</a>{}[B]{}[/B]{}".format(*gaps))


@given(text=st.one_of(SOUP, FRAMED), think=st.booleans())
def test_a_layout_matches_exactly_if_it_has_no_defect(text, think):
    tags = ("a", ("[B]", "[/B]"))
    for layout in ("anywhere", "soft", "strict"):
        end = compile_layout(tags, layout, empty_think=think)(text)
        assert (end >= 0) == (not find_defect(text, tags, layout, empty_think=think))


@given(text=st.one_of(SOUP, FRAMED))
def test_a_reward_is_full_exactly_if_it_names_no_defect(text):
    tags = ("a", ("[B]", "[/B]"))
    for name in ("xml_count", "tag_count"):
        reward = rk.build(name, tags=tags)
        [found] = reward.score(rk.Batch.of(text))
        assert (found.value == reward.bounds[1]) == (": " not in found.why)
