"""One function on many items, in actors of a Ray cluster, with the results in order.

Items are kept until their results have arrived: the items of an actor that dies, alone or with its
node, go to others. Ray's own retries would wait for an actor that no node has room for.
"""

from __future__ import annotations

import pickle
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from typing import Any, NamedTuple, TypeVar

from rewardkit._messages import error_line
from rewardkit._optional import require
from rewardkit._workers.parallel import IMPORT_HINT, do_work

Item = TypeVar("Item")
Result = TypeVar("Result")

EXTRA = "rewardkit[ray]"
START_SECONDS = 300.0  # a cluster that grows on demand takes minutes to start a machine
ASK_SECONDS = 60.0
POLL_SECONDS = 1.0
ITEMS_PER_ACTOR = 2  # one to work on, and one to go on with at once
MAX_TRIES = 5  # of an item whose actors die; it may be what ends them
MAX_HELD = 8  # results per actor that wait for an item before them


class ItemActor:
    """The actor: works on one item at a time."""

    def __init__(self, pickled_work: bytes) -> None:
        """Import the work; an error is kept, since raised here it would be the actor's death."""
        self.work: Callable[[Any], Any] | None = None
        self.error: Exception | None = None
        try:
            self.work = pickle.loads(pickled_work)  # noqa: S301 - from the driver
        except Exception as error:  # noqa: BLE001 - the driver raises it
            self.error = ValueError(f"{error_line(error)}; {IMPORT_HINT}")

    def find_import_error(self) -> Exception | None:
        """Return the error of importing the work, if any."""
        return self.error

    def run(self, item: Any) -> tuple[Exception | None, Any]:
        """Return the error or None, and the result or None."""
        assert self.work is not None  # noqa: S101 - the driver asks for the error first
        return do_work(self.work, item)


def in_order_on_ray(
    work: Callable[[Item], Result], items: Iterable[Item], actors: int | None = None
) -> Generator[Result]:
    """Yield `work(item)` for each item, in order, from actors with one CPU each.

    `actors` is by default, and at most, the number of the cluster's CPUs less one, which the driver
    needs. The cluster is the one that this process is connected to, that `RAY_ADDRESS` names, or
    that runs on this machine; else one is started.

    Raises what `work` raises, ValueError for more actors, or if they cannot import `work`, and
    RuntimeError if no actor can be started.
    """
    ray = connect()
    cpus = int(ray.cluster_resources().get("CPU", 1))
    # As many actors as CPUs would leave none for what feeds them, and Ray waits for ever.
    most = max(cpus - 1, 1)
    if actors is not None and not 1 <= actors <= most:
        message = f"got {actors} workers, expected 1 to {most}: the cluster has {cpus} CPUs"
        raise ValueError(f"{message}, and one is for the process that feeds them")
    pool = _ActorPool(ray, ray.cloudpickle.dumps(work), actors or most)
    try:
        yield from pool.run_tasks(iter(items))
    finally:
        pool.kill_actors()


def connect() -> Any:
    """Return the module of Ray, connected to a cluster."""
    ray = require("ray", install=EXTRA)
    if not ray.is_initialized():
        ray.init(log_to_driver=False, logging_level="warning")
    return ray


def all_nodes_agree(ask: Callable[[], bool]) -> bool:
    """Return whether a function returns True on each node of the cluster.

    A node that does not answer says no: that rows are passed to it is never wrong.
    """
    ray = connect()
    strategy = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy
    task = ray.remote(num_cpus=0, max_retries=0)(ask)
    nodes = [node["NodeID"] for node in ray.nodes() if node["Alive"]]
    asked = [
        task.options(scheduling_strategy=strategy(node, soft=False)).remote() for node in nodes
    ]
    try:
        return all(ray.get(asked, timeout=ASK_SECONDS))
    except ray.exceptions.RayError:  # also GetTimeoutError
        return False


class _Task(NamedTuple):
    """An item and its number, with how many times it has been given to an actor."""

    number: int
    item: Any
    tries: int = 1


class _ActorPool:
    """Actors with the items that they work on."""

    def __init__(self, ray: Any, pickled_work: bytes, size: int) -> None:
        self.ray, self.pickled_work, self.size = ray, pickled_work, size
        self.actor_class = ray.remote(num_cpus=1, max_restarts=0)(ItemActor)
        self.starting: dict[Any, Any] = {}
        """Actors that have not answered yet, by the reference to their answer."""
        self.load: dict[Any, int] = {}
        """How many items each actor has."""
        self.asked: dict[Any, tuple[Any, _Task]] = {}
        """The actor and the task of each result that is awaited, by its reference."""
        self.again: deque[_Task] = deque()
        """The tasks of actors that died."""
        self.last_ready = time.monotonic()
        for _ in range(size):
            self.start_actor()

    def start_actor(self) -> None:
        actor = self.actor_class.remote(self.pickled_work)
        self.starting[actor.find_import_error.remote()] = actor

    def run_tasks(self, items: Iterator[Any]) -> Iterator[Any]:
        """Yield the result of each item, in order."""
        tasks = (_Task(number, item) for number, item in enumerate(items))
        results: dict[int, Any] = {}
        next_number, last = 0, False
        while True:
            while next_number in results:
                yield results.pop(next_number)
                next_number += 1
            room = len(results) < MAX_HELD * self.size
            while (actor := self.idle_actor()) and (room or self.again):
                task = self.again.popleft() if self.again else next(tasks, None)
                if task is None:
                    last = True
                    break
                self.asked[actor.run.remote(task.item)] = actor, task
                self.load[actor] += 1
            if last and not self.asked and not self.again and not results:
                return
            results.update(self.receive_results())

    def idle_actor(self) -> Any:
        free = [actor for actor, load in self.load.items() if load < ITEMS_PER_ACTOR]
        return min(free, key=self.load.__getitem__, default=None)

    def receive_results(self) -> dict[int, Any]:
        """Wait for results, for actors that start and for those that die; return the results."""
        waited = [*self.asked, *self.starting]
        ready, _ = self.ray.wait(waited, num_returns=1, timeout=POLL_SECONDS)
        if self.load:
            self.last_ready = time.monotonic()
        elif time.monotonic() - self.last_ready > START_SECONDS:
            message = f"no actor has started within {START_SECONDS:g} s"
            raise RuntimeError(f"{message}; has the cluster a free CPU, and its nodes rewardkit?")
        results = {}
        for reference in ready:
            if reference in self.starting:
                self.add_actor(self.starting.pop(reference), reference)
            elif reference in self.asked:
                actor, task = self.asked.pop(reference)
                try:
                    error, result = self.ray.get(reference)
                except self.ray.exceptions.RayError as lost:
                    # The actor died, or its answer was lost with its node.
                    if task.tries == MAX_TRIES:
                        message = f"{MAX_TRIES} actors in a row died with the same rows"
                        raise RuntimeError(f"{message}: {error_line(lost)}") from None
                    self.again.append(task._replace(tries=task.tries + 1))
                    self.drop_actor(actor)
                    continue
                if actor in self.load:
                    self.load[actor] -= 1
                if error is not None:
                    raise error
                results[task.number] = result
        return results

    def add_actor(self, actor: Any, reference: Any) -> None:
        try:
            error = self.ray.get(reference)
        except self.ray.exceptions.RayError:
            self.start_actor()
            return
        if error is not None:
            raise error
        self.load[actor] = 0

    def drop_actor(self, actor: Any) -> None:
        """Replace an actor; its other items come back as errors of their own."""
        if self.load.pop(actor, None) is not None:
            self.ray.kill(actor)
            self.start_actor()

    def kill_actors(self) -> None:
        for actor in [*self.load, *self.starting.values()]:
            self.ray.kill(actor)
