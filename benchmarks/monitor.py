"""Measure what RewardMonitor costs per step, beside the time of a training step.

    python benchmarks/monitor.py [--rounds 50]

A step has 64 completions of about 300 tokens for 8 prompts with a worked example, five rewards and
their whys. Processor time is measured, since other load on the machine has little effect on it. The
bound is 0.2 % of a step of 2.7 s, which is what this step took for a model of 1.5B parameters on
one H100.
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

from rewardkit import presets
from rewardkit.adapters.trl import RewardMonitor

STEP_SECONDS, MAX_SHARE = 2.7, 0.002
PROMPTS, COMPLETIONS_PER_PROMPT, WORDS = 8, 8, 230  # about 300 tokens
SEED = 3407
FIVE = [
    presets.xmlcount_reward_func,
    presets.soft_format_reward_func,
    presets.strict_format_reward_func,
    presets.int_reward_func,
    presets.correctness_reward_func,
]
SYSTEM = "Think first, then answer in this layout: reasoning, answer. " * 20
SYLLABLES = ("ra", "ten", "mi", "so", "lor", "ve", "dan", "qui", "pes", "ul")


def make_text(generator: random.Random, words: int) -> str:
    """Return random words, with numbers and line breaks."""
    made = ["".join(generator.choices(SYLLABLES, k=generator.randint(1, 4))) for _ in range(words)]
    for position in range(0, words, 7):
        made[position] = f"{generator.randint(1, 999)},\n"
    return " ".join(made)


def make_batch(generator: random.Random) -> dict[str, Any]:
    """Return a step's batch as TRL passes it: messages, token ids and a column."""
    size = PROMPTS * COMPLETIONS_PER_PROMPT
    prompts = []
    for _ in range(PROMPTS):
        turns = [("system", SYSTEM), ("user", make_text(generator, 40))]
        prompt = [{"role": role, "content": content} for role, content in turns]
        prompts += [prompt] * COMPLETIONS_PER_PROMPT
    layout = "<reasoning>\n{}\n</reasoning>\n<answer>\n{}\n</answer>"
    texts = [
        layout.format(make_text(generator, WORDS), generator.randint(1, 9)) for _ in range(size)
    ]
    texts[generator.randrange(size)] = texts[0].replace("<answer>", "")  # so that rewards vary
    return {
        "prompts": prompts,
        "completions": [[{"role": "assistant", "content": text}] for text in texts],
        "completion_ids": [[0] * 300] * size,
        "answer": ["7"] * size,
        "trainer_state": SimpleNamespace(global_step=0),
        "log_metric": lambda _name, _value: None,
        "log_extra": lambda _name, _values: None,
    }


def measure(rewards: Sequence[Callable[..., Any]], batch: dict[str, Any]) -> float:
    """Return the processor time of calling the rewards with a batch, in seconds."""
    began = time.process_time()
    for reward in rewards:
        reward(**batch)
    return time.process_time() - began


def main() -> int:
    """Print the monitor's time per step; return 1 if it is above the bound."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=50, help="steps to measure (default 50)")
    rounds = parser.parse_args().rounds
    generator = random.Random(SEED)
    monitor = RewardMonitor(FIVE)
    arguments = SimpleNamespace(max_completion_length=512, num_generations=8, reward_weights=None)
    state = SimpleNamespace(is_world_process_zero=True, global_step=0)
    monitor.on_train_begin(arguments, state, None)
    monitor.on_step_begin(arguments, state, None)
    taken = []
    for _ in range(rounds):
        batch = make_batch(generator)
        alone = measure(FIVE, batch)  # first, so that the texts' caches favour neither
        taken.append(measure(monitor.rewards, batch) - alone)
    if monitor.figures is None:
        print("nothing was measured")
        return 1
    median = statistics.median(taken)
    bound = MAX_SHARE * STEP_SECONDS
    print(f"monitor, per step  {median * 1000:6.2f} ms (bound {bound * 1000:.1f} ms)")
    print(f"of a {STEP_SECONDS} s step   {median / STEP_SECONDS:6.3%} (bound {MAX_SHARE:.1%})")
    return int(median > bound)


if __name__ == "__main__":
    sys.exit(main())
