"""Rewards, one file per family; importing this registers them all."""

from rewardkit.reward import Linear, Product
from rewardkit.rewards.correct import Correct
from rewardkit.rewards.difficulty import Difficulty
from rewardkit.rewards.diversity import Diversity
from rewardkit.rewards.groups import BestOf, Relative
from rewardkit.rewards.judge import Judge
from rewardkit.rewards.language import Language
from rewardkit.rewards.length import CosineLength, KimiLength, Length, Overlong
from rewardkit.rewards.number import IsNumber, RatioMatch
from rewardkit.rewards.pattern import ReasoningSteps, RegexMatch
from rewardkit.rewards.relative_judge import RelativeJudge
from rewardkit.rewards.repetition import PromptOverlap, Repetition
from rewardkit.rewards.reward_model import RewardModel
from rewardkit.rewards.standardize import Standardize
from rewardkit.rewards.think import ThinkFormat
from rewardkit.rewards.tool_errors import ToolErrors
from rewardkit.rewards.turns import Turn
from rewardkit.rewards.wrappers import Clip, Guard, Schedule, Where
from rewardkit.rewards.xml import TagCount, XmlCount, XmlSoft, XmlStrict

__all__ = [
    "BestOf",
    "Clip",
    "Correct",
    "CosineLength",
    "Difficulty",
    "Diversity",
    "Guard",
    "IsNumber",
    "Judge",
    "KimiLength",
    "Language",
    "Length",
    "Linear",
    "Overlong",
    "Product",
    "PromptOverlap",
    "RatioMatch",
    "ReasoningSteps",
    "RegexMatch",
    "Relative",
    "RelativeJudge",
    "Repetition",
    "RewardModel",
    "Schedule",
    "Standardize",
    "TagCount",
    "ThinkFormat",
    "ToolErrors",
    "Turn",
    "Where",
    "XmlCount",
    "XmlSoft",
    "XmlStrict",
]
