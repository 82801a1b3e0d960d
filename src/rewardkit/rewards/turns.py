"""Rewards for other turns of a completion than the last: `Turn`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain, islice
from typing import Any, Literal, final

from rewardkit._score_checks import checked_scores
from rewardkit._text.completions import list_field_calls, read_turn_texts
from rewardkit.batch import Batch
from rewardkit.registry import register
from rewardkit.result import Score
from rewardkit.reward import Bounds, Reward


@final
@register("turn")
class Turn(Reward):
    """A reward for other turns than the last, which is the one that rewards read.

    A turn is a message by the assistant; with tools there are several. A completion that is a text
    is one turn. Tool calls are those of the turns chosen, token ids those of all turns.

    >>> from rewardkit.rewards import RegexMatch
    >>> call = {"role": "assistant", "content": "I look it up.", "tool_calls": []}
    >>> reply = {"role": "tool", "content": "42"}
    >>> chat = [call, reply, {"role": "assistant", "content": "42"}]
    >>> said = RegexMatch(pattern="look")
    >>> said(completions=[chat]), Turn(reward=said, turn="first")(completions=[chat])
    ([0.0], [1.0])
    """

    reward: Reward
    """The reward for the turns."""
    turn: Literal["first", "last", "all"] = "all"
    """Which turns it is given; with `all`, their texts joined by blank lines, as one message."""

    @property
    def bounds(self) -> Bounds:
        """The reward's bounds."""
        low, high = self.reward.bounds
        return low, high

    def score(self, batch: Batch) -> list[Score]:
        """Return the reward's score of the chosen turns for each completion (batch length)."""
        rows = zip(batch.completions, batch.turns, strict=True)
        if self.turn == "all":
            # all at once, which takes less time than row by row
            several = chain.from_iterable(turns for turns in batch.turns if len(turns) > 1)
            texts = iter(read_turn_texts([*several]))
            chosen = [
                [_merge_turns(turns, [*islice(texts, len(turns))])]
                if len(turns) > 1
                else completion
                for completion, turns in rows
            ]
        else:
            index = 0 if self.turn == "first" else -1
            chosen = [
                [turns[index]] if len(turns) > 1 else completion for completion, turns in rows
            ]
        part = batch.with_completions(chosen)
        return [*checked_scores(self.reward.score_unchecked(part), len(part), self.reward)]


def _merge_turns(turns: Sequence[Mapping[Any, Any]], texts: Sequence[str]) -> dict[str, Any]:
    """Return one message with the texts and the calls of several."""
    content = "\n\n".join([text for text in texts if text and not text.isspace()])
    merged: dict[str, Any] = {"role": "assistant", "content": content}
    if calls := list_field_calls(turns):
        merged["tool_calls"] = calls
    return merged
