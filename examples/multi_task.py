# /// script
# requires-python = ">=3.11"
# dependencies = ["rewardkit[trl]", "datasets", "peft"]
# ///
"""One run on two tasks, with rewards for each task and weights that change during the run.

GSM8K's answers are numbers, ARC's are letters. Run it with `uv run multi_task.py` on a GPU.
"""

from typing import Any

from datasets import concatenate_datasets, load_dataset
from peft import LoraConfig
from trl import GRPOConfig, GRPOTrainer

from rewardkit.adapters.trl import split
from rewardkit.extract import Tag
from rewardkit.rewards import Correct, Overlong, Schedule, Where, XmlSoft
from rewardkit.verify import Exact, Number

MAX_TOKENS = 384
ASK = "\nReason between <reasoning> tags, then give {form} alone between <answer> tags."

number = Correct(verifier=Number(), extractor=Tag(which="only"))
letter = Correct(verifier=Exact(), extractor=Tag(which="only"))
layout = XmlSoft(value=1.0)
brief = Overlong(max_tokens=MAX_TOKENS, cache_tokens=128)
reward = (
    # a row of the other task gets None, which TRL leaves out of the row's sum
    2.0 * Where(reward=number, column="task", equals="gsm8k", name="number")
    + 2.0 * Where(reward=letter, column="task", equals="arc", name="letter")
    # the layout is learned first; after that, correctness decides
    + Schedule(reward=layout, points=((0, 1.0), (100, 0.25)), name="layout")
    # short completions matter only once the answers are right
    + Schedule(reward=brief, points=((100, 0.0), (200, 0.5)), name="brief")
)


def make_row(task: str, content: str, answer: str) -> dict[str, Any]:
    return {"task": task, "prompt": [{"role": "user", "content": content}], "answer": answer}


def prepare_gsm8k(row: dict[str, Any]) -> dict[str, Any]:
    content = row["question"] + ASK.format(form="the number")
    return make_row("gsm8k", content, row["answer"].split("####")[-1].strip())


def prepare_arc(row: dict[str, Any]) -> dict[str, Any]:
    labels, texts = row["choices"]["label"], row["choices"]["text"]
    options = [f"{label}. {text}" for label, text in zip(labels, texts, strict=True)]
    content = "\n".join([row["question"], *options]) + ASK.format(form="the letter")
    return make_row("arc", content, row["answerKey"])


gsm8k = load_dataset("openai/gsm8k", "main", split="train")
arc = load_dataset("allenai/ai2_arc", "ARC-Challenge", split="train")
tasks = [
    gsm8k.map(prepare_gsm8k, remove_columns=gsm8k.column_names),
    arc.map(prepare_arc, remove_columns=arc.column_names),
]
reward_funcs, reward_weights = split(reward)  # TRL then logs each term by its name
trainer = GRPOTrainer(
    model="Qwen/Qwen2.5-1.5B-Instruct",
    reward_funcs=reward_funcs,
    args=GRPOConfig(
        output_dir="two-tasks",
        reward_weights=reward_weights,
        learning_rate=1e-5,
        num_generations=8,
        per_device_train_batch_size=16,
        gradient_accumulation_steps=4,
        max_completion_length=MAX_TOKENS,
        max_steps=300,
        logging_steps=1,
        report_to="none",
    ),
    train_dataset=concatenate_datasets(tasks).shuffle(seed=3407),
    peft_config=LoraConfig(r=32, lora_alpha=32, target_modules="all-linear", task_type="CAUSAL_LM"),
)
trainer.train()
trainer.save_model("two-tasks/adapter")
