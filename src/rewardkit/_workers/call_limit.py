"""Call a function again and again, with a limit for each call that nothing can get around.

    with Watchdog(score, timeout=2.0) as watched:
        watched.call(rows)  # what score(rows) returns or raises, CallTimeout or CallCrash

On Linux the calls are made in a fork of this process. A fork needs no import and no pickle of the
function, so that lambdas, closures and open models work as they are; arguments and results are
pickled. A call that is late is killed, whatever it does: a loop, a lock, a regular expression, or C
code that holds the interpreter's lock. The next call then starts from the process as it was when
the watchdog was made. The forked process keeps its state between calls; another Watchdog of the
same function begins without any.

Elsewhere, and where a fork would break what is loaded (see `can_fork`), calls are made here. A call
that is late then ends the whole process, by `faulthandler`, with `label` in the traceback.
"""

from __future__ import annotations

import faulthandler
import gc
import os
import pickle
import re
import select
import signal
import socket
import sys
import sysconfig
import time
import warnings
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import FunctionType, TracebackType
from typing import Any, Self

from rewardkit._messages import error_line
from rewardkit._workers.worker import die_with_caller

# A call that waits for a lock, a sleep or a server uses no processor, and gets more time. So much,
# since on a busy machine a process gets a small share of a processor.
WALL_FACTOR = 5.0
# Where only the whole process can be ended, by the clock: rather late than wrongly.
HERE_FACTOR = 60.0
# An import inside a call does not count: torch takes 10 s of processor.
IMPORT_SECONDS = 60.0
_POLL_SECONDS = 0.05
_DUMP_SECONDS = 1.0  # for the traceback of a late call, before it is killed without one
_MAX_LABEL = 300  # faulthandler cuts a file's name at 500 bytes
# SIGPROF and SIGALRM belong to rewards that set timers of their own.
_DUMP_SIGNAL = getattr(signal, "SIGUSR2", None)
_FRAME = re.compile(r'File "([^"]*)", line (\d+)')
_LIBRARIES = tuple({sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib")})


class CallFailure(RuntimeError):  # noqa: N818 - what happened to it
    """A call that gave no result: it was killed, or its process ended."""


class CallTimeout(CallFailure):
    """A call that did not end within its limit.

    `seconds` are those that it took, by the processor or, if `waited`, by the clock. `location` is
    the file and the line where it was, "" if that is not known.
    """

    def __init__(self, seconds: float, *, waited: bool, location: str = "") -> None:
        self.seconds, self.waited, self.location = seconds, waited, location
        by = "by the clock, waiting" if waited else "of processor time"
        at = f", in {location}" if location else ""
        super().__init__(f"no result after {seconds:.3g} s {by}{at}")

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild_timeout, (self.seconds, self.waited, self.location)


def _rebuild_timeout(seconds: float, waited: bool, location: str) -> CallTimeout:  # noqa: FBT001 - pickled
    return CallTimeout(seconds, waited=waited, location=location)


class CallCrash(CallFailure):
    """A call that ended its process: a signal such as SIGSEGV, or `os._exit`."""


class RemoteError(RuntimeError):
    """An error that cannot be pickled, as the text `type: message`."""


def can_fork() -> bool:
    """Return whether calls can be made in a fork of this process."""
    # macOS forks, but its own libraries break in a fork; Windows does not fork.
    if not sys.platform.startswith("linux"):
        return False
    # A debugger stops in a call for as long as its user thinks, and coverage must see the lines.
    if sys.gettrace() is not None or _is_monitored():
        return False
    loaded = sys.modules
    torch, ray = loaded.get("torch"), loaded.get("ray")
    with suppress(AttributeError):  # half imported, or a stub
        # CUDA refuses to work in a fork, and so do the runtimes below
        if torch is not None and torch.cuda.is_initialized():
            return False
        if ray is not None and ray.is_initialized():
            return False
    return not {"tensorflow", "vllm"} & loaded.keys() and not _has_jax_backend()


def _is_monitored() -> bool:
    monitoring = getattr(sys, "monitoring", None)  # from Python 3.12 on
    if monitoring is None:
        return False
    tools = (monitoring.DEBUGGER_ID, monitoring.COVERAGE_ID)
    return any(monitoring.get_tool(tool) is not None for tool in tools)


def _has_jax_backend() -> bool:
    bridge = sys.modules.get("jax._src.xla_bridge")
    return bool(getattr(bridge, "_backends", None))


class Watchdog:
    """One function, whose calls are watched; a context manager that ends its process."""

    def __init__(
        self, function: Callable[..., Any], *, timeout: float | None = 2.0, fork: bool | None = None
    ) -> None:
        """Set the limit of a call: `timeout` seconds of processor time, or 5 times so many by the
        clock if it waits. None sets no limit and calls here. `fork` decides instead of `can_fork`.
        """
        self.function, self.timeout = function, timeout
        self.is_forked = timeout is not None and (can_fork() if fork is None else fork)
        self.restarts = 0
        self._child: _Child | None = None

    def call(
        self,
        *arguments: Any,
        timeout: float | None = None,
        wall: float | None = None,
        label: Callable[[], str] | None = None,
    ) -> Any:
        """Call the function in the process; return its result, or raise its error.

        Raises CallTimeout and CallCrash, and RemoteError for an error that cannot be pickled.
        `timeout` is this call's own limit, and `wall` its limit by the clock, 5 times so many
        seconds by default; `label` names the call where it cannot be killed.
        """
        limit = self.timeout if timeout is None else timeout
        if limit is None or not self.is_forked:
            return self._call_here(arguments, limit, label)
        try:
            return self._call_in_child(arguments, limit, wall or limit * WALL_FACTOR)
        except BaseException as error:
            # also for Ctrl-C: the reply of this call must not be taken for that of the next one
            if not isinstance(error, _RaisedInChild):
                self.restart()
                raise
            raise error.error from None

    def restart(self) -> None:
        """End the forked process; the next call starts another one."""
        if self._child is not None:
            self._child.kill()
            self._child = None
            self.restarts += 1

    close = restart

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _call_in_child(self, arguments: tuple[Any, ...], limit: float, wall: float) -> Any:
        try:
            request = pickle.dumps(arguments)
        except Exception:  # noqa: BLE001 - whatever pickling raises
            # A new fork has the arguments in its memory.
            self.restart()
            self._child = _Child(self.function, arguments)
        else:
            if self._child is None:
                self._child = _Child(self.function)
            self._child.send(request)
        succeeded, result = self._child.receive(limit, wall)
        if not succeeded:
            raise _RaisedInChild(result)
        return result

    def _call_here(
        self, arguments: tuple[Any, ...], limit: float | None, label: Callable[[], str] | None
    ) -> Any:
        # A debugger stops for long, and stderr may be closed.
        if limit is None or sys.gettrace() is not None or sys.__stderr__ is None:
            return self.function(*arguments)
        call = _name_frame(label() if label else "a watched call")
        with suppress(ValueError, OSError):  # a stderr without a file
            faulthandler.dump_traceback_later(limit * HERE_FACTOR, exit=True, file=sys.__stderr__)
        try:
            return call(self.function, arguments)
        finally:
            faulthandler.cancel_dump_traceback_later()


class _RaisedInChild(Exception):  # noqa: N818 - a signal, caught above
    def __init__(self, error: BaseException) -> None:
        super().__init__(error)
        self.error = error


def _call_named(function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    return function(*arguments)


def _name_frame(label: str) -> Callable[..., Any]:
    """Return a function that calls another one, with a label as the name of its file.

    `faulthandler` works while the interpreter's lock is held, and prints nothing but the names of
    files and functions.
    """
    name = " ".join(label.split())[:_MAX_LABEL]
    return FunctionType(_call_named.__code__.replace(co_filename=name), globals())


class _Child:
    """A forked process that answers one call after the other."""

    def __init__(self, function: Callable[..., Any], first: tuple[Any, ...] | None = None) -> None:
        # What is in a buffer now would be written by both processes.
        for stream in (sys.stdout, sys.stderr):
            with suppress(Exception):
                stream.flush()
        requests, self.requests = os.pipe()
        replies_end, dumps_end = os.pipe(), os.pipe()
        self.lifeline, lifeline = socket.socketpair()
        with warnings.catch_warnings():
            # Python 3.12 warns of threads. Those of a notebook or of pytest hold no lock for long;
            # what a thread of the user holds is found as a call that waits.
            warnings.simplefilter("ignore", DeprecationWarning)
            self.pid = os.fork()
        if self.pid == 0:
            try:
                self.lifeline.close()
                for each in (self.requests, replies_end[0], dumps_end[0]):
                    os.close(each)
                _prepare_child(dumps_end[1], lifeline)
                _answer_calls(function, first, requests, replies_end[1])
            finally:
                os._exit(1)
        with suppress(OSError):  # the child has done so itself
            os.setpgid(self.pid, self.pid)
        lifeline.close()
        for each in (requests, replies_end[1], dumps_end[1]):
            os.close(each)
        self.replies = os.fdopen(replies_end[0], "rb")
        self.dumps = dumps_end[0]
        os.set_blocking(self.dumps, False)
        self.is_alive = True

    def send(self, request: bytes) -> None:
        """Send the pickled arguments of a call."""
        with suppress(BrokenPipeError):  # it has ended, which `receive` finds out
            while request:
                request = request[os.write(self.requests, request) :]

    def receive(self, limit: float, wall_limit: float) -> tuple[bool, Any]:
        """Return whether the call returned, and its result or error; raise if it gave neither."""
        start, used = time.monotonic(), self.processor_seconds()
        waiting = select.poll()
        waiting.register(self.replies, select.POLLIN | select.POLLHUP)
        pause, extra = min(limit, 1.0), 0.0
        while not waiting.poll(pause * 1000):
            wall = time.monotonic() - start
            busy = self.processor_seconds() - used
            late = busy > limit + extra
            if late or wall > wall_limit + extra * WALL_FACTOR:
                dump = self.dump_traceback()
                if "importlib._bootstrap" in dump and extra < IMPORT_SECONDS:
                    extra += limit
                    continue
                self.kill()
                raise CallTimeout(
                    busy if late else wall, waited=not late, location=_find_location(dump)
                )
            pause = max(limit + extra - busy, _POLL_SECONDS) if busy > wall / 2 else _POLL_SECONDS
        try:
            reply: tuple[bool, Any] = pickle.load(self.replies)  # noqa: S301 - our own process
        except (EOFError, pickle.UnpicklingError):
            location = _find_location(self.read_dump(0))
            at = f", in {location}" if location else ""
            raise CallCrash(f"the process that made the call {self.kill()}{at}") from None
        return reply

    def processor_seconds(self) -> float:
        """Return how long the process has run on a processor."""
        # the number of Linux for the clock of a process; 0 if the process is gone
        with suppress(OSError):
            return time.clock_gettime((~self.pid << 3) | 2)
        return 0.0

    def dump_traceback(self) -> str:
        """Return the traceback of the running call, "" if there is none in time."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, _DUMP_SIGNAL or 0)
        return self.read_dump(_DUMP_SECONDS)

    def read_dump(self, seconds: float) -> str:
        """Read the traceback of `faulthandler`, waiting for it at most `seconds`."""
        waiting = select.poll()
        waiting.register(self.dumps, select.POLLIN)
        text = b""
        while waiting.poll(100 if text else seconds * 1000):
            part = os.read(self.dumps, 1 << 16)
            if not part:
                break
            text += part
        return text.decode(errors="replace")

    def kill(self) -> str:
        """Kill the process and what it has started; return how it ended."""
        if not self.is_alive:
            return "ended"
        self.is_alive = False
        status = None
        with suppress(ChildProcessError):  # the caller ignores SIGCHLD
            if (waited := os.waitpid(self.pid, os.WNOHANG))[0]:
                status = waited[1]
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        if status is None:
            with suppress(ChildProcessError):
                status = os.waitpid(self.pid, 0)[1]
        self.lifeline.close()
        self.replies.close()
        os.close(self.requests)
        os.close(self.dumps)
        code = os.waitstatus_to_exitcode(status) if status is not None else 0
        return f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with {code}"

    def __del__(self) -> None:
        with suppress(Exception):
            # at exit modules may be gone, and then the end of the lifeline ends it
            self.kill()


def _prepare_child(dumps: int, lifeline: socket.socket) -> None:
    with suppress(OSError):  # the caller may have done so
        os.setpgid(0, 0)
    die_with_caller(lifeline.fileno())
    faulthandler.enable(dumps, all_threads=False)  # of a crash
    if _DUMP_SIGNAL is not None:
        faulthandler.register(_DUMP_SIGNAL, dumps, all_threads=False)
    if torch := sys.modules.get("torch"):
        # OpenMP's threads are not there in a fork, and a call that waits for them hangs
        torch.set_num_threads(1)
    gc.freeze()  # or a page of every object would be copied


def _answer_calls(
    function: Callable[..., Any], first: tuple[Any, ...] | None, requests: int, replies: int
) -> None:
    """Make the calls that come in, until the caller closes its end."""
    with os.fdopen(requests, "rb") as source, os.fdopen(replies, "wb") as target:
        while True:
            if first is None:
                try:
                    arguments = pickle.load(source)  # noqa: S301 - our own process
                except EOFError:
                    return
            else:
                arguments, first = first, None
            target.write(_answer_call(function, arguments))
            target.flush()


def _answer_call(function: Callable[..., Any], arguments: tuple[Any, ...]) -> bytes:
    try:
        return pickle.dumps((True, function(*arguments)))
    except BaseException as error:  # noqa: BLE001 - `sys.exit()` too is an error of the call
        for stream in (sys.stdout, sys.stderr):
            with suppress(Exception):
                stream.flush()
        return _pickle_error(error)


def _pickle_error(error: BaseException) -> bytes:
    line = error_line(error)
    if not isinstance(error, Exception):  # it would end the caller as well
        return pickle.dumps((False, RemoteError(line)))
    with suppress(Exception):
        data = pickle.dumps((False, error))
        # many exceptions pickle, and cannot be read or have another message then
        again = pickle.loads(data)[1]  # noqa: S301 - the same
        if type(again) is type(error) and error_line(again) == line:
            return data
    return pickle.dumps((False, RemoteError(line)))


def _find_location(dump: str) -> str:
    """Return the innermost line that is not a library's, from a traceback of `faulthandler`."""
    frames = _FRAME.findall(dump.partition(__file__)[0])
    own = [frame for frame in frames if not frame[0].startswith((*_LIBRARIES, "<frozen"))]
    if not frames:
        return ""
    file, line = (own or frames)[0]
    return f"{Path(file).name}, line {line}"
