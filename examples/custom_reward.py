# /// script
# requires-python = ">=3.11"
# dependencies = ["rewardkit[testing]", "pytest"]
# ///
"""A reward of your own, and its test.

`uv run custom_reward.py` scores two completions, `pytest custom_reward.py` runs the test. In a
trainer it is `GRPOTrainer(reward_funcs=[Keywords()], ...)`, on a dataset with a column `keywords`.
"""

import re

import rewardkit as rk
from rewardkit.testing import check_reward

WORD = re.compile(r"\w+")


@rk.register("examples/keywords")  # its name in YAML, and in the logs
class Keywords(rk.Reward):
    """The fraction of the row's keywords that the completion uses."""

    value: float = 1.0
    """What a completion with all of the keywords earns."""
    keywords: rk.Column[list[str]] = "keywords"
    """The column with a list of words per row."""

    @property
    def bounds(self) -> tuple[float, float]:
        """From 0 to `value`."""
        return min(self.value, 0.0), max(self.value, 0.0)

    def score(self, batch: rk.Batch) -> list[rk.Score]:
        """Return a score per completion; None, which TRL ignores, for a row without keywords."""
        rows = zip(batch.texts, batch.column(self.keywords), strict=True)
        return [self._score_text(text, keywords) for text, keywords in rows]

    def _score_text(self, text: str, keywords: list[str]) -> rk.Score:
        wanted = {word.casefold() for word in keywords}
        if not wanted:
            return rk.Score(None, "no keywords")
        missing = wanted.difference(WORD.findall(text.casefold()))
        found = len(wanted) - len(missing)
        why = f"without {', '.join(sorted(missing))}" if missing else "all of them"
        return rk.Score(self.value * found / len(wanted), why)


def test_it_rewards_the_keywords() -> None:
    completions, keywords = ["Tea with milk.", "Milk!", "steam"], [["tea", "milk"]] * 3
    assert Keywords()(completions=completions, keywords=keywords) == [1.0, 0.5, 0.0]


def test_it_has_the_properties_of_a_reward() -> None:
    """No completion makes it raise; the bounds hold; the order of the rows does not matter; ..."""
    check_reward(Keywords(), columns={"keywords": [["tea", "milk"], ["sugar"], []]})


if __name__ == "__main__":
    batch = rk.Batch.of("Tea with milk.", "Milk!", keywords=[["tea", "milk"]] * 2)
    for score in Keywords(value=2.0).score(batch):
        print(score.value, score.why, sep=": ")
    print(rk.dump(Keywords(value=2.0)), end="")
