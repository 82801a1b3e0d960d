# %% [markdown]
# # Test your reward before you train
#
# A model that is trained with GRPO finds every hole in a reward function, and it finds it in your
# run. This notebook takes two reward functions of the kind that most notebooks contain, finds their
# bugs in a minute, and fixes them. It needs no GPU.

# %%
# %pip install -q "rewardkit[testing,report]"

# %% [markdown]
# ## Two reward functions
#
# One for the layout of a completion, one for its answer. Both have the signature of TRL's
# `GRPOTrainer`: completions as messages, and each column of the dataset as a keyword.

# %%
import re


def layout_reward(completions, **columns):
    pattern = r"<reasoning>.*?</reasoning>\s*<answer>.*?</answer>"
    texts = [completion[0]["content"] for completion in completions]
    return [1.0 if re.match(pattern, text) else 0.0 for text in texts]


def answer_reward(completions, answer, **columns):
    texts = [completion[0]["content"] for completion in completions]
    answers = [text.split("<answer>")[-1].split("</answer>")[0].strip() for text in texts]
    return [2.0 if given == right else 0.0 for given, right in zip(answers, answer, strict=True)]


# %% [markdown]
# They look right, and on one easy completion they are:

# %%
completions = [
    [{"role": "assistant", "content": "<reasoning>6 * 7</reasoning><answer>42</answer>"}]
]
layout_reward(completions), answer_reward(completions, answer=["42"])

# %% [markdown]
# ## Does it ever raise?
#
# `check_reward` calls a reward with generated completions, and checks properties that every reward
# should have: it never raises, its values are finite, the order of the rows does not matter, and so
# on. It reduces what fails to a small example, and prints a program that shows it.

# %%
from rewardkit.testing import LawBroken, check_reward

rows = {"answer": ["42", "1000", "7"]}
try:
    check_reward(answer_reward, columns=rows, forms=["chat", "empty"])
except LawBroken as broken:
    print(broken)

# %% [markdown]
# The content of a message can be missing, for example after a tool call. Then this function ends
# your run.
#
# ## Does a right answer earn the maximum?
#
# A preflight writes perfect completions for rows of your dataset, in the layout that your prompt
# asks for. Here the reasoning has two lines, as a model's reasoning often does, and the number 42
# is written as 42.0.

# %%
from rewardkit.audit import preflight

rewards = [layout_reward, answer_reward]
dataset = [{"answer": "42"}, {"answer": "1000"}]
perfect = "<reasoning>\nI read.\nI count.\n</reasoning>\n<answer>\n{answer}.0\n</answer>"
for problem in preflight(rewards, dataset, template=perfect).problems:
    print(problem)

# %% [markdown]
# `.` does not match a line break, so the layout reward gives 0 to most reasoning, and `1,000` is
# not the string `1000`. A run with these rewards teaches the model to reason on one line.
#
# ## Can it be hacked?
#
# An audit scores completions that are known to fool rewards, and lists those that earn as much as a
# good one.

# %%
from rewardkit.audit import audit

for exploit in audit(layout_reward).exploits[:5]:
    print(exploit)

# %% [markdown]
# Empty tags earn the full reward. The answer reward has a hole too: it takes the last of several
# answers, so a model can guess more than once.

# %%
for exploit in audit(answer_reward).exploits:
    print(exploit)

# %% [markdown]
# ## The same rewards without the bugs
#
# `XmlSoft` checks the layout, with reasoning of any length. `Correct` takes one answer, reads
# numbers however they are written, and gives no points for two answers.

# %%
from rewardkit.extract import Tag
from rewardkit.rewards import Correct, XmlSoft
from rewardkit.verify import Number

layout = XmlSoft(value=1.0, name="layout")
right = Correct(verifier=Number(), extractor=Tag(which="only"), correct=2.0, name="right")

for reward in (layout, right):
    checked = check_reward(reward, max_examples=25)
    print(f"{reward.__name__}: {len(checked.held)} checks passed")
    print("exploits:", audit(reward).exploits)
print("problems:", preflight([layout, right], dataset, template=perfect).problems)

# %% [markdown]
# Every score comes with a reason:

# %%
import rewardkit as rk

batch = rk.Batch.of(
    "<answer>41</answer> or <answer>42</answer>", "<answer>$42.00</answer>", answer=["42", "42"]
)
for score in right.score(batch):
    print(score.value, score.why)

# %% [markdown]
# ## Look at completions that you have
#
# Score a file of completions, for example one that TRL wrote with `log_completions=True`, and write
# a page about it. The page says which rewards never vary, which repeat each other, and shows the
# best and the worst completions.

# %%
import json
from pathlib import Path

from rewardkit.report import report
from rewardkit.scoring import score

texts = [
    "<reasoning>6 * 7</reasoning><answer>42</answer>",
    "<answer>42</answer>",
    "42",
    "<answer></answer>",
]
lines = [
    json.dumps({"prompt": "What is 6 * 7?", "completion": text, "answer": "42"}) for text in texts
]
Path("completions.jsonl").write_text("\n".join(lines), encoding="utf-8")

scored = score("completions.jsonl", [layout, right], "scored.jsonl", resume=False)
page = report(scored.out, "report.html")  # download it, and open it in a browser
for finding in page.findings:
    print(f"{finding.title}: {finding.text}")

# %% [markdown]
# ## In a trainer
#
# Pass the rewards as they are: `GRPOTrainer(reward_funcs=[layout, right], ...)`. The notebook on
# GSM8K next to this one does that with Unsloth.
