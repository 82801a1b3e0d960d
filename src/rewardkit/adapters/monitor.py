"""A monitor of a TRL run: what its rewards stopped measuring, while it trains."""

from __future__ import annotations

import inspect
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, Self

from rewardkit._messages import error_line, make_names_unique
from rewardkit._optional import require
from rewardkit._score_checks import drop_nan
from rewardkit.audit.alerts import Alert, AlertFinder
from rewardkit.audit.step_figures import Step, StepFigures, StepMeter
from rewardkit.batch import Batch
from rewardkit.component import explain_not_a_reward, walk
from rewardkit.reward import Bounds, Reward
from rewardkit.rewards.wrappers import Schedule, Where

logger = logging.getLogger("rewardkit.monitor")

# Steps without a call of a reward, before the setup must be wrong. Some steps have no call of their
# own: they train again on the completions of an earlier one.
MAX_SILENT_STEPS = 20


class RewardMonitor:
    """Watches a GRPOTrainer's rewards and completions, and says what goes wrong, as it goes wrong.

    It is a callback, and `monitor.rewards` are the reward functions. The values that the trainer
    gets are the rewards' own. It looks for rewards that never vary, groups without spread, a reward
    at its maximum while another falls or stays low, one completion for several prompts, completions
    that run to the limit of tokens or repeat the prompt, and many timeouts or abstentions. Each
    alert has the step, an example and what to do. The first of a kind is a warning of the logger
    `rewardkit.monitor`, which Python shows on the terminal; others are at level INFO. The trainer's
    logs get `monitor/copied` and `monitor/repeated` (shares, 0 to 1), `monitor/alerts` (how many so
    far) and `monitor/seconds` (its own time). Over several processes each watches its own
    completions and the main one reports.

    ```python
    monitor = RewardMonitor(rewards)
    trainer = GRPOTrainer(..., reward_funcs=monitor.rewards, callbacks=[monitor])
    ```

    >>> from rewardkit.rewards import Length, XmlStrict
    >>> monitor = RewardMonitor([XmlStrict(), Length(target=40)])
    >>> [reward.__name__ for reward in monitor.rewards]
    ['xml_strict', 'length.target:40']
    """

    def __new__(cls, *_: Any, **__: Any) -> Self:
        """Make an object that is also a TrainerCallback of transformers."""
        # the base class is added here: importing transformers takes seconds, and Unsloth asks to
        # be imported before it
        base = require("transformers", install="rewardkit[trl]").TrainerCallback
        own: Any = cls
        callback: type[Self] = own if issubclass(own, base) else _add_base(own, base)
        return super().__new__(callback)

    def __init__(self, rewards: Any, *, on_alert: Callable[[Alert], None] | None = None) -> None:
        """Wrap one reward or a list: rewards, functions, async functions, reward models.

        Reward models, given as a module or a name, are passed on unwatched, and a sum is watched as
        a whole: `split` watches its terms. `on_alert` is called with each alert in the main
        process; what it raises ends the run. Raises TypeError for anything else.
        """
        rewards = getattr(rewards, "reward_funcs", rewards)  # of split(...)
        given = [*rewards] if isinstance(rewards, list | tuple) else [rewards]
        for reward in given:
            usable = callable(reward) or isinstance(reward, str)
            if isinstance(reward, type) or not usable:
                raise TypeError(explain_not_a_reward(reward, "a reward, a function or a list"))
        watched = [reward for reward in given if not _is_model(reward)]
        # TRL merges the logs of equal names
        names = iter(make_names_unique(map(_find_name, watched)))
        self.rewards: list[Any] = [
            reward if _is_model(reward) else _wrap_reward(self, next(names), reward)
            for reward in given
        ]
        """The reward functions for the trainer, in the order given."""
        self.alerts: list[Alert] = []
        """The alerts so far."""
        self.figures: StepFigures | None = None
        """What the last step showed; None before the first."""
        self.seconds = 0.0
        """The time that the monitor has taken, without that of the rewards."""
        self.on_alert = on_alert
        self._names = [reward.__name__ for reward in self.rewards if not _is_model(reward)]
        self._finder, self._meter = _prepare_parts(self._names, watched)
        self._values: dict[str, Sequence[float | None]] = {}
        self._whys: dict[str, Sequence[str]] = {}
        self._in_step = self._began = self._failed = False
        self._speaks, self._state = True, None
        self._silent_steps = 0
        self._logged_seconds = 0.0

    # The trainer's events ------------------------------------------------------------------------

    def on_train_begin(self, args: Any, state: Any, _control: Any, **_: Any) -> None:
        """Read the limit of tokens, the group's size and the weights."""
        self._speaks = getattr(state, "is_world_process_zero", True)
        self._meter.max_tokens = getattr(args, "max_completion_length", None)
        self._meter.group_size = getattr(args, "num_generations", None) or 2
        weights = getattr(args, "reward_weights", None)
        if weights is not None and len(weights) == len(self.rewards):
            by_name = {
                reward.__name__: weight
                for reward, weight in zip(self.rewards, weights, strict=True)
                if not _is_model(reward)
            }
            self._meter.weights = by_name
            self._finder.weights = dict(by_name)

    def on_step_begin(self, _args: Any, state: Any, _control: Any, **_: Any) -> None:
        """Start to watch: outside of steps the rewards are called for evaluations."""
        self._state = state
        self._in_step = self._began = True
        self._values, self._whys = {}, {}
        self._silent_steps += 1

    def on_step_end(self, *_: Any, **__: Any) -> None:
        """Stop watching until the next step."""
        self._in_step = False
        if self._silent_steps == MAX_SILENT_STEPS:
            self._warn_of_silence()

    def on_train_end(self, *_: Any, **__: Any) -> None:
        """Check a run too short for the check during it."""
        if 0 < self._silent_steps < MAX_SILENT_STEPS and self.figures is None:
            self._warn_of_silence()

    def _warn_of_silence(self) -> None:
        if self._names and self._speaks:
            logger.warning(
                "RewardMonitor: no reward was called in %d steps; pass reward_funcs=monitor.rewards"
                " to the trainer",
                self._silent_steps,
            )

    # Each reward's call --------------------------------------------------------------------------

    def keep(self, name: str, values: Any, whys: Sequence[str], given: Mapping[str, Any]) -> None:
        """Keep what a reward returned; measure the step after the last reward's call."""
        began = time.perf_counter()
        new: list[Alert] = []
        try:
            new = self._find_alerts(name, values, whys, given)
        except Exception as error:  # noqa: BLE001 - a monitor must not end a run
            self._values = {}
            level = logging.DEBUG if self._failed else logging.WARNING
            self._failed = True
            logger.log(level, "RewardMonitor: a step was not measured: %s", error_line(error))
        finally:
            self.seconds += time.perf_counter() - began
        # the caller's own function may end the run
        self._report_alerts(new)

    def _find_alerts(
        self, name: str, values: Any, whys: Sequence[str], given: Mapping[str, Any]
    ) -> list[Alert]:
        if not self._in_step:
            # an evaluation, or a trainer that trains without the callback
            trained = getattr(given.get("trainer_state"), "global_step", 0)
            if trained and not self._began and self._speaks:
                self._began = True
                logger.warning("RewardMonitor: it sees no steps; pass callbacks=[monitor] too")
            return []
        if name in self._values:  # a step with several generations has a round of calls for each
            self._values, self._whys = {}, {}
        self._silent_steps = 0
        self._values[name] = _as_numbers(values)
        if whys:
            self._whys[name] = whys
        if len(self._values) < len(self._names):
            return []
        # older trainers do not pass their state to the rewards
        number = getattr(given.get("trainer_state") or self._state, "global_step", 0) + 1
        batch = Batch(
            given["completions"],
            prompts=given.get("prompts"),
            completion_ids=given.get("completion_ids"),
            columns={},
        )
        # in the order of the rewards: async ones end in any order
        ordered = {name: self._values[name] for name in self._names}
        step = Step(number, batch, ordered, self._whys)
        self._values, self._whys = {}, {}
        self.figures = self._meter.measure(step)
        new = self._finder.find(self.figures, step)
        if log_metric := given.get("log_metric"):  # older trainers have none
            self._log_figures(self.figures, len(self.alerts) + len(new), log_metric)
        return new

    def _log_figures(
        self, figures: StepFigures, alerts: int, log_metric: Callable[[str, float], None]
    ) -> None:
        for key, share in (("copied", figures.copied), ("repeated", figures.repeated)):
            if share is not None:
                log_metric(f"monitor/{key}", share.share)
        log_metric("monitor/alerts", float(alerts))
        # the last call of this step is not over, and counts for the next one
        log_metric("monitor/seconds", self.seconds - self._logged_seconds)
        self._logged_seconds = self.seconds

    def _report_alerts(self, new: Sequence[Alert]) -> None:
        for alert in new:
            is_first = all(alert.kind != earlier.kind for earlier in self.alerts)
            self.alerts.append(alert)
            if self._speaks:
                level = logging.WARNING if is_first else logging.INFO
                logger.log(level, "RewardMonitor: %s", alert)
                if self.on_alert is not None:
                    self.on_alert(alert)


@cache
def _add_base(cls: Any, base: Any) -> Any:
    return type(cls.__name__, (cls, base), {"__module__": cls.__module__, "__doc__": cls.__doc__})


def _prepare_parts(names: Sequence[str], rewards: Sequence[Any]) -> tuple[AlertFinder, StepMeter]:
    """Make the parts of a monitor with what is declared about the rewards."""
    bounds: dict[str, Bounds] = {}
    scheduled, may_skip = set[str](), set[str]()
    for name, reward in zip(names, rewards, strict=True):
        component = _find_component(reward)
        if component is None:
            may_skip.add(name)  # a function for one task of a mixture returns None for the others
            continue
        bounds[name] = component.bounds
        if any(isinstance(part, Schedule) for part in walk(component)):
            scheduled.add(name)
        if any(isinstance(part, Where) for part in walk(component)):
            may_skip.add(name)
    return AlertFinder(bounds, scheduled=scheduled), StepMeter(may_skip=may_skip)


def _find_component(reward: Any) -> Reward | None:
    """Find the Reward that a callable is, or that it keeps as its attribute `reward`."""
    for candidate in (reward, getattr(reward, "reward", None)):
        if isinstance(candidate, Reward):
            return candidate
    return None


def _is_model(reward: Any) -> bool:
    # a name on the hub, or a torch module, which is called with tokens
    return isinstance(reward, str) or hasattr(reward, "named_parameters")


def _find_name(reward: Any) -> str:
    while hasattr(reward, "func") and not hasattr(reward, "__name__"):  # functools.partial
        reward = reward.func
    return str(getattr(reward, "__name__", type(reward).__name__))


def _as_numbers(values: Any) -> list[float | None]:
    values = values.tolist() if hasattr(values, "tolist") else values
    return [*map(drop_nan, values)]


# The reward functions -----------------------------------------------------------------------------


class _KeepWhys:
    """A trainer's `log_extra` that also keeps the whys of a reward, which looks for `keep_whys`."""

    def __init__(self, log_extra: Callable[..., Any] | None) -> None:
        self.log_extra = log_extra
        self.whys: Sequence[str] = ()

    def keep_whys(self, whys: Sequence[str]) -> None:
        self.whys = whys

    def __call__(self, *args: Any, **options: Any) -> None:
        if self.log_extra is not None:
            self.log_extra(*args, **options)


def _wrap_reward(
    monitor: RewardMonitor, name: str, reward: Callable[..., Any]
) -> Callable[..., Any]:
    """Return a function that calls the reward and shows the monitor what it returned."""
    takes_whys = _find_component(reward) is not None

    def prepare(options: dict[str, Any]) -> tuple[dict[str, Any], _KeepWhys]:
        keeper = _KeepWhys(options.get("log_extra"))
        return ({**options, "log_extra": keeper} if takes_whys else options), keeper

    def score(*args: Any, **options: Any) -> Any:
        passed, keeper = prepare(options)
        values = reward(*args, **passed)
        if not hasattr(values, "__len__"):
            values = [*values]  # an iterator can be read once
        monitor.keep(name, values, keeper.whys, options)
        return values

    async def score_async(*args: Any, **options: Any) -> Any:
        passed, keeper = prepare(options)
        values = await reward(*args, **passed)
        monitor.keep(name, values, keeper.whys, options)
        return values

    is_async = inspect.iscoroutinefunction(reward) or inspect.iscoroutinefunction(
        getattr(reward, "__call__", None)  # noqa: B004 - an object with an async call
    )
    watched = score_async if is_async else score
    watched.__name__ = watched.__qualname__ = name
    watched.__doc__ = reward.__doc__
    return watched
