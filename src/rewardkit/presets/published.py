r"""The reward functions of the published GRPO recipes, with the published numbers, bugs included.

They serve to compare with runs and papers that used them; for training, use the fixed ones in
`rewardkit.presets`. If an original raises (content that is None, a tool call), the text
that `Batch` makes of the completion is scored. A blank reference is never right here.

>>> completion = "<reasoning>\n7 * 6\n= 42\n</reasoning>\n<answer>\n42.0\n</answer>"
>>> strict_format_reward_func(completions=[completion])
[0.0]
>>> correctness_reward_func(completions=[completion], answer=["42"])
[0.0]
"""

from rewardkit.extract import After, Regex, Tag
from rewardkit.rewards.correct import Correct
from rewardkit.rewards.language import Language
from rewardkit.rewards.length import Length
from rewardkit.rewards.number import IsNumber, RatioMatch
from rewardkit.rewards.pattern import RegexMatch
from rewardkit.rewards.xml import TagCount, XmlCount, XmlSoft, XmlStrict
from rewardkit.verify.text import Exact

__all__ = [
    "check_answer",
    "check_numbers",
    "correctness_reward_func",
    "format_and_language_reward_func",
    "int_reward_func",
    "match_format_approximately",
    "match_format_exactly",
    "reward_len",
    "soft_format_reward_func",
    "strict_format_reward_func",
    "xmlcount_reward_func",
]

# The XML recipe: Will Brown's "GRPO demo" (2025), as the GSM8K notebooks use it.
xmlcount_reward_func = XmlCount(name="xmlcount_reward_func", as_published=True)
soft_format_reward_func = XmlSoft(name="soft_format_reward_func", as_published=True)
strict_format_reward_func = XmlStrict(name="strict_format_reward_func", as_published=True)
# strict=False: the notebook splits at the tags, which takes the whole text if they are missing.
int_reward_func = IsNumber(name="int_reward_func", kind="digits", extractor=Tag(strict=False))
correctness_reward_func = Correct(
    name="correctness_reward_func",
    extractor=Tag(strict=False),
    verifier=Exact(strip=False),
    correct=2.0,
)

# The think recipe: Unsloth's notebooks on reasoning in another language (2025).
# The notebook's pattern begins with an optional part: its search finds the closing tag alone.
match_format_exactly = RegexMatch(name="match_format_exactly", pattern="</think>", value=3.0)
match_format_approximately = TagCount(
    name="match_format_approximately", tags=("think",), as_published=True
)
check_answer = RatioMatch(
    name="check_answer", extractor=After(strip=False), equal=None, parse="python"
)
check_numbers = RatioMatch(
    name="check_numbers",
    extractor=Regex(pattern=r"-?[\d.,]+", group=0, which="first"),
    exact=None,
    stripped=None,
    bands=(),
    wrong=-1.5,
    missing=-2.5,
    unreadable=0.0,
    parse="python_commas",
)
format_and_language_reward_func = Language(
    name="format_and_language_reward_func",
    scores={"id": 5.0, "en": -3.0, "zh": -3.0},
    other=-5.0,
    no_letters=-5.0,
    mask=False,
    candidates="all",
)

# The length recipe: the GRPO unit of the Hugging Face course (2025).
reward_len = Length(name="reward_len", target=50)
