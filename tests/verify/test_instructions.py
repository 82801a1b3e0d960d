"""Instructions are checked as if-verifiable checks them; expected values are counted by hand."""

from __future__ import annotations

import json
from importlib.util import find_spec

import pytest

from rewardkit.extract import Whole
from rewardkit.rewards import Correct
from rewardkit.verify import Instructions

pytestmark = pytest.mark.skipif(
    find_spec("if_verifiable") is None, reason="if-verifiable is not installed"
)


def row(*pairs):
    return {
        "instruction_id_list": [name for name, _ in pairs],
        "kwargs": [arguments for _, arguments in pairs],
    }


NO_COMMA = ("punctuation:no_comma", {})
SHORT = ("length_constraints:number_words", {"num_words": 4, "relation": "less than"})
LETTERS = (
    "keywords:letter_frequency",
    {"letter": "#", "let_frequency": 2, "let_relation": "at least"},
)
ENDS = ("startend:end_checker", {"end_phrase": "Bye."})


def judge(answer, reference, **fields):
    return Instructions(**fields).verify([answer], [reference])[0]


@pytest.mark.parametrize(
    ("answer", "pairs", "share"),
    [
        ("One two three", [NO_COMMA, SHORT], 1.0),
        ("One, two three", [NO_COMMA, SHORT], 0.5),
        ("One, two, three, four", [NO_COMMA, SHORT], 0.0),
        (
            "One two three",
            [
                (
                    "length_constraints:number_words",
                    {"num_words": 4.0, "relation": "less than", "n": None},
                )
            ],
            1.0,
        ),
        ("#a #b", [LETTERS], 1.0),
        ("#a b", [LETTERS], 0.0),
        ("<think>a, b, c</think>Well.", [NO_COMMA], 1.0),
        ("a b b c", [("count:unique_word_count", {"N": 3})], 1.0),
        ("a b b b", [("count:unique_word_count", {"N": 3})], 0.0),
        ("\U0001f600" * 3, [SHORT, NO_COMMA], 1.0),
    ],
)
def test_the_share_is_that_of_the_instructions_followed(answer, pairs, share):
    verdict = judge(answer, row(*pairs))
    assert verdict.share == share
    assert verdict.outcome == ("correct" if share == 1 else "wrong")


@pytest.mark.parametrize(
    ("answer", "strict", "loose"),
    [
        ("Yes. Bye.", True, True),
        ("Yes. **Bye.**", False, True),
        ("Yes. Bye.\nOne more line.", False, True),
        ("Sure, I do:\nYes. Bye.\nOne more line.", False, True),
        ("Yes. Bye. No.", False, False),
    ],
)
def test_loose_leaves_out_lines_and_asterisks(answer, strict, loose):
    outcomes = [
        judge(answer, row(ENDS), mode=mode).outcome == "correct" for mode in ("strict", "loose")
    ]
    assert outcomes == [strict, loose]


@pytest.mark.parametrize(
    "reference",
    [
        row(NO_COMMA),
        json.dumps(row(NO_COMMA)),
        [row(NO_COMMA)],
        str([{"instruction_id": ["punctuation:no_comma"], "kwargs": [None]}]),
        {"instruction_id_list": '["punctuation:no_comma"]', "kwargs": '[{"n": null}]'},
        {"instruction_id_list": ["punctuation:no_comma"]},
        {"instruction_id_list": ["punctuation:no_comma"], "kwargs": ["{}"]},
    ],
)
def test_a_reference_is_read_as_datasets_write_it(reference):
    assert judge("a b", reference).outcome == "correct"
    assert judge("a, b", reference).detail == "0 of 1; not punctuation:no_comma"


@pytest.mark.parametrize(
    ("reference", "reason"),
    [
        (None, "expected a mapping"),
        ("no commas", "expected a mapping"),
        ([], "expected a mapping"),
        ({"kwargs": []}, "no instruction_id_list"),
        ({"instruction_id_list": [7], "kwargs": [{}]}, "instruction_id_list is [7] (list)"),
        (
            {"instruction_id_list": "punctuation:no_comma", "kwargs": {}},
            "instruction_id_list is 'punctuation:no_comma' (str), expected a list of ids",
        ),
        (
            {"instruction_id_list": ["punctuation:no_comma"], "kwargs": [{}, {}]},
            "a list of 1 mappings",
        ),
        ({"instruction_id_list": ["punctuation:no_comma"], "kwargs": 7}, "a list of 1 mappings"),
        (row(("punctuation:no_coma", {})), "did you mean 'punctuation:no_comma'"),
        (row(("length_constraints:number_words", {"num_words": 4})), "no argument relation"),
        (row((SHORT[0], {"num_words": 4, "relation": "under"})), "relation"),
        (row((SHORT[0], {"num_words": "four", "relation": "less than"})), "TypeError"),
        (row(("punctuation:no_comma", {"words": 4})), "words"),
        (
            row(
                NO_COMMA,
                ("length_constraints:number_words", {"num_words": -4, "relation": "at least"}),
            ),
            "-4",
        ),
    ],
)
@pytest.mark.parametrize("answer", ["a b", ""])
def test_an_instruction_that_nothing_can_check_says_why(reference, reason, answer):
    verdict = judge(answer, reference)
    assert verdict.outcome == "bad_reference"
    if answer or "TypeError" not in reason:
        assert reason in verdict.detail


@pytest.mark.parametrize("answer", [None, "", " \n", "<think>still thinking", "<think>so</think>"])
def test_nothing_is_no_answer(answer):
    assert judge(answer, row(NO_COMMA)).outcome == "no_answer"


def test_missing_data_of_nltk_names_the_command():
    verdict = judge("This is it.", row(("ratio:stop_words", {"percentage": 50})))
    # the worker's own search, which the machine's data may satisfy
    if verdict.outcome == "bad_reference":
        command = "python -m nltk.downloader stopwords"
        assert verdict.detail == f"ratio:stop_words needs data of nltk: run {command}"
    else:
        assert verdict.outcome == "wrong"


def test_a_reward_reads_both_columns():
    columns = ["instruction_id_list", "kwargs"]
    reward = Correct(verifier=Instructions(), extractor=Whole(), reference=columns)
    values = reward(
        completions=["One, two", "One two"],
        instruction_id_list=[["punctuation:no_comma", SHORT[0]]] * 2,
        kwargs=[[{}, SHORT[1]]] * 2,
    )
    assert values == [0.5, 1.0]
