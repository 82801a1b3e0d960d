# /// script
# requires-python = ">=3.11"
# dependencies = ["rewardkit[trl]", "datasets", "peft"]
# ///
"""Qwen2.5 1.5B learns to reason on GSM8K with plain TRL and PEFT.

Run it with `uv run gsm8k_trl.py` on a GPU. With `trl[vllm]` and `use_vllm=True` it is much faster.
"""

from datasets import load_dataset
from peft import LoraConfig
from trl import GRPOConfig, GRPOTrainer

from rewardkit.adapters.trl import split
from rewardkit.audit import preflight
from rewardkit.extract import Tag
from rewardkit.rewards import Correct, Overlong, XmlSoft
from rewardkit.verify import Number

MAX_TOKENS = 512
ASK = "\nReason between <reasoning> tags, then give the number alone between <answer> tags."
PERFECT = "<reasoning>\nThe numbers say so.\n</reasoning>\n<answer>\n{answer}\n</answer>"

# which="only": with two answers a model could guess twice
right = Correct(verifier=Number(), extractor=Tag(which="only"), correct=2.0, name="right")
layout = XmlSoft(value=0.5, name="layout")
# 0 up to 384 tokens, from there down to -1
brief = Overlong(max_tokens=MAX_TOKENS, cache_tokens=128, name="brief")
reward = right + layout + 0.5 * brief


def prepare(row: dict[str, str]) -> dict[str, object]:
    # GSM8K's answers are a solution, "####", and the number
    answer = row["answer"].split("####")[-1].strip()
    return {"prompt": [{"role": "user", "content": row["question"] + ASK}], "answer": answer}


dataset = load_dataset("openai/gsm8k", "main").map(prepare)

# before the weights are loaded: perfect completions must earn the maximum of every reward
problems = preflight(reward, list(dataset["train"].select(range(100))), template=PERFECT).problems
if problems:
    raise SystemExit("\n".join(f"{problem.reward}: {problem.detail}" for problem in problems))

reward_funcs, reward_weights = split(reward)  # TRL then logs each term by its name
trainer = GRPOTrainer(
    model="Qwen/Qwen2.5-1.5B-Instruct",
    reward_funcs=reward_funcs,
    args=GRPOConfig(
        output_dir="gsm8k-trl",
        reward_weights=reward_weights,
        learning_rate=1e-5,
        num_generations=8,
        per_device_train_batch_size=16,
        per_device_eval_batch_size=64,
        gradient_accumulation_steps=4,
        max_completion_length=MAX_TOKENS,
        max_steps=300,
        logging_steps=1,
        report_to="none",
    ),
    train_dataset=dataset["train"],
    eval_dataset=dataset["test"].select(range(64)),
    peft_config=LoraConfig(r=32, lora_alpha=32, target_modules="all-linear", task_type="CAUSAL_LM"),
)
before = trainer.evaluate()
trainer.train()
after = trainer.evaluate()
for name in (reward.__name__ for reward in reward_funcs):
    key = f"eval_rewards/{name}/mean"
    print(f"{name}: {before[key]:.2f} before, {after[key]:.2f} after")
trainer.save_model("gsm8k-trl/adapter")
