"""Property-based tests for anyone's rewards, verifiers and extractors; needs `rewardkit[testing]`.

`check_reward`, `check_verifier` and `check_extractor` try every law there is on examples that
Hypothesis draws, and shrink what fails. The strategies draw such examples for tests of one's own.

>>> from rewardkit import build
>>> checked = check_reward(build("xml_strict"), skip=["pickles", "linear"], max_examples=20)
>>> checked.skipped["rename"]
'it has no field that names a column'
"""

from rewardkit._optional import require

require("hypothesis", install="rewardkit[testing]")

from rewardkit.testing._check import (  # noqa: E402 - with a word on the extra before it
    Checked,
    Finding,
    LawBroken,
    check_extractor,
    check_reward,
    check_verifier,
    elsewhere,
)
from rewardkit.testing._clock import tomorrow  # noqa: E402 - the same
from rewardkit.testing._rerun import rerun  # noqa: E402 - the same
from rewardkit.testing.laws import LAWS, Law  # noqa: E402 - the same
from rewardkit.testing.strategies import (  # noqa: E402 - the same
    FORMS,
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
    "Finding",
    "Law",
    "LawBroken",
    "batches",
    "calls",
    "check_extractor",
    "check_reward",
    "check_verifier",
    "completions",
    "elsewhere",
    "numbers",
    "prompts",
    "references",
    "rerun",
    "tagged",
    "texts",
    "tomorrow",
]
