"""The result of the last call, kept by value."""

from __future__ import annotations

import rewardkit as rk
from rewardkit._text.last_call import remember_last


def make_counted():
    calls = []

    @remember_last
    def measure(factor, texts):
        calls.append(texts)
        return [factor * len(text) for text in texts]

    return measure, calls


def test_equal_arguments_are_computed_once_and_others_again():
    measure, calls = make_counted()
    assert [measure(2, ["a", "bc"]), measure(2, ["a", "bc"])] == [[2, 4], [2, 4]]
    assert len(calls) == 1
    assert [measure(3, ["a", "bc"]), measure(2, ["a"]), measure(2, [])] == [[3, 6], [2], []]
    assert len(calls) == 4


def test_a_list_that_is_changed_later_is_read_again():
    measure, _ = make_counted()
    texts = ["a", "bc"]
    found = measure(1, texts)
    texts[0] = "long"
    found[1] = -1
    assert measure(1, texts) == [4, 2]
    assert measure(1, ["a", "bc"]) == [1, 2]


class Counting(rk.Extractor):
    """An extractor whose calls can be counted."""

    def extract(self, text):
        CALLS.append(text)
        return text


CALLS: list[str] = []


def test_the_rewards_of_a_step_read_its_completions_as_they_are():
    rewards = [rk.build("is_number"), rk.build("correct", verifier="number")]
    completions = [[{"role": "assistant", "content": "<answer>4</answer>"}], "<answer>5</answer>"]
    for given, values in (("4", [1.0, 0.0]), ("5", [0.0, 1.0]), ("x", [0.0, 0.0])):
        completions[0][0]["content"] = f"<answer>{given}</answer>"
        completions[1] = f"<answer>{9 - int(given) if given != 'x' else 'x'}</answer>"
        integer = [0.5 if given != "x" else 0.0] * 2
        assert rewards[0](completions=completions) == integer
        assert rewards[1](completions=completions, answer=["4", "4"]) == values


def test_an_extractor_of_ones_own_is_called_by_each_reward():
    own = Counting()
    for _ in range(2):
        rk.build("is_number", extractor=own)(completions=["4"])
    assert CALLS == ["4", "4"]
