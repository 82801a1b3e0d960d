# /// script
# requires-python = ">=3.11"
# dependencies = ["rewardkit[trl]", "datasets", "peft"]
# ///
"""SmolLM 135M learns to write summaries of 50 characters with TRL and PEFT.

Run it with `uv run length_trl.py`; the smallest GPU will do. The reward measures length and nothing
else, so read the summaries at the end before you believe the curve.
"""

from datasets import load_dataset
from peft import LoraConfig
from trl import GRPOConfig, GRPOTrainer

from rewardkit.presets import reward_len
from rewardkit.rewards import Clip

# reward_len is -|50 - characters|; without a limit, one endless completion dominates its group
near_50 = Clip(reward=reward_len, low=-200.0, name="near_50")

dataset = load_dataset("mlabonne/smoltldr")
trainer = GRPOTrainer(
    model="HuggingFaceTB/SmolLM-135M-Instruct",
    reward_funcs=near_50,
    args=GRPOConfig(
        output_dir="smollm-length",
        learning_rate=2e-5,
        num_generations=4,
        per_device_train_batch_size=4,
        gradient_accumulation_steps=2,
        max_completion_length=96,
        num_train_epochs=1,
        logging_steps=10,
        report_to="none",
    ),
    train_dataset=dataset["train"],
    peft_config=LoraConfig(r=16, lora_alpha=32, target_modules="all-linear", task_type="CAUSAL_LM"),
)
trainer.train()
trainer.save_model("smollm-length/adapter")

model, tokenizer = trainer.model, trainer.processing_class
model.eval()
for prompt in dataset["test"]["prompt"][:3]:
    inputs = tokenizer(prompt, return_tensors="pt").to(model.device)
    output = model.generate(**inputs, max_new_tokens=96, do_sample=False)
    prompt_length = inputs["input_ids"].shape[1]
    summary = tokenizer.decode(output[0, prompt_length:], skip_special_tokens=True)
    (reward,) = near_50(completions=[summary])
    print(f"{len(summary)} characters, reward {reward:g}: {summary}")
