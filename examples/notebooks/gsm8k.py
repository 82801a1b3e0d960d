# %% [markdown]
# # GRPO on GSM8K with Unsloth and rewardkit
#
# Qwen2.5 3B learns to reason about grade-school problems, in 4 bits with LoRA, on one GPU with
# 15 GB, such as Colab's T4. The rewards are the five of the well-known notebooks, with their bugs
# fixed.

# %%
# %pip install -q "rewardkit[trl]" "unsloth>=2026.10.9" vllm matplotlib

# %% [markdown]
# ## The rewards
#
# A reward is a callable with the signature of TRL's `GRPOTrainer`. Try it before you train: `score`
# gives a value and the reason for it.

# %%
import rewardkit as rk
from rewardkit import presets

rewards = [
    presets.xmlcount_reward_func,  # up to 0.5: each tag once, on its own line
    presets.soft_format_reward_func,  # 0.5: both blocks, in order
    presets.strict_format_reward_func,  # 0.5: the layout exactly
    presets.int_reward_func,  # 0.5: the answer is an integer
    presets.correctness_reward_func,  # 2.0: the answer is right
]


def show_scores(completion, answer):
    print(completion)
    for reward in rewards:
        (score,) = reward.score(rk.Batch.of(completion, answer=[answer]))
        print(f"  {reward.__name__}: {score.value:g} ({score.why})")


show_scores("<reasoning>\n6 * 7\nis 42\n</reasoning>\n<answer>\n42\n</answer>", "42")
show_scores("The answer is 42.", "42")

# %% [markdown]
# ## The data
#
# The prompt asks for the layout that the rewards look for. The column `answer` has the number, and
# the rewards read it under that name.

# %%
from datasets import load_dataset

SYSTEM = """Reply in this layout:
<reasoning>
how you get to the answer
</reasoning>
<answer>
the number alone
</answer>"""


def make_prompt(question):
    return [{"role": "system", "content": SYSTEM}, {"role": "user", "content": question}]


def prepare(row):
    # GSM8K's answers are a solution, "####", and the number
    answer = row["answer"].split("####")[-1].strip()
    return {"prompt": make_prompt(row["question"]), "answer": answer}


dataset = load_dataset("openai/gsm8k", "main", split="train").map(prepare)
dataset[0]["question"], dataset[0]["answer"]

# %% [markdown]
# ## Preflight
#
# A perfect completion of each row must earn the maximum of every reward. If it does not, the model
# could not earn it either, and the run would be wasted.

# %%
from rewardkit.audit import preflight

perfect = "<reasoning>\nI read.\nI count.\n</reasoning>\n<answer>\n{answer}\n</answer>"
rows = list(dataset.select(range(100)))
print("problems of these rewards:", len(preflight(rewards, rows, template=perfect).problems))

published = [getattr(presets.published, reward.__name__) for reward in rewards]
for problem in preflight(published, rows, template=perfect).problems:
    print("as published:", problem.reward, problem.kind)

# %% [markdown]
# ## The model
#
# Unsloth has to be imported before TRL and transformers. vLLM generates the completions and shares
# the GPU's memory with the training; lower `gpu_memory_utilization` if memory runs out.

# %%
from unsloth import FastLanguageModel

MAX_SEQ_LENGTH = 1024  # tokens of a prompt and its completion
LORA_RANK = 32

model, tokenizer = FastLanguageModel.from_pretrained(
    model_name="unsloth/Qwen2.5-3B-Instruct",
    max_seq_length=MAX_SEQ_LENGTH,
    load_in_4bit=True,
    fast_inference=True,
    max_lora_rank=LORA_RANK,
    gpu_memory_utilization=0.5,
)
model = FastLanguageModel.get_peft_model(
    model,
    r=LORA_RANK,
    lora_alpha=LORA_RANK,
    target_modules=["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"],
    use_gradient_checkpointing="unsloth",
    random_state=3407,
)

# %% [markdown]
# How does the model answer before it is trained?

# %%
from vllm import SamplingParams


def ask(question, lora=None):
    ids = tokenizer.apply_chat_template(
        make_prompt(question), add_generation_prompt=True, return_dict=False
    )
    (output,) = model.fast_generate(
        [{"prompt_token_ids": ids}],
        sampling_params=SamplingParams(temperature=0.0, max_tokens=512),
        lora_request=lora,
    )
    return output.outputs[0].text


question = "Tom has 3 boxes of 12 pencils and gives 7 pencils away. How many does he have left?"
show_scores(ask(question), "29")

# %% [markdown]
# ## Train
#
# Expect the layout first and correctness later: in the first 50 to 100 steps little may change. For
# a model to keep, take at least 300 steps.

# %%
from trl import GRPOConfig, GRPOTrainer

MAX_PROMPT_LENGTH = 320


def is_short(row):
    ids = tokenizer.apply_chat_template(
        row["prompt"], add_generation_prompt=True, return_dict=False
    )
    return len(ids) <= MAX_PROMPT_LENGTH


trainer = GRPOTrainer(
    model=model,
    processing_class=tokenizer,
    reward_funcs=rewards,
    args=GRPOConfig(
        output_dir="gsm8k-run",
        learning_rate=5e-6,
        lr_scheduler_type="cosine",
        warmup_steps=25,
        weight_decay=0.1,
        max_grad_norm=0.1,
        optim="paged_adamw_8bit",
        num_generations=8,  # completions per prompt
        per_device_train_batch_size=8,
        max_completion_length=MAX_SEQ_LENGTH - MAX_PROMPT_LENGTH,
        max_steps=250,
        logging_steps=1,
        report_to="none",
    ),
    train_dataset=dataset.filter(is_short),
)
trainer.train()

# %% [markdown]
# ## What was learned
#
# TRL logs the mean of each reward under its name.

# %%
from matplotlib import pyplot as plt

logs = [log for log in trainer.state.log_history if "reward" in log]
for reward in rewards:
    name = reward.__name__
    plt.plot(
        [log["step"] for log in logs], [log[f"rewards/{name}/mean"] for log in logs], label=name
    )
plt.xlabel("step")
plt.ylabel("mean reward")
plt.legend()
plt.show()

# %%
model.save_lora("gsm8k-lora")
show_scores(ask(question, model.load_lora("gsm8k-lora")), "29")

# %% [markdown]
# ## Next
#
# - Write rewards of your own, and look for their bugs first: see the notebook "Test your reward
#   before you train" next to this one.
# - `rewardkit train llama31_gsm8k` does all of this from one recipe, and checks what it saves.
