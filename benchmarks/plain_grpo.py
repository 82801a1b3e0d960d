"""Time GRPO as a notebook writes it: Unsloth, TRL, and five reward functions by hand.

    python benchmarks/plain_grpo.py MODEL --json plain.json

The settings are those of examples/recipes/smollm2_arithmetic.yaml, so that the times of a step can
be set against those in a run's log.jsonl. It prints the median, and the last steps' rewards.
"""

import argparse
import json
import random
import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
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
MARKS = ("<reasoning>\n", "\n</reasoning>\n", "\n<answer>\n", "\n</answer>")

Completions = list[list[dict[str, str]]]


def answer_in(text: str) -> str:
    """Return what stands in the answer's tags."""
    return text.rpartition("<answer>")[2].partition("</answer>")[0].strip()


def count_reward(completions: Completions, **_: Any) -> list[float]:
    """Give an eighth for each tag, less what follows the last one."""
    texts = [completion[0]["content"] for completion in completions]
    counted = [sum(0.125 for mark in MARKS if text.count(mark) == 1) for text in texts]
    tails = [len(text.rpartition("</answer>")[2]) if MARKS[3] in text else 0 for text in texts]
    return [count - 0.001 * tail for count, tail in zip(counted, tails, strict=True)]


def soft_reward(completions: Completions, **_: Any) -> list[float]:
    """Give a half for the tags in order."""
    return [0.5 if SOFT.match(completion[0]["content"]) else 0.0 for completion in completions]


def strict_reward(completions: Completions, **_: Any) -> list[float]:
    """Give a half for each tag on a line of its own, and nothing else."""
    texts = [completion[0]["content"] for completion in completions]
    return [0.5 if STRICT.fullmatch(text) else 0.0 for text in texts]


def digits_reward(completions: Completions, **_: Any) -> list[float]:
    """Give a half for an answer of digits."""
    answers = [answer_in(completion[0]["content"]) for completion in completions]
    return [0.5 if answer.isdigit() else 0.0 for answer in answers]


def right_reward(completions: Completions, answer: list[str], **_: Any) -> list[float]:
    """Give 2 for the right answer."""
    answers = [answer_in(completion[0]["content"]) for completion in completions]
    return [2.0 if given == right else 0.0 for given, right in zip(answers, answer, strict=True)]


def make_rows() -> list[dict[str, Any]]:
    """Return the sums of two numbers up to 20, as the recipe has them."""
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


def count_parts(seconds: dict[str, float]) -> None:
    """Add to `seconds`, by name, what TRL's trainer times of its own parts."""
    from trl.extras import profiling  # noqa: PLC0415 - after Unsloth

    original = profiling.profiling_context

    @contextmanager
    def counted(trainer: Any, name: str) -> Iterator[None]:
        began = time.perf_counter()
        with original(trainer, name):
            yield
        seconds[name] = seconds.get(name, 0.0) + time.perf_counter() - began

    for module in [*sys.modules.values()]:
        if getattr(module, "__dict__", {}).get("profiling_context") is original:
            module.__dict__["profiling_context"] = counted


def main() -> None:
    """Train, and print the time of a step."""
    parser = argparse.ArgumentParser(description="Time plain GRPO with rewards written by hand.")
    parser.add_argument("model", help="SmolLM2-135M-Instruct: a name or a folder")
    parser.add_argument("--steps", type=int, default=150)
    parser.add_argument("--output", default="runs/plain", help="where the trainer keeps its files")
    parser.add_argument("--no-vllm", action="store_true")
    parser.add_argument("--json", type=Path, help="where to write every step's time")
    args = parser.parse_args()

    from unsloth import FastLanguageModel  # noqa: I001, PLC0415 - it patches what comes after it
    from datasets import Dataset  # noqa: PLC0415
    from transformers import TrainerCallback  # noqa: PLC0415
    from trl import GRPOConfig, GRPOTrainer  # noqa: PLC0415

    fast = {"max_lora_rank": 32, "gpu_memory_utilization": 0.4}
    model, tokenizer = FastLanguageModel.from_pretrained(
        model_name=args.model,
        max_seq_length=512,
        load_in_4bit=False,
        fast_inference=not args.no_vllm,
        **({} if args.no_vllm else fast),
    )
    model = FastLanguageModel.get_peft_model(
        model, r=32, lora_alpha=32, use_gradient_checkpointing="unsloth", random_state=3407
    )
    seconds: list[float] = []
    rewards: list[float] = []
    profile: list[dict[str, float]] = []
    parts: dict[str, float] = {}
    count_parts(parts)

    class Clock(TrainerCallback):  # type: ignore[misc] # transformers is untyped
        began = 0.0

        def on_step_begin(self, *_: Any, **__: Any) -> None:
            parts.clear()
            self.began = time.perf_counter()

        def on_step_end(self, *_: Any, **__: Any) -> None:
            seconds.append(time.perf_counter() - self.began)
            profile.append(dict(parts))

        def on_log(self, *_: Any, logs: dict[str, float], **__: Any) -> None:
            if "reward" in logs:
                rewards.append(float(logs["reward"]))

    trainer = GRPOTrainer(
        model=model,
        processing_class=tokenizer,
        reward_funcs=[count_reward, soft_reward, strict_reward, digits_reward, right_reward],
        args=GRPOConfig(
            output_dir=args.output,
            learning_rate=1e-4,
            optim="adamw_torch",
            bf16=True,
            num_generations=8,
            per_device_train_batch_size=64,
            gradient_accumulation_steps=1,
            max_completion_length=160,
            max_steps=args.steps,
            save_strategy="no",
            logging_steps=1,
            seed=3407,
            report_to="none",
            disable_tqdm=True,
        ),
        train_dataset=Dataset.from_list(make_rows()),
        callbacks=[Clock()],
    )
    trainer.train()
    print(f"{median(seconds[1:]):.3f} s a step, reward {fmean(rewards[-10:]):.2f} in the last ten")
    if args.json:
        told = {"median": median(seconds[1:]), "seconds": seconds, "rewards": rewards}
        told["profile"] = profile
        args.json.write_text(json.dumps(told) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
