"""What a sandboxed process does before and after it plays its role: its limits, and its end.

This file runs in a bare Python inside the sandbox, beside `guest.py`, so it imports the standard
library alone.
"""

from __future__ import annotations

import builtins
import gc
import os
import resource
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, NoReturn

NOBODY = 65534
# The limits that are the same for all rows; a child of a waiting process inherits them.
_COMMON_LIMITS = {
    "RLIMIT_NOFILE": 64,
    "RLIMIT_FSIZE": 0,
    "RLIMIT_CORE": 1,  # see `seccomp.py`
}
_CAPABILITY_VERSION = (0x20080522).to_bytes(4, sys.byteorder) + bytes(4)
_NO_CAPABILITIES = bytes(24)  # three sets, of 64 bits each


def become_nobody() -> None:
    """Give up root's rights for good."""
    import ctypes  # noqa: PLC0415 - only root needs it

    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)
    drop_capabilities(ctypes.CDLL(None))


def drop_capabilities(libc: Any) -> None:
    """Give up all capabilities, also those that another program would inherit."""
    if libc.capset(_CAPABILITY_VERSION, _NO_CAPABILITIES):
        raise OSError("capset")


def lower_limit(name: str, limit: int) -> None:
    """Set a resource limit for good, or leave it where it is lower."""
    kind = getattr(resource, name, None)
    if kind is None:  # Linux alone has it
        return
    hard_limit = resource.getrlimit(kind)[1]
    lower = limit if hard_limit == resource.RLIM_INFINITY else min(limit, hard_limit)
    resource.setrlimit(kind, (lower, lower))  # both, so that the code cannot raise it again


def prepare_process() -> None:
    """Set what is the same for all rows."""
    for name, limit in _COMMON_LIMITS.items():
        lower_limit(name, limit)
    sys.argv = ["solution.py"]
    vars(builtins).update(exit=sys.exit, quit=sys.exit)  # `-S` leaves out `site`, which has them


def start_role(
    guest: dict[str, Callable[..., None]], task: dict[str, Any], ready: int, **streams: int
) -> NoReturn:
    """Set the row's limits, report that the sandbox has started, play the role, and end.

    `guest` are the contents of `guest.py`, with a function for each role.
    """
    for name, limit in task["limits"].items():
        lower_limit(name, limit)
    if task["alarm"]:
        import signal  # noqa: PLC0415 - a sandbox needs none

        signal.alarm(task["alarm"])
    os.write(ready, b"+")  # the host tells a sandbox that did not start from a wrong answer by it
    os.close(ready)
    sys.path += task["paths"]
    code = 1
    try:
        role = guest[task["role"]]
        if streams:
            role(task["source"], **streams, **task["options"])
        else:  # a program has the standard ones alone
            code = run_to_exit_code(lambda: role(task["source"]))
    finally:
        os._exit(code)  # without tidying up the memory, which takes longer than most programs


def run_to_exit_code(run: Callable[[], None], *, is_rehearsal: bool = False) -> int:
    """Run a program, do what Python does at the end of one, and return its exit code.

    A rehearsal leaves threads and exit functions alone: what ends them cannot be undone.
    """
    code = 0
    try:
        run()
    except SystemExit as error:
        code = 1
        if error.code is None or isinstance(error.code, int):
            code = (error.code or 0) & 0xFF
    except BaseException:  # noqa: BLE001 - as Python
        code = 1
        sys.excepthook(*sys.exc_info())
    for name, function in (("threading", "_shutdown"), ("atexit", "_run_exitfuncs")):
        if name in sys.modules and not is_rehearsal:
            getattr(sys.modules[name], function)()
    try:
        sys.stdout.flush()
        # files that the program has left open are written to when they are deleted
        vars(sys.modules["__main__"]).clear()
        gc.collect()
        sys.__stdout__.flush()  # type: ignore[union-attr]
    except Exception:  # noqa: BLE001 - of a stream that the program has put in its place
        code = code or 120  # as Python
    return code
