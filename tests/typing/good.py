"""Uses that a type checker must accept."""

from collections.abc import Sequence

import rewardkit as rk
from rewardkit.extract import Boxed, Hash, Tag
from rewardkit.rewards import Clip, Correct, Language, Length, Overlong, Where, XmlCount, XmlStrict
from rewardkit.verify import JsonSchema, Math, Number

right = Correct(verifier=Number(rel_tol=0.01), extractor=Hash(), reference="solution", correct=2.0)
symbolic = Correct(verifier=Math(), extractor=Boxed(which="first"), wrong=-1, timeout=None)
schema = Correct(verifier=JsonSchema(json_schema={"type": "object"}), reference=None)
layout = XmlStrict(tags=("think", "answer"), value=0.5, name="layout", log_why=True)
brief = Clip(reward=Length(target=400, penalty=0.001), low=-0.5)
task: rk.Reward = Where(reward=XmlCount(), column="task", equals="math")
spoken = Language(scores={"en": 1.0, "fr": 0.5}, other=0.0)

total: rk.Reward = right + 0.5 * layout - brief * layout + 1.0
summed: rk.Reward | float = sum([right, layout, Overlong(max_tokens=512, cache_tokens=64)], 0.0)
values: list[float | None] = total(completions=["#### 4"], solution=["4"])
scores: list[rk.Score] = right.score(rk.Batch.of("#### 4", solution="4"))
text: str = rk.dump([right, layout], defaults=True)
changed: Length = Length(target=3).replace(penalty=0.5)
found: str | None = Tag(tag="answer", which="first").extract("<answer>4</answer>")
verdicts: list[rk.Verdict] = Number().verify(["4", None], [4, "7"])


@rk.register("typed_shouting")
class Shouting(rk.Reward):
    """A custom reward."""

    words: list[str]
    """The words to shout."""
    value: float = 1.0
    """The value of a shout."""
    column: rk.Column[str] = "answer"
    """The column with the expected text."""

    @property
    def bounds(self) -> tuple[float, float]:
        """From 0 to the value."""
        return 0.0, self.value

    def score(self, batch: rk.Batch) -> list[rk.Score]:
        """Return the value of texts in capitals (batch length)."""
        expected: Sequence[str] = batch.column(self.column)
        pairs = zip(batch.texts, expected, strict=True)
        return [rk.Score(self.value if text == one.upper() else 0.0) for text, one in pairs]


class Grouped(rk.Reward):
    """Bounds and pointwise as class attributes."""

    bounds = (0.0, 1.0)
    pointwise = False

    def score(self, batch: rk.Batch) -> list[rk.Score]:
        """Return one for all (batch length)."""
        return [rk.Score(1.0)] * len(batch)


low, high = Grouped().bounds
shouting: Shouting = Shouting(words=["oh"], value=2.0, column="target")


def plain(completions: Sequence[str], **columns: object) -> list[float]:
    """A function with TRL's signature."""
    return [float(text.isupper() and bool(columns)) for text in completions]


wrapped: rk.Reward = rk.wrap(plain, bounds=(0.0, 1.0)) + shouting
