# /// script
# requires-python = ">=3.11"
# dependencies = ["rewardkit[trl]", "datasets", "peft"]
# ///
"""Qwen2.5 Coder 1.5B learns from MBPP's tests, which run in a sandbox.

Run it with `uv run code_reward.py` on a GPU, under Linux with bubblewrap: `apt-get install
bubblewrap`.
"""

from datasets import load_dataset
from peft import LoraConfig
from trl import GRPOConfig, GRPOTrainer

import rewardkit as rk
from rewardkit.extract import Whole
from rewardkit.rewards import Correct, RegexMatch
from rewardkit.verify import Code

# partial=True pays the fraction of tests that pass, so that a group has more than two scores
tests_pass = Correct(
    verifier=Code(partial=True, timeout=5.0),
    extractor=Whole(),  # Code finds the fenced block itself
    reference="test_list",
    name="tests_pass",
)
one_block = RegexMatch(pattern=r"(?s)```python\n((?!```).)+```\s*", where="fullmatch", name="block")

# A missing sandbox is an error, and better now than after the first generation.
samples = rk.Batch.of(
    "```python\ndef add(a, b):\n    return a + b\n```",
    "```python\ndef add(a, b):\n    return abs(a) + b\n```",
    test_list=[["assert add(1, 2) == 3", "assert add(-1, 2) == 1"]] * 2,
)
for score in tests_pass.score(samples):
    print(f"{score.value:g}: {score.why}")


def prepare(row: dict[str, str]) -> dict[str, object]:
    # one of the tests shows the name and the arguments that the function must have
    content = (
        f"{row['text']}\nYour code must pass tests such as:\n{row['test_list'][0]}\n"
        "Reply with one block of Python code, and nothing else."
    )
    return {"prompt": [{"role": "user", "content": content}]}


trainer = GRPOTrainer(
    model="Qwen/Qwen2.5-Coder-1.5B-Instruct",
    reward_funcs=[tests_pass, one_block],
    args=GRPOConfig(
        output_dir="mbpp",
        reward_weights=[1.0, 0.1],
        learning_rate=1e-5,
        num_generations=8,
        per_device_train_batch_size=16,
        gradient_accumulation_steps=2,
        max_completion_length=256,
        max_steps=200,
        logging_steps=1,
        report_to="none",
    ),
    train_dataset=load_dataset("google-research-datasets/mbpp", split="train").map(prepare),
    peft_config=LoraConfig(r=32, lora_alpha=32, target_modules="all-linear", task_type="CAUSAL_LM"),
)
trainer.train()
trainer.save_model("mbpp/adapter")
