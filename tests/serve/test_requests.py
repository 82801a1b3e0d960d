"""What a worker answers to requests of any content, alone and together."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

import rewardkit as rk
from rewardkit.serve.request_scorer import QUERIES, ROWS, Request, RequestScorer

RIGHT = rk.build("correct", verifier="number", extractor="whole", name="right")


def picky(completions, hint=None, **_):
    """A reward that raises for some texts, and gives more if there is a column `hint`."""
    if "bad" in completions:
        raise ValueError("bad")
    return [1.0 if hint is None else 2.0 for _ in completions]


answer_requests = RequestScorer([RIGHT, picky], openrlhf=True)
scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
data = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner)
)
texts = st.sampled_from(["4", "5", "bad", ""])
rows = st.fixed_dictionaries(
    {"completion": texts, "answer": st.sampled_from(["4", 4, None, "n/a"])},
    optional={"hint": st.none(), "step": st.integers(0, 2), "prompt": st.just("?")},
)
bodies = st.lists(rows | data, max_size=5).map(lambda items: {"rows": items})


def make_request(body, path=ROWS):
    return Request(path, json.dumps(body).encode())


@given(st.lists(bodies, max_size=4))
def test_an_answer_does_not_depend_on_who_else_asks(asked):
    requests = [*map(make_request, asked)]
    together = answer_requests(requests)
    assert together == [answer for request in requests for answer in answer_requests([request])]
    for body, answer in zip(asked, together, strict=True):
        assert answer.status == 200
        scores = json.loads(answer.body)["scores"]
        assert len(scores) == len(body["rows"]) == answer.scored + answer.failed
        for row, found in zip(body["rows"], scores, strict=True):
            if isinstance(row, dict) and {"completion", "answer"} <= {*row}:
                assert ("error" in found) == (row["completion"] == "bad")


@given(st.binary(max_size=30), st.sampled_from([ROWS, QUERIES]))
def test_any_bytes_are_answered(body, path):
    (answer,) = answer_requests([Request(path, body)])
    assert answer.status in {200, 400}
    json.loads(answer.body)


@given(st.lists(st.tuples(data, data, data), max_size=3))
def test_any_queries_are_answered(queries):
    lists = [[*column] for column in zip(*queries, strict=True)] or [[], [], []]
    body = dict(zip(("query", "prompts", "labels"), lists, strict=True))
    (answer,) = answer_requests([make_request(body, QUERIES)])
    assert answer.status == 200
    assert len(json.loads(answer.body)["rewards"]) == len(queries)


def test_an_error_names_the_reward_and_a_reward_of_two_columns_is_refused():
    (answer,) = answer_requests([make_request({"rows": [{"completion": "bad", "answer": "4"}]})])
    assert json.loads(answer.body)["scores"] == [{"error": "picky: ValueError: bad"}]
    second = RIGHT.replace(reference="second", name="also")
    with pytest.raises(ValueError, match="OpenRLHF has one ground truth"):
        RequestScorer([RIGHT, second], openrlhf=True)


def test_large_rows_have_short_errors_and_too_many_rows_are_refused():
    wide = {f"column{number}": "4" for number in range(20_000)} | {"completion": "4"}
    (answer,) = answer_requests([make_request({"rows": ["a b" * 100_000, [wide], wide]})])
    assert answer.failed == 3
    assert len(answer.body) < 2000
    (answer,) = answer_requests([make_request({"rows": [5] * 65_537})])
    assert json.loads(answer.body)["error"].startswith("got 65,537 rows, expected at most 65,536")


def test_a_number_of_too_many_digits_costs_its_own_row():
    body = b'{"rows": [{"completion": "4", "answer": 4}, {"completion": "4", "answer": [%s]}]}'
    (answer,) = answer_requests([Request(ROWS, body % (b"9" * 5_000))])
    good, bad = json.loads(answer.body)["scores"]
    assert (good["rewards/right"], answer.scored) == (1.0, 1)
    problem = "got a number of 5,000 digits, expected at most 4,300; send it as a text"
    assert bad == {"error": problem}
    queries = b'{"query": ["4", "4"], "prompts": ["", ""], "labels": [%s, 4]}' % (b"9" * 5_000)
    (answer,) = answer_requests([Request(QUERIES, queries)])
    found = json.loads(answer.body)
    assert (found["extra_logs"]["failed"], found["rewards"]) == ([1.0, 0.0], [0.0, 2.0])
