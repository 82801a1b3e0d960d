from __future__ import annotations

import json
import pickle
import re
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rewardkit as rk
from endpoint import error, serving, shown

NUMBERED = re.compile(r"completion (\d+)$")


def completions(request):
    """The completions that a request shows, by number."""
    return {
        match[1]: text for name, text in shown(request).items() if (match := NUMBERED.match(name))
    }


def rate(rating):
    """A judge that rates each text by `rating(text)`."""
    return lambda _, request: json.dumps(
        {number: rating(text) for number, text in completions(request).items()}
    )


def build(server, **fields):
    given = {"model": "m", "api_key_env": None, "retries": 0, "deadline": 20.0, "name": "j"}
    return rk.build("relative_judge", base_url=server.url, **{**given, **fields})


def score(server, *texts, prompts=None, columns=None, **fields):
    batch = rk.Batch.of(*texts, prompts=prompts or ["Say it."] * len(texts), **(columns or {}))
    return build(server, **fields).score(batch), batch.metrics


def test_the_completions_of_a_prompt_are_ranked():
    with serving(rate(len)) as server:
        scores, metrics = score(
            server, "aaa", "a", "aaa", "aaaaa", "", "b", prompts=[*"ppppp", "q"]
        )
    # of the four others of the first group: lower ones, and half of the equal ones
    assert [each.value for each in scores] == [0.625, 0.25, 0.625, 1.0, 0.0, None]
    assert scores[0].why == "rated 3, 3, 100% of the pairs agree"
    assert scores[4].why == "blank"
    assert scores[5].why == "alone in its group"
    assert metrics == {"j/failed": 0.0, "j/agreement": 1.0}
    first, second = (completions(request) for request in server.requests)
    assert sorted(first.values()) == ["a", "aaa", "aaaaa"]
    assert [*second.values()] == [*first.values()][::-1]


def test_a_rating_says_also_whether_all_are_good():
    with serving(rate(lambda text: 9)) as server:
        scores, _ = score(server, "a", "b", by="rating")
        alone, _ = score(server, "a", by="rating")
    assert [each.value for each in scores + alone] == [0.9, 0.9, 0.9]


def test_a_judge_that_prefers_a_position_ranks_nobody():
    def prefer_first(_, request):
        return json.dumps({number: 10 - int(number) for number in completions(request)})

    with serving(prefer_first) as server:
        scores, metrics = score(server, "a", "b", "c", "d")
        one_order, _ = score(server, "a", "b", "c", "d", orders=1)
    assert [each.value for each in scores] == [0.5] * 4
    assert metrics["j/agreement"] == 0.0
    assert sorted(each.value for each in one_order) == pytest.approx([0.0, 1 / 3, 2 / 3, 1.0])


def reference_rank(ratings, row):
    """The rank by counting pairs, in fractions."""
    others = [rating for number, rating in enumerate(ratings) if number != row]
    lower = sum(rating < ratings[row] for rating in others)
    equal = sum(rating == ratings[row] for rating in others)
    return Fraction(2 * lower + equal, 2 * len(others))


@settings(max_examples=settings.default.max_examples // 4)
@given(
    texts=st.lists(st.sampled_from(["", " ", *"abcdefgh"]), min_size=2, max_size=9),
    ratings=st.fixed_dictionaries({letter: st.integers(0, 10) for letter in "abcdefgh"}),
)
def test_the_rank_counts_pairs(texts, ratings):
    with serving(rate(ratings.get)) as server:
        scores, _ = score(server, *texts)
    whole = [ratings.get(text, -1) for text in texts]
    if len(set(texts) - {"", " "}) < 2:
        # nobody is asked, since nothing is left to compare
        assert server.requests == []
        whole = [0 if text in ratings else -1 for text in texts]
    expected = [float(reference_rank(whole, row)) for row in range(len(texts))]
    assert [each.value for each in scores] == pytest.approx(expected)


def test_the_prompt_and_its_own_rubric_are_shown():
    with serving(rate(len)) as server:
        score(
            server,
            *"abcd",
            prompts=["first", "first", "second", "second"],
            columns={"rules": [["Be short.", "Be kind."]] * 2 + [None] * 2, "answer": ["4"] * 4},
            rubric="Is it right?",
            rubric_column="rules",
            reference="answer",
            orders=1,
        )
        score(server, "a", "b", show_prompt=False, orders=1)
    # the two groups are asked at once, in either order
    first, second = sorted(server.requests[:2], key=lambda request: shown(request)["prompt"])
    third = server.requests[2]
    system = first["messages"][0]["content"]
    assert "- Is it right?\n- Be short.\n- Be kind.\n\n" in system
    assert "- Is it right?\n\n" in second["messages"][0]["content"]
    assert shown(first)["prompt"] == "first"
    assert shown(first)["right answer"] == "4"
    assert "prompt" not in shown(third)
    schema = first["response_format"]["json_schema"]["schema"]
    assert schema["required"] == ["1", "2"]


def test_the_order_follows_from_the_texts_alone():
    texts = ["one", "two", "three", "four"]
    with serving(rate(len)) as server:
        score(server, *texts, orders=1)
        score(server, *texts[::-1], orders=1)
        score(server, *texts, prompts=["Say it again."] * 4, orders=1)
    first, second, third = ([*completions(request).values()] for request in server.requests)
    assert first == second
    assert sorted(first) == sorted(third)


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        ("the first", "the judge's reply is not a JSON object"),
        ("[5, 6]", "the judge's reply is not a JSON object"),
        ('{"1": 5}', "the judge's reply is not one rating for each completion"),
        ('{"1": 5, "2": 6, "3": 7}', "the judge's reply is not one rating for each completion"),
        ('{"1": 5, "2": 11}', "a rating is not a number from 0 to 10"),
        ('{"1": 5, "2": true}', "a rating is not a number from 0 to 10"),
        ('{"1": 5, "2": NaN}', "the judge's reply is not a JSON object"),
        ('{"1": 5, "1": 6}', "the judge's reply is not a JSON object"),
    ],
)
def test_a_group_without_ratings_abstains(reply, why):
    with serving(lambda _, request: reply) as server:
        scores, metrics = score(server, "a", "b")
    assert scores == [rk.Score(None, why)] * 2
    assert metrics["j/failed"] == 1.0


def test_one_request_of_two_is_enough():
    answers = iter([error(400), error(400)])  # with and without a reply format
    with serving(lambda _, request: next(answers, None) or rate(len)(_, request)) as server:
        scores, metrics = score(server, "a", "bb", concurrency=1)
    assert [each.value for each in scores] == [0.0, 1.0]
    assert metrics == {"j/failed": 0.0}


def test_a_panel_is_averaged():
    def answer(_, request):
        sign = -1 if request["model"] == "contrary" else 1
        return rate(lambda text: 5 + sign * len(text))(_, request)

    with serving(answer) as server:
        panel = ["one", "two", "contrary"]
        scores, metrics = score(server, "a", "bb", model=panel, orders=1)
    assert [each.value for each in scores] == pytest.approx([1 / 3, 2 / 3])
    # one of the three pairs of models agrees
    assert metrics["j/agreement"] == pytest.approx(1 / 3)


def test_missing_prompts_are_an_error():
    with serving() as server, pytest.raises(ValueError, match="has no prompts"):
        build(server).score(rk.Batch.of("a", "b"))


@pytest.mark.parametrize("rubric", [[{"criterion": "Be short.", "points": 2}], ["Be kind.", 7]])
def test_a_rubric_that_is_no_text_is_an_error(rubric):
    with serving(rate(len)) as server, pytest.raises(TypeError, match="column 'rules': got"):
        score(server, "a", "b", columns={"rules": [rubric] * 2}, rubric_column="rules")
    assert server.requests == []


def test_it_pickles_and_dumps():
    with serving() as server:
        judge = build(server, rubric_column="rules", by="rating")
    assert pickle.loads(pickle.dumps(judge)) == judge
    assert rk.load(rk.dump(judge)) == judge
    assert not judge.pointwise


def test_half_a_character_in_a_dataset_is_asked_about_all_the_same():
    columns = {"answer": ["\ud83d"] * 2, "wanted": ["\udc00 first"] * 2}
    fields = {"reference": "answer", "rubric_column": "wanted", "columns": columns}
    with serving(rate(len)) as server:
        scores, _ = score(server, "aa\ud800", "a", **fields)
    assert [each.value for each in scores] == [1.0, 0.0]


def test_a_panel_names_its_models_and_counts_failed_requests():
    def answer(_, request):
        if request["model"] == "down":
            return 500, {"error": "down"}, {}
        return rate(len if request["model"] == "one" else lambda text: 5)(_, request)

    with serving(answer) as server:
        scores, _ = score(server, "a", "bbb", model=["one", "two", "down"])
    assert [each.value for each in scores] == [0.25, 0.75]
    # of six pairs of requests, those of the same model agree
    assert scores[0].why == (
        "one rated 1, 1; two rated 5, 5, 33% of the pairs agree, 2 of 6 requests failed"
    )
