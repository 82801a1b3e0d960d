# /// script
# requires-python = ">=3.11"
# dependencies = ["rewardkit[trl]", "unsloth>=2026.10.9", "vllm"]
# ///
"""Llama 3.1 8B learns to reason on GSM8K: Unsloth, vLLM, 4 bits, LoRA, and five rewards.

Run it with `uv run gsm8k_unsloth.py` on an NVIDIA GPU with at least 16 GB.
"""

from unsloth import FastLanguageModel  # before TRL and transformers, which it patches

from datasets import load_dataset
from trl import GRPOConfig, GRPOTrainer
from vllm import SamplingParams

import rewardkit as rk
from rewardkit import presets

MAX_SEQ_LENGTH = 1024  # tokens of a prompt and its completion
MAX_PROMPT_LENGTH = 256
LORA_RANK = 32
SYSTEM = """Reply in this layout:
<reasoning>
how you get to the answer
</reasoning>
<answer>
the number alone
</answer>"""
REWARDS = [
    presets.xmlcount_reward_func,  # up to 0.5: each tag once, on its own line
    presets.soft_format_reward_func,  # 0.5: both blocks, in order
    presets.strict_format_reward_func,  # 0.5: the layout exactly
    presets.int_reward_func,  # 0.5: the answer is an integer
    presets.correctness_reward_func,  # 2.0: the answer is right
]

model, tokenizer = FastLanguageModel.from_pretrained(
    model_name="unsloth/Meta-Llama-3.1-8B-Instruct",
    max_seq_length=MAX_SEQ_LENGTH,
    load_in_4bit=True,
    fast_inference=True,  # vLLM generates
    max_lora_rank=LORA_RANK,
    gpu_memory_utilization=0.6,  # the fraction for vLLM; lower it if memory runs out
)
model = FastLanguageModel.get_peft_model(
    model,
    r=LORA_RANK,
    lora_alpha=LORA_RANK,
    target_modules=["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"],
    use_gradient_checkpointing="unsloth",
    random_state=3407,
)


def make_prompt(question: str) -> list[dict[str, str]]:
    return [{"role": "system", "content": SYSTEM}, {"role": "user", "content": question}]


def prepare(row: dict[str, str]) -> dict[str, object]:
    # GSM8K's answers are a solution, "####", and the number
    answer = row["answer"].split("####")[-1].strip()
    return {"prompt": make_prompt(row["question"]), "answer": answer}


def encode(prompt: list[dict[str, str]]) -> list[int]:
    return tokenizer.apply_chat_template(prompt, add_generation_prompt=True, return_dict=False)


dataset = load_dataset("openai/gsm8k", "main", split="train").map(prepare)
# TRL does not cut prompts, and a longer one would leave too few tokens for the completion
dataset = dataset.filter(lambda row: len(encode(row["prompt"])) <= MAX_PROMPT_LENGTH)

trainer = GRPOTrainer(
    model=model,
    processing_class=tokenizer,
    reward_funcs=REWARDS,
    args=GRPOConfig(
        output_dir="gsm8k-run",
        learning_rate=5e-6,
        lr_scheduler_type="cosine",
        warmup_steps=25,
        weight_decay=0.1,
        max_grad_norm=0.1,
        optim="paged_adamw_8bit",
        num_generations=6,  # completions per prompt
        per_device_train_batch_size=6,
        max_completion_length=MAX_SEQ_LENGTH - MAX_PROMPT_LENGTH,
        max_steps=250,
        logging_steps=1,
        report_to="none",  # or "wandb", "trackio", "tensorboard"
    ),
    train_dataset=dataset,
)
trainer.train()
model.save_lora("gsm8k-lora")

question = "Tom has 3 boxes of 12 pencils and gives 7 pencils away. How many does he have left?"
(output,) = model.fast_generate(
    [{"prompt_token_ids": encode(make_prompt(question))}],
    sampling_params=SamplingParams(temperature=0.0, max_tokens=512),
    lora_request=model.load_lora("gsm8k-lora"),
)
completion = output.outputs[0].text
print(completion)
for reward in REWARDS:
    (score,) = reward.score(rk.Batch.of(completion, answer=["29"]))
    print(f"{reward.__name__}: {score.value:g}, {score.why}")
