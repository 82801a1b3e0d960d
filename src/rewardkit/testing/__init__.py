"""Property-based tests for anyone's rewards, verifiers and extractors; needs `rewardkit[testing]`.

`check_reward`, `check_verifier` and `check_extractor` try laws, which are properties that every
reward, verifier or extractor should have, on examples that Hypothesis draws, and report the
smallest example for each law that fails. The strategies draw such examples for tests of your own.

>>> from rewardkit import build
>>> checked = check_reward(build("xml_strict"), skip=["pickles", "linear"], max_examples=20)
>>> checked.skipped["rename"]
'it has no field that names a column'
"""

from rewardkit._optional import require

# first, since its error names the extra
require("hypothesis", install="rewardkit[testing]")
require("time_machine", install="rewardkit[testing]")

from rewardkit.testing._calls import in_subprocess  # noqa: E402 - after the check for the extra
from rewardkit.testing._check import (  # noqa: E402 - the same
    check_extractor,
    check_reward,
    check_verifier,
)
from rewardkit.testing._clock import shifted_clock  # noqa: E402 - the same
from rewardkit.testing._findings import (  # noqa: E402 - the same
    Checked,
    LawBroken,
    LawFailure,
)
from rewardkit.testing._forms import FORMS  # noqa: E402 - the same
from rewardkit.testing._replay.scripts import rerun  # noqa: E402 - the same
from rewardkit.testing.laws import LAWS, Law, laws_of  # noqa: E402 - the same
from rewardkit.testing.strategies import (  # noqa: E402 - the same
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
]
