"""No built-in raises on any completion; none gives an infinity or leaves its bounds."""

from __future__ import annotations

import copy
import math
import pickle
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

import rewardkit as rk
from shapes import COMPLETIONS, PIECES, REFERENCES, TEXTS

ROWS = st.lists(st.tuples(COMPLETIONS, REFERENCES), max_size=4)


def called(reward: Any, completions: list[Any], answers: list[Any]) -> list[float | None]:
    """Call a reward with everything that a trainer passes."""
    return reward(
        completions=completions,
        answer=answers,
        prompts=["Add 2 and 2. Mind the <answer> tags."] * len(completions),
        completion_ids=[[1, 2, 1, 2, 3] * (len(str(cell)) % 3) for cell in completions],
    )


def within(values: list[float | None], reward: Any) -> bool:
    low, high = reward.bounds
    room = 1e-9 * max(1.0, abs(low) if math.isfinite(low) else 1.0)
    return all(
        value is None or (math.isfinite(value) and low - room <= value <= high + room)
        for value in values
    )


@given(rows=ROWS)
def test_a_reward_is_total_and_within_its_bounds(any_reward, rows):
    completions = [completion for completion, _ in rows]
    answers = [answer for _, answer in rows]
    before = copy.deepcopy((completions, repr(answers)))
    values = called(any_reward, completions, answers)
    assert len(values) == len(rows)
    assert within(values, any_reward)
    assert (completions, repr(answers)) == before
    again = called(any_reward, completions, answers)
    assert values == again


@given(rows=ROWS)
def test_a_pointwise_reward_scores_each_row_by_itself(any_reward, rows):
    if not any_reward.pointwise:
        return
    completions = [completion for completion, _ in rows]
    answers = [answer for _, answer in rows]
    together = called(any_reward, completions, answers)
    alone = [called(any_reward, [c], [a])[0] for c, a in rows]
    assert together == alone


@given(text=TEXTS)
def test_text_and_chat_forms_agree(any_reward, text):
    forms = [
        text,
        [{"role": "assistant", "content": text}],
        [{"role": "assistant", "content": [{"type": "text", "text": text}]}],
        [{"role": "user", "content": "?"}, {"role": "assistant", "content": text}],
    ]
    if "overlong" in any_reward.__name__:
        return  # it counts tokens, whatever the text
    values = called(any_reward, forms, ["42"] * 4)
    assert values.count(values[0]) == 4


@given(text=TEXTS)
def test_an_extractor_is_total(any_extractor, text):
    found = any_extractor.extract(text)
    assert found is None or isinstance(found, str)


@given(pairs=st.lists(st.tuples(st.one_of(st.none(), TEXTS), REFERENCES), max_size=4))
def test_a_verifier_is_total(any_verifier, pairs):
    answers, references = [a for a, _ in pairs], [r for _, r in pairs]
    verdicts = any_verifier.verify(answers, references)
    assert len(verdicts) == len(pairs)
    for verdict, (answer, reference) in zip(verdicts, pairs, strict=True):
        if (
            reference is None
            or reference == []
            or (isinstance(reference, str) and not reference.strip())
        ):
            assert verdict.outcome is rk.Outcome.BAD_REFERENCE
        elif answer is None or not answer.strip():
            assert verdict.outcome in (rk.Outcome.NO_ANSWER, rk.Outcome.BAD_REFERENCE)


def test_every_piece_by_itself(any_reward):
    cells = [
        *PIECES,
        "",
        [],
        [{"role": "assistant", "content": None}],
        "9" * 100_000,
        " " * 100_000,
    ]
    values = called(any_reward, cells, ["42"] * len(cells))
    assert within(values, any_reward)


def test_yaml_and_pickle_give_an_equal_one_back(any_reward, any_verifier, any_extractor):
    for component in (any_reward, any_verifier, any_extractor):
        assert rk.load(rk.dump(component)) == component
        assert pickle.loads(pickle.dumps(component)) == component
        assert hash(rk.load(rk.dump(component))) == hash(component)
