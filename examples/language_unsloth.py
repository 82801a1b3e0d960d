# /// script
# requires-python = ">=3.11"
# dependencies = ["rewardkit[language,trl]", "unsloth>=2026.10.9", "vllm"]
# ///
"""DeepSeek-R1 Qwen3 8B learns to reason in Indonesian: Unsloth, vLLM, 4 bits, and five rewards.

Run it with `uv run language_unsloth.py` on an NVIDIA GPU with at least 24 GB.
"""

from statistics import quantiles

from unsloth import FastLanguageModel  # before TRL and transformers, which it patches

from datasets import load_dataset
from trl import GRPOConfig, GRPOTrainer
from vllm import SamplingParams

from rewardkit import presets
from rewardkit.adapters.trl import RewardMonitor

MAX_SEQ_LENGTH = 1024  # tokens of a prompt and its completion
LORA_RANK = 32
SYSTEM = """You are given a problem. Think it through, and write down your working.
You must think in Bahasa Indonesia."""

model, tokenizer = FastLanguageModel.from_pretrained(
    model_name="unsloth/DeepSeek-R1-0528-Qwen3-8B",
    max_seq_length=MAX_SEQ_LENGTH,
    load_in_4bit=True,
    fast_inference=True,  # vLLM generates
    max_lora_rank=LORA_RANK,
    gpu_memory_utilization=0.7,  # the fraction for vLLM; lower it if memory runs out
)
model = FastLanguageModel.get_peft_model(
    model,
    r=LORA_RANK,
    lora_alpha=2 * LORA_RANK,
    target_modules=["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"],
    use_gradient_checkpointing="unsloth",
    random_state=3407,
)


def prepare(row: dict[str, str]) -> dict[str, object]:
    prompt = [
        {"role": "system", "content": SYSTEM},
        {"role": "user", "content": row["prompt"]},
    ]
    return {"prompt": prompt, "answer": row["solution"]}


def encode(prompt: list[dict[str, str]]) -> list[int]:
    return tokenizer.apply_chat_template(prompt, add_generation_prompt=True, return_dict=False)


dataset = load_dataset("open-r1/DAPO-Math-17k-Processed", "en", split="train")
dataset = dataset.map(prepare, remove_columns=dataset.column_names)

# the longest tenth of the prompts would leave few tokens for the completions
lengths = [len(encode(prompt)) for prompt in dataset["prompt"]]
max_prompt_length = int(quantiles(lengths, n=10)[-1])
short = [index for index, length in enumerate(lengths) if length <= max_prompt_length]
dataset = dataset.select(short).train_test_split(test_size=20, seed=3407)

# warns while the run goes, for example if all completions repeat the prompt to please langid
monitor = RewardMonitor(
    [
        presets.match_format_exactly,  # 3.0: one think block, then an answer
        presets.match_format_approximately,  # 0.5 for each think tag
        presets.check_answer,  # -4.5 to 5.0: how close the answer is
        presets.check_numbers,  # -2.5 to 3.5: the number after the thinking
        presets.format_and_language_reward_func,  # 5.0 for Indonesian, -3.0 or -5.0 for others
    ]
)
trainer = GRPOTrainer(
    model=model,
    processing_class=tokenizer,
    reward_funcs=monitor.rewards,
    callbacks=[monitor],
    args=GRPOConfig(
        output_dir="indonesian-run",
        learning_rate=5e-6,
        lr_scheduler_type="linear",
        warmup_steps=10,
        weight_decay=0.01,
        optim="adamw_8bit",
        # no seed for sampling: vLLM would give each completion of a group the same one
        temperature=1.0,
        min_p=0.1,
        num_generations=4,  # completions per prompt
        per_device_train_batch_size=4,
        max_completion_length=MAX_SEQ_LENGTH - max_prompt_length,
        max_steps=100,
        logging_steps=1,
        report_to="none",
    ),
    train_dataset=dataset["train"],
)
trainer.train()
model.save_lora("indonesian-lora")

prompts = [{"prompt_token_ids": encode(prompt)} for prompt in dataset["test"]["prompt"]]
sampling = SamplingParams(temperature=1.0, top_k=50, seed=3407, max_tokens=512)
for name, lora in [("without", None), ("with", model.load_lora("indonesian-lora"))]:
    outputs = model.fast_generate(prompts, sampling_params=sampling, lora_request=lora)
    texts = [output.outputs[0].text for output in outputs]
    scores = presets.format_and_language_reward_func(completions=texts)
    print(f"{scores.count(5.0)} of {len(texts)} in Indonesian {name} the adapter")
