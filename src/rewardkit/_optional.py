"""Import a package that only some features need, or say which extra brings it."""

import importlib
from typing import Any


def require(module: str, *, install: str) -> Any:
    """Return the imported `module`; `install` is what pip should be given where it is missing.

    Raises ImportError with the command that installs it.

    >>> require("json", install="rewardkit[json]").dumps([1])
    '[1]'
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name != module.partition(".")[0]:
            raise
        message = f"{module!r} is not installed. Install it with: pip install '{install}'"
        raise ImportError(message, name=module) from error
