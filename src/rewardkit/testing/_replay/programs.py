"""A finding's whole program: imports, the objects that were checked, and the calls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rewardkit.testing._replay.literals import find_imports
from rewardkit.testing._replay.sources import bind_object

# Names that the calls use and that no `module.name` in them gives away.
_IMPORTS = {
    "asyncio.": "import asyncio",
    "SimpleNamespace(": "from types import SimpleNamespace",
    "rk.": "import rewardkit as rk",
    "in_subprocess(": "from rewardkit.testing import in_subprocess",
    "shifted_clock(": "from rewardkit.testing import shifted_clock",
}


def write_program(targets: Mapping[str, Any], lines: Sequence[str]) -> list[str]:
    """Return the lines of a program: each target is bound to its name, then come `lines`."""
    bound = [line for name, target in targets.items() for line in bind_object(target, name)]
    body = [*dict.fromkeys(bound), *lines]
    imports = [line for use, line in _IMPORTS.items() if any(use in part for part in body)]
    imports += find_imports("\n".join(body))
    head = [line for line in body if line.startswith(("import ", "from ", "sys.path."))]
    rest = [line for line in body if line not in head]
    return [*dict.fromkeys([*imports, *head]), "", *rest]
