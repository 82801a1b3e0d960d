"""Time GRPO without rewardkit: Unsloth, TRL and five hand-written reward functions.

    python benchmarks/plain_grpo.py MODEL --json plain.json

The settings are those of the recipe smollm2_arithmetic, so that the step times can be compared with
those in a run's log.jsonl. It prints the median step time, and the mean reward of the last steps.
"""

import argparse
import json
import random
import re
import time
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from statistics import fmean, median
from typing import Any

SYSTEM = """Answer in this layout:
<reasoning>
the sum
</reasoning>
<answer>
the number alone
</answer>
"""
EXAMPLE = "<reasoning>\n3 + 5 = 8\n</reasoning>\n<answer>\n8\n</answer>"
STRICT = re.compile(r"<reasoning>\n.*?\n</reasoning>\n<answer>\n.*?\n</answer>\n?", re.DOTALL)
SOFT = re.compile(r"<reasoning>.*?</reasoning>\s*<answer>.*?</answer>", re.DOTALL)
TAGS = ("<reasoning>\n", "\n</reasoning>\n", "\n<answer>\n", "\n</answer>")

Completions = list[list[dict[str, str]]]


def answer_in(text: str) -> str:
    """Return the text between the answer tags."""
    return text.rpartition("<answer>")[2].partition("</answer>")[0].strip()


def count_reward(completions: Completions, **_: Any) -> list[float]:
    """Give an eighth per tag, minus a penalty for text after the last tag."""
    texts = [completion[0]["content"] for completion in completions]
    counted = [sum(0.125 for tag in TAGS if text.count(tag) == 1) for text in texts]
    tails = [len(text.rpartition("</answer>")[2]) if TAGS[3] in text else 0 for text in texts]
    return [count - 0.001 * tail for count, tail in zip(counted, tails, strict=True)]


def soft_reward(completions: Completions, **_: Any) -> list[float]:
    """Give 0.5 for the tags in order."""
    return [0.5 if SOFT.match(completion[0]["content"]) else 0.0 for completion in completions]


def strict_reward(completions: Completions, **_: Any) -> list[float]:
    """Give 0.5 for each tag on its own line and no other text."""
    texts = [completion[0]["content"] for completion in completions]
    return [0.5 if STRICT.fullmatch(text) else 0.0 for text in texts]


def digits_reward(completions: Completions, **_: Any) -> list[float]:
    """Give 0.5 for an answer of digits."""
    answers = [answer_in(completion[0]["content"]) for completion in completions]
    return [0.5 if answer.isdigit() else 0.0 for answer in answers]


def correctness_reward(completions: Completions, answer: list[str], **_: Any) -> list[float]:
    """Give 2.0 for the correct answer."""
    answers = [answer_in(completion[0]["content"]) for completion in completions]
    return [2.0 if given == wanted else 0.0 for given, wanted in zip(answers, answer, strict=True)]


def make_rows() -> list[dict[str, Any]]:
    """Generate sums of two numbers up to 20, like the recipe."""
    before = [
        {"role": "system", "content": SYSTEM},
        {"role": "user", "content": "What is 3 + 5?"},
        {"role": "assistant", "content": EXAMPLE},
    ]
    rows = [
        {
            "prompt": [*before, {"role": "user", "content": f"What is {left} + {right}?"}],
            "answer": str(left + right),
        }
        for left in range(1, 21)
        for right in range(1, 21)
    ]
    random.Random(3407).shuffle(rows)
    return rows[:-50]


def measure(reward: Callable[..., Any], seconds: dict[str, float]) -> Callable[..., Any]:
    """Add a reward's time to `seconds`, as rewardkit's trainer does for its log."""

    @wraps(reward)  # TRL logs a reward under its name
    def measured(**batch: Any) -> Any:
        began = time.perf_counter()
        values = reward(**batch)
        name = reward.__name__
        seconds[name] = seconds.get(name, 0.0) + time.perf_counter() - began
        return values

    return measured


def parse_arguments() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description="Time GRPO with hand-written rewards.")
    parser.add_argument("model", help="SmolLM2-135M-Instruct: a name or a folder")
    parser.add_argument("--steps", type=int, default=150, help="training steps (default 150)")
    parser.add_argument("--output", default="runs/plain", help="folder for the trainer's files")
    parser.add_argument("--no-vllm", action="store_true", help="generate without vLLM")
    parser.add_argument("--json", type=Path, help="file to write each step's time to")
    return parser.parse_args()


def load_model(name: str, *, vllm: bool) -> tuple[Any, Any]:
    """Load the model with an adapter, and its tokenizer."""
    from unsloth import FastLanguageModel  # noqa: PLC0415 - it patches TRL and transformers

    vllm_options = {"max_lora_rank": 32, "gpu_memory_utilization": 0.4}
    model, tokenizer = FastLanguageModel.from_pretrained(
        model_name=name,
        max_seq_length=512,
        load_in_4bit=False,
        fast_inference=vllm,
        **(vllm_options if vllm else {}),
    )
    model = FastLanguageModel.get_peft_model(
        model, r=32, lora_alpha=32, use_gradient_checkpointing="unsloth", random_state=3407
    )
    return model, tokenizer


SETTINGS = {
    "learning_rate": 1e-4,
    "optim": "adamw_torch",
    "bf16": True,
    "num_generations": 8,
    "per_device_train_batch_size": 64,
    "gradient_accumulation_steps": 1,
    "max_completion_length": 160,
    "save_strategy": "no",
    "logging_steps": 1,
    "seed": 3407,
    "report_to": "none",
    "disable_tqdm": True,
}
REWARDS: list[Callable[..., Any]] = [
    count_reward,
    soft_reward,
    strict_reward,
    digits_reward,
    correctness_reward,
]


def main() -> None:
    """Train, and print the median time of a step."""
    args = parse_arguments()
    model, tokenizer = load_model(args.model, vllm=not args.no_vllm)
    # after Unsloth, which patches them
    from datasets import Dataset  # noqa: PLC0415
    from transformers import TrainerCallback  # noqa: PLC0415
    from trl import GRPOConfig, GRPOTrainer  # noqa: PLC0415

    seconds: list[float] = []
    rewards: list[float] = []
    by_reward: list[dict[str, float]] = []
    current: dict[str, float] = {}

    class Clock(TrainerCallback):  # type: ignore[misc] # transformers is untyped
        began = 0.0

        def on_step_begin(self, *_: Any, **__: Any) -> None:
            current.clear()
            self.began = time.perf_counter()

        def on_step_end(self, *_: Any, **__: Any) -> None:
            seconds.append(time.perf_counter() - self.began)
            by_reward.append(dict(current))

        def on_log(self, *_: Any, logs: dict[str, float], **__: Any) -> None:
            if "reward" in logs:
                rewards.append(float(logs["reward"]))

    trainer = GRPOTrainer(
        model=model,
        processing_class=tokenizer,
        reward_funcs=[measure(reward, current) for reward in REWARDS],
        args=GRPOConfig(output_dir=args.output, max_steps=args.steps, **SETTINGS),
        train_dataset=Dataset.from_list(make_rows()),
        callbacks=[Clock()],
    )
    trainer.train()
    last = fmean(rewards[-10:])
    print(f"{median(seconds[1:]):.3f} s per step, reward {last:.2f} in the last ten steps")
    if args.json:
        result = {"median": median(seconds[1:]), "seconds": seconds, "rewards": rewards}
        result["seconds_by_reward"] = by_reward
        args.json.write_text(json.dumps(result) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
