"""Import an optional package, or raise an error that names the extra to install."""

import importlib
import importlib.util
from functools import cache
from typing import Any


def require(module: str, *, install: str) -> Any:
    """Return the imported `module`.

    Raises ImportError, with `install` as pip's argument in its message, if the package is missing.

    >>> require("json", install="rewardkit[json]").dumps([1])
    '[1]'
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        # Another name is missing: the package is installed, and broken.
        if error.name != module.partition(".")[0]:
            raise
        message = f"{module!r} is not installed. Install it with: pip install '{install}'"
        raise ImportError(message, name=module) from error


@cache
def check_installed(module: str, *, install: str) -> None:
    """Raise what `require` raises for a missing package, without importing one that is slow.

    >>> check_installed("json", install="rewardkit[json]")
    """
    if importlib.util.find_spec(module) is None:
        require(module, install=install)
