"""Import an optional package, or raise an error that names the extra to install."""

import importlib
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
