"""Train a tiny language model with GRPO on the CPU, and plot five rewards as they increase.

The model is a Llama of 0.65 million parameters with random weights, and the problems are sums of
two digits, such as `3 + 5 =`. Nothing is downloaded. There are two phases.

1. A cold start by supervised fine-tuning. A model with random weights earns no reward to learn
   from, so it first imitates careless completions: each tag and line break may be wrong or missing,
   each answer may be off by one (see `write_careless_completion`). The right answer is the most
   likely one, so the model has some idea of sums before GRPO, but it gets most of them wrong.
2. GRPO, with TRL's trainer. From here on the model learns from the rewards alone.

The rewards are the five of the XML recipe (`rewardkit.presets`), read from `demo_rewards.yaml`.
Change that file, run the demo again, and the model learns something else.
"""

import argparse
import json
import os
import random
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from statistics import fmean

os.environ["HF_HUB_OFFLINE"] = "1"  # before the imports that read it: nothing goes to the network
os.environ["TOKENIZERS_PARALLELISM"] = "false"

import matplotlib as mpl
import torch
from datasets import Dataset
from matplotlib import pyplot as plt
from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
    PrinterCallback,
    TrainerCallback,
)
from trl import GRPOConfig, GRPOTrainer

import rewardkit as rk

RECIPE = Path(__file__).with_name("demo_rewards.yaml")
TAGS = ["<reasoning>", "</reasoning>", "<answer>", "</answer>"]
NUMBERS = [str(number) for number in range(20)]
CHARACTERS = "\n +=?abcdefghijklmnopqrstuvwxyz"
SUMS = [(left, right) for left in range(10) for right in range(10)]
SAMPLE = (3, 5)  # the problem that is answered before and after
QUESTION_TOKENS = 7  # of every question: two digits, plus, equals, three spaces
MAX_TOKENS = 32  # twice what a well-formed completion has
TOTAL = "total"

History = dict[str, list[float]]


def write_question(left: int, right: int) -> str:
    """Return the prompt for a sum."""
    return f"{left} + {right} ="


def write_careless_completion(left: int, right: int, rng: random.Random) -> str:
    """Return a completion for the cold start, each part of which may be wrong."""
    total = left + right
    parts = [
        rng.choice(["<reasoning>\n", "<reasoning>\n", "<reasoning>", "so "]),
        f"{left} + {right}",
        rng.choice(["\n</reasoning>\n", "\n</reasoning>\n", "</reasoning> ", " "]),
        rng.choice(["<answer>\n", "<answer>\n", "<answer>", "is "]),
        rng.choice([str(total), str(total), str(abs(total - 1)), str(total + 1), "?"]),
        rng.choice(["\n</answer>", "\n</answer>", "</answer>", ""]),
        rng.choice(["", "", "", " ok?"]),
    ]
    return "".join(parts)


def make_tokenizer() -> PreTrainedTokenizerFast:
    """Return a tokenizer that knows the tags, the numbers up to 19 and single characters."""
    tokens = ["<pad>", "<eos>", *TAGS, *NUMBERS, *CHARACTERS]
    tokenizer = Tokenizer(models.WordLevel({token: index for index, token in enumerate(tokens)}))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r"</?[a-z]+>|\d+|[\s\S]"), "isolated")
    tokenizer.decoder = decoders.Fuse()
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="<pad>",  # noqa: S106 - no password
        eos_token="<eos>",  # noqa: S106 - no password
    )


def make_model(tokenizer: PreTrainedTokenizerFast) -> LlamaForCausalLM:
    """Return a small Llama with random weights."""
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=128,
        intermediate_size=384,
        num_hidden_layers=3,
        num_attention_heads=4,
        max_position_embeddings=64,
        initializer_range=0.09,  # about 1 / sqrt(hidden_size), which learns faster than the default
        tie_word_embeddings=True,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
    )
    return LlamaForCausalLM(config)


def cold_start(
    model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, steps: int, rng: random.Random
) -> Iterator[float]:
    """Fit the model to careless completions and yield the loss of each step."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.05, total_iters=steps)
    for _ in range(steps):
        problems = rng.choices(SUMS, k=64)
        texts = [
            f"{write_question(*digits)}{write_careless_completion(*digits, rng)}<eos>"
            for digits in problems
        ]
        batch = tokenizer(texts, padding=True, padding_side="right", return_tensors="pt")
        labels = batch["input_ids"].masked_fill(batch["attention_mask"] == 0, -100)
        labels[:, :QUESTION_TOKENS] = -100  # only the completions are learned
        loss = model(**batch, labels=labels).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        yield loss.item()


def make_trainer(
    model: LlamaForCausalLM,
    tokenizer: PreTrainedTokenizerFast,
    rewards: list[rk.Reward],
    config: GRPOConfig,
) -> GRPOTrainer:
    """Return a trainer with the rewards as its reward functions.

    Each reward is called with the completions and the dataset's columns, here `answer`.
    """
    problems = [{"prompt": write_question(*digits), "answer": str(sum(digits))} for digits in SUMS]
    trainer = GRPOTrainer(
        model=model,
        processing_class=tokenizer,
        reward_funcs=rewards,
        train_dataset=Dataset.from_list(problems),
        args=config,
    )
    trainer.remove_callback(PrinterCallback)  # it prints a dictionary for each step
    return trainer


def make_config(folder: str, steps: int, seed: int) -> GRPOConfig:
    """Return the trainer's settings: 8 completions for each of 8 problems a step, no KL term."""
    return GRPOConfig(
        output_dir=folder,
        max_steps=steps,
        seed=seed,
        per_device_train_batch_size=64,
        num_generations=8,
        max_completion_length=MAX_TOKENS,
        learning_rate=3e-4,
        beta=0.0,
        use_cpu=True,
        bf16=False,
        gradient_checkpointing=False,
        dataloader_pin_memory=False,
        logging_steps=1,
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
    )


class RewardHistory(TrainerCallback):  # type: ignore[misc] # transformers is untyped
    """Keeps the mean of every reward at every step, and shows the latest ones during training."""

    def __init__(self, rewards: list[rk.Reward], steps: int, console: Console) -> None:
        self.keys = {reward.__name__: f"rewards/{reward.__name__}/mean" for reward in rewards}
        self.keys[TOTAL] = "reward"
        self.history: History = {name: [] for name in self.keys}
        self.console = console
        self.progress = make_progress(console)
        self.task = self.progress.add_task("GRPO", total=steps)
        self.live = Live(console=console, get_renderable=self.render, transient=True)

    def on_log(self, *_event: object, logs: dict[str, float], **_rest: object) -> None:
        """Store the metrics of a step. The last call, after training, has no rewards."""
        if "reward" not in logs:
            return
        for name, key in self.keys.items():
            self.history[name].append(float(logs[key]))
        step = len(self.history[TOTAL])
        self.progress.update(self.task, completed=step)
        if not self.console.is_terminal and step % 50 == 0:  # the live table needs a terminal
            self.console.print(f"step {step}: mean total reward {self.history[TOTAL][-1]:.2f}")

    def render(self) -> Group:
        """Return the progress bar and a table with the current mean of every reward."""
        table = Table("reward", "now", box=None)
        for name, values in self.history.items():
            table.add_row(name, f"{values[-1]:.3f}" if values else "")
        return Group(self.progress, table)


def make_progress(console: Console) -> Progress:
    """Return a progress bar with a name, a count and the remaining time."""
    name = TextColumn("{task.description}")
    return Progress(name, BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), console=console)


def show_sample(
    when: str, trainer: GRPOTrainer, rewards: list[rk.Reward], seed: int, console: Console
) -> None:
    """Sample one completion from the model and print it with its total reward."""
    tokenizer, model = trainer.processing_class, trainer.model
    prompt = tokenizer(write_question(*SAMPLE), return_tensors="pt")
    torch.manual_seed(seed)
    with torch.no_grad():
        tokens = model.eval().generate(**prompt, do_sample=True, max_new_tokens=MAX_TOKENS)
    model.train()
    start = prompt["input_ids"].shape[1]
    text = tokenizer.decode(tokens[0, start:], skip_special_tokens=True)
    total = sum(
        reward(completions=[text], answer=[str(sum(SAMPLE))])[0] or 0.0 for reward in rewards
    )
    title = f"{when}: {write_question(*SAMPLE)}"
    console.print(Panel(Text(text), title=title, subtitle=f"reward {total:.2f}", width=50))


def first_and_last_means(history: History) -> dict[str, dict[str, float]]:
    """Return the mean of each reward over the first five steps and over the last tenth."""
    return {
        name: {"first": fmean(values[:5]), "last": fmean(values[-max(len(values) // 10, 1) :])}
        for name, values in history.items()
    }


def show_table(numbers: dict[str, dict[str, float]], console: Console) -> None:
    """Print the first and the last mean of every reward."""
    table = Table("reward", title="mean reward")
    for heading in ("first 5 steps", "last tenth", "change"):
        table.add_column(heading, justify="right")
    for name, row in numbers.items():
        first, last = row["first"], row["last"]
        if name == TOTAL:
            table.add_section()
        table.add_row(name, f"{first:.3f}", f"{last:.3f}", f"{last - first:+.3f}")
    console.print(table)


def plot_rewards(history: History, path: Path) -> None:
    """Plot every reward over the steps: each step in a light colour, the mean of 20 in full."""
    figure, axes = plt.subplots(2, sharex=True, figsize=(9, 7), layout="constrained")
    for name, values in history.items():
        large = name in (TOTAL, "correctness_reward_func")  # worth up to 4 and 2, the others 0.5
        smooth = [fmean(values[max(0, end - 20) : end]) for end in range(1, len(values) + 1)]
        steps = range(1, len(values) + 1)
        (line,) = axes[0 if large else 1].plot(steps, smooth, label=name)
        axes[0 if large else 1].plot(steps, values, color=line.get_color(), alpha=0.2)
    for axis in axes:
        axis.set_ylabel("mean reward of 64 completions")
        axis.set_ylim(bottom=0)
        axis.grid(alpha=0.3)
        axis.legend(loc="lower right")
    axes[1].set_xlabel("GRPO step")
    figure.savefig(path)


def parse_arguments() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description="Train a tiny model with GRPO on the CPU.")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=400, help="number of GRPO steps")
    parser.add_argument(
        "--cold-start-steps", type=int, default=250, help="number of supervised steps before GRPO"
    )
    parser.add_argument("--plot", type=Path, default=Path("demo_rewards.svg"), help="SVG or PNG")
    parser.add_argument("--json", type=Path, help="where to write the table's numbers")
    return parser.parse_args()


def main(args: argparse.Namespace, console: Console) -> None:
    """Train in two phases, and show the results."""
    start_time = time.monotonic()
    torch.manual_seed(args.seed)
    rewards = rk.load(RECIPE)
    tokenizer = make_tokenizer()
    model = make_model(tokenizer)

    with make_progress(console) as progress:
        rng = random.Random(args.seed)  # noqa: S311 - no secrets
        losses = cold_start(model, tokenizer, args.cold_start_steps, rng)
        for _ in progress.track(losses, total=args.cold_start_steps, description="cold start"):
            pass

    with tempfile.TemporaryDirectory() as folder:
        config = make_config(folder, args.steps, args.seed)
        trainer = make_trainer(model, tokenizer, rewards, config)
        history = RewardHistory(rewards, args.steps, console)
        trainer.add_callback(history)
        show_sample("before GRPO", trainer, rewards, args.seed, console)
        with history.live:
            trainer.train()
        show_sample("after GRPO", trainer, rewards, args.seed, console)

    numbers = first_and_last_means(history.history)
    show_table(numbers, console)
    plot_rewards(history.history, args.plot)
    if args.json:
        args.json.write_text(json.dumps(numbers, indent=2) + "\n", encoding="utf-8")
    console.print(f"Took {time.monotonic() - start_time:.0f} s. The plot is in {args.plot}.")


if __name__ == "__main__":
    mpl.use("Agg")
    warnings.filterwarnings("ignore", category=FutureWarning)  # trl's and transformers' own
    try:
        main(parse_arguments(), Console())
    except KeyboardInterrupt:
        sys.exit("\nInterrupted; nothing was saved.")
