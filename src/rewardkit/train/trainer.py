"""TRL's trainer on the recipe's rewards, with a log of every step: rewards, times, samples."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from typing import Any

from rewardkit.adapters.trl import RewardMonitor, split
from rewardkit.audit.alerts import Alert
from rewardkit.batch import Batch
from rewardkit.component import walk
from rewardkit.extract import Extractor
from rewardkit.reward import Reward
from rewardkit.train.backends import Backend
from rewardkit.train.folder import RunFolder
from rewardkit.train.recipe_sections import Row


class TimedReward:
    """A reward that measures its own time and keeps its last batch, to show a sample of it."""

    def __init__(self, reward: Reward) -> None:
        self.reward, self.batch = reward, dict[str, Any]()
        self.__name__ = reward.__name__  # TRL logs the reward under it
        self.seconds, self.first_call = 0.0, 0.0

    def __call__(self, **batch: Any) -> list[float | None]:
        """Score as the reward does."""
        self.batch = batch
        began = time.perf_counter()
        self.first_call = self.first_call or began
        try:
            return self.reward(**batch)
        finally:
            self.seconds += time.perf_counter() - began

    def reset_times(self) -> None:
        """Start a new step."""
        self.seconds, self.first_call = 0.0, 0.0

    def sample(self, extractor: Extractor | None) -> Row:
        """Return the batch's first question, reference, response and extracted answer."""
        text = Batch(self.batch["completions"]).texts[0]
        return {
            "question": self.batch["question"][0],
            "reference": self.batch.get("answer", [None])[0],
            "response": text,
            "extracted": extractor.extract(text) if extractor else None,
        }


class StepLog:
    """A trainer callback that logs every step with its times, and shows a sample of some.

    The times are measured around the step and inside the rewards. The time until the first reward
    is mostly generation; the time after the last one is the loss, the gradient and the optimizer.
    """

    def __init__(self, folder: RunFolder, rewards: Sequence[TimedReward]) -> None:
        self.folder, self.rewards = folder, rewards
        self.began, self.times = 0.0, dict[str, Any]()
        # of the last reward that has one: recipes list the layout first, correctness last
        parts = [part for reward in reversed(folder.recipe.rewards) for part in walk(reward)]
        self.extractor = next((part for part in parts if isinstance(part, Extractor)), None)

    def on_step_begin(self, *_event: Any, **_rest: Any) -> None:
        """Start the clock."""
        # an evaluation since the last step has called the rewards too
        for reward in self.rewards:
            reward.reset_times()
        self.began = time.perf_counter()

    def on_step_end(self, *_event: Any, **_rest: Any) -> None:
        """Keep the step's times until the trainer logs it."""
        seconds = time.perf_counter() - self.began
        by_reward = {reward.__name__: round(reward.seconds, 6) for reward in self.rewards}
        first_calls = [reward.first_call for reward in self.rewards if reward.first_call]
        self.times = {
            "seconds": seconds,
            "rewards_seconds": sum(reward.seconds for reward in self.rewards),
            # None for a step that trains on completions of an earlier one (num_iterations)
            "seconds_until_rewards": min(first_calls) - self.began if first_calls else None,
            "seconds_by_reward": by_reward,
        }

    def on_log(self, _args: Any, state: Any, _control: Any, logs: Any, **_rest: Any) -> None:
        """Write the step's row, and a sample every few steps."""
        if not state.is_world_process_zero:
            return
        step, folder = state.global_step, self.folder
        values = {name: _as_json_number(value) for name, value in logs.items()}
        if "eval_reward" in logs:
            folder.append("evaluation.jsonl", {"step": step, **values})
        if "reward" not in logs:
            return  # the trainer's own summary at the end
        folder.append("log.jsonl", {"step": step, **self.times, **values})
        reward, std = float(logs["reward"]), float(logs["reward_std"])
        seconds = self.times["seconds"]
        print(f"step {step}: reward {reward:.3f}, std {std:.3f}, {seconds:.2f} s", flush=True)
        if step % folder.recipe.show_every == 0:
            sample = self.rewards[0].sample(self.extractor)
            folder.append("samples.jsonl", {"step": step, **sample})
            print("\n".join(f"  {key}: {value}" for key, value in sample.items()), flush=True)


def _as_json_number(value: Any) -> float | None:
    # JSON has neither NaN nor infinity
    return float(value) if math.isfinite(float(value)) else None


def make_trainer(
    folder: RunFolder, backend: Backend, config: Any, rows: Sequence[Row], held_out: Sequence[Row]
) -> Any:
    """Make TRL's trainer, with each term of a sum as a reward function of its own."""
    from datasets import Dataset
    from transformers import PrinterCallback, TrainerCallback
    from trl import GRPOTrainer  # Unsloth's, once that is imported

    rewards = [TimedReward(reward) for reward in split(folder.recipe.rewards).reward_funcs]
    monitor = RewardMonitor(rewards, on_alert=lambda alert: _write_alert(folder, alert))
    # the base class is known only here, since importing transformers takes seconds
    callback_class = type("StepLogCallback", (StepLog, TrainerCallback), {})
    evaluates = folder.recipe.training.eval_steps is not None
    trainer = GRPOTrainer(
        model=backend.model,
        processing_class=backend.tokenizer,
        reward_funcs=monitor.rewards,
        args=config,
        train_dataset=Dataset.from_list(list(rows)),
        eval_dataset=Dataset.from_list(list(held_out)) if evaluates else None,
        callbacks=[callback_class(folder, rewards), monitor],
    )
    trainer.remove_callback(PrinterCallback)  # it prints a dictionary for each step
    return trainer


def _write_alert(folder: RunFolder, alert: Alert) -> None:
    folder.append("alerts.jsonl", {**alert._asdict(), "advice": alert.advice, "text": str(alert)})


def count_parameters(model: Any) -> str:
    """Count the parameters that are trained, as text."""
    sizes = [(parameter.requires_grad, parameter.numel()) for parameter in model.parameters()]
    trained, total = sum(size for trains, size in sizes if trains), sum(size for _, size in sizes)
    return f"{trained:,} of {total:,} parameters are trained ({trained / total:.2%})"
