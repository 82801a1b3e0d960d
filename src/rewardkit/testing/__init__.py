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
from typing import TYPE_CHECKING, Any

from rewardkit._optional import check_installed

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

# Where each name is defined. A name is imported when it is first used: what another process needs
# of a file of tests is seldom Hypothesis, which takes longer than all else that it imports.
_MODULES = {
    **dict.fromkeys(("check_extractor", "check_reward", "check_verifier"), "_check"),
    "shifted_clock": "_clock",
    **dict.fromkeys(("Checked", "LawBroken", "LawFailure"), "_findings"),
    "FORMS": "_forms",
    "in_subprocess": "_calls",
    "rerun": "_replay.scripts",
    **dict.fromkeys(("LAWS", "Law", "laws_of"), "laws"),
    **dict.fromkeys(("check_snapshot", "write_snapshot"), "snapshot"),
}


def __getattr__(name: str) -> Any:
    """Import a name when it is first used."""
    if name not in __all__:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    # first, since its error names the extra
    for package in ("hypothesis", "time_machine"):
        check_installed(package, install="rewardkit[testing]")
    module = import_module(f"{__name__}.{_MODULES.get(name, 'strategies')}")
    return globals().setdefault(name, getattr(module, name))
