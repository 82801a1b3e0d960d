"""How many workers a process may have: its share of the host's processors, and of open files."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Iterator
from pathlib import Path

_MEMBERSHIP = Path("/proc/self/cgroup")
_CGROUPS = Path("/sys/fs/cgroup")


def count_workers(at_most: int | None = None) -> int:
    """Return how many workers may run at once, at least 1.

    The environment variable `REWARDKIT_WORKERS` says it; otherwise it is the number of processors
    that the affinity, the control group and an actor or task of Ray allow, divided by the ranks
    that a launcher started on this host (`LOCAL_WORLD_SIZE`), and not above `at_most`.

    Raises ValueError if `REWARDKIT_WORKERS` is not a whole number.
    """
    if given := os.environ.get("REWARDKIT_WORKERS"):
        try:
            return max(int(given), 1)
        except ValueError:
            message = (
                f"REWARDKIT_WORKERS is {given!r}, expected a whole number; set one, or unset it"
            )
            raise ValueError(message) from None
    # A part of a processor is still worth a worker: its deadlines count processor time.
    cpus = math.ceil(min([_count_allowed_cpus(), *_cgroup_limits(), *_ray_limit()]))
    ranks = os.environ.get("LOCAL_WORLD_SIZE", "")
    share = cpus // int(ranks) if ranks.isdecimal() and int(ranks) else cpus
    return max(min(share, at_most or share), 1)


def limit_by_files(workers: int, files_each: int) -> int:
    """Return the number of workers, or fewer where this process may open few files.

    Each needs `files_each`, and half of what may still be opened is left to other code. The usual
    limit (`ulimit -n`) is 1,024, also on a machine of many processors.
    """
    # `/` and not `//`, which makes NaN of infinity
    return max(int(min(workers, _count_free_files() / (2 * files_each))), 1)


def _count_free_files() -> float:
    """Return how many files this process may still open, infinity where that is not known."""
    try:
        import resource  # noqa: PLC0415 - Windows has none

        used = len(list(Path("/dev/fd").iterdir()))
    except (ImportError, OSError):
        return math.inf
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return math.inf if limit == resource.RLIM_INFINITY else limit - used


def _count_allowed_cpus() -> int:
    # Affinity, not os.cpu_count(): a container or job scheduler may allow fewer processors.
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _ray_limit() -> Iterator[float]:
    """Yield the processors that Ray has assigned to this process, if it works for Ray."""
    ray = sys.modules.get("ray")
    if ray is None:  # a process that works for Ray has imported it
        return
    try:
        assigned = ray.get_runtime_context().get_assigned_resources()
    except Exception:  # noqa: BLE001 - Ray asserts that this is no driver, and other errors may follow
        return
    # An actor that asks for no number is scheduled with 1, and runs with 0.
    yield max(float(assigned.get("CPU", 1.0)), 1.0)


def _cgroup_limits() -> Iterator[float]:
    """Yield the limits, in processors, of this process's control groups and those around them."""
    try:
        memberships = _MEMBERSHIP.read_text(encoding="utf-8").splitlines()
    except OSError:  # not Linux
        return
    for membership in memberships:
        _, controllers, group = membership.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        # version 2 has one tree without a name; version 1 has a tree for each set of controllers
        mount = _CGROUPS / controllers
        folder = mount / group.lstrip("/")
        # In a container the path may be the host's, of which only the mount itself is visible.
        while folder.is_relative_to(mount):
            yield _read_limit(folder)
            folder = folder.parent


def _read_limit(folder: Path) -> float:
    """Return the limit of one control group; infinity without one."""
    try:
        if (folder / "cpu.max").exists():
            quota, period = (folder / "cpu.max").read_text(encoding="ascii").split()
        else:
            quota = (folder / "cpu.cfs_quota_us").read_text(encoding="ascii")
            period = (folder / "cpu.cfs_period_us").read_text(encoding="ascii")
        # "max", or -1 in version 1, means no limit
        return int(quota) / int(period) if quota.strip().isdecimal() else math.inf
    except (OSError, ValueError, ZeroDivisionError):
        return math.inf
