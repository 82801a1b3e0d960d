"""Property-based tests for anyone's rewards, verifiers and extractors; needs `rewardkit[testing]`.

`check_reward`, `check_verifier` and `check_extractor` try laws, which are properties that every
reward, verifier or extractor should have, on examples that Hypothesis draws, and report the
smallest example for each law that fails. The strategies draw such examples for tests of your own.

>>> from rewardkit.rewards import XmlStrict
>>> from rewardkit.testing import check_reward
>>> checked = check_reward(XmlStrict(), skip=["pickles", "linear"], max_examples=20)
>>> checked.skipped["renamed_columns"]
'it has no field that names a column'
"""

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from rewardkit._optional import require

if TYPE_CHECKING:
    from rewardkit.testing._calls import in_subprocess
    from rewardkit.testing._check import check_extractor, check_reward, check_verifier
    from rewardkit.testing._clock import shifted_clock
    from rewardkit.testing._findings import Checked, LawBroken, LawFailure
    from rewardkit.testing._forms import FORMS
    from rewardkit.testing._replay.scripts import rerun
    from rewardkit.testing.laws import LAWS, Law, laws_of
    from rewardkit.testing.snapshot import check_snapshot, write_snapshot
    from rewardkit.testing.strategies import (
        batches,
        calls,
        completions,
        numbers,
        prompts,
        references,
        tagged,
        texts,
    )

__all__ = [
    "FORMS",
    "LAWS",
    "Checked",
    "Law",
    "LawBroken",
    "LawFailure",
    "batches",
    "calls",
    "check_extractor",
    "check_reward",
    "check_snapshot",
    "check_verifier",
    "completions",
    "in_subprocess",
    "laws_of",
    "numbers",
    "prompts",
    "references",
    "rerun",
    "shifted_clock",
    "tagged",
    "texts",
    "write_snapshot",
]

_MODULES = (
    "_check",
    "_clock",
    "_findings",
    "_forms",
    "_calls",
    "_replay.scripts",
    "laws",
    "snapshot",
    "strategies",
)


def __getattr__(name: str) -> Any:
    """Import the kit when one of its names is first used.

    The other process of the law `pickles` uses none, and so starts without Hypothesis.
    """
    if name not in __all__:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    # first, since its error names the extra
    require("hypothesis", install="rewardkit[testing]")
    if find_spec("time_machine") is None:
        require("time_machine", install="rewardkit[testing]")
    for module in _MODULES:
        found = vars(import_module(f"{__name__}.{module}"))
        globals().update({each: found[each] for each in __all__ if each in found})
    return globals()[name]
