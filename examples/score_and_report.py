# /// script
# requires-python = ">=3.11"
# dependencies = ["rewardkit[files,report]"]
# ///
"""Score a file of completions, and write a page about the rewards; no model and no GPU.

`uv run score_and_report.py completions.jsonl` reads JSONL, CSV, parquet, or a folder that TRL wrote
with `log_completions=True`. Without a file it makes one. `rewardkit score` and `rewardkit report`
do the same on the command line.
"""

import json
import sys
from pathlib import Path

from rewardkit.extract import Tag
from rewardkit.report import report
from rewardkit.rewards import Correct, XmlSoft
from rewardkit.scoring import score
from rewardkit.verify import Number

REWARDS = [
    Correct(verifier=Number(), extractor=Tag(which="only"), correct=2.0, name="right"),
    XmlSoft(value=0.5, name="layout"),
]
SAMPLES = {
    # two prompts, each with the number that is right and a group of completions
    ("What is 40 * 25?", "1000"): [
        "<reasoning>\n4 * 25 = 100\n</reasoning>\n<answer>\n1,000\n</answer>",
        "<reasoning>\n4 * 25 = 100\n</reasoning>\n<answer>\n100\n</answer>",
        "<answer>1000</answer>",
        "It is 1000.",
    ],
    ("What is 7 * 6?", "42"): [
        "<reasoning>\n7 * 6 is 42\n</reasoning>\n<answer>\n$42.00\n</answer>",
        "<reasoning>\n7 * 6 is 43\n</reasoning>\n<answer>\n43\n</answer>",
        "<answer>41</answer> or <answer>42</answer>",
        "",
    ],
}


def write_samples(path: Path) -> None:
    with path.open("w", encoding="utf-8") as file:
        for (prompt, answer), completions in SAMPLES.items():
            for completion in completions:
                row = {"prompt": prompt, "completion": completion, "answer": answer}
                file.write(json.dumps(row) + "\n")


if len(sys.argv) > 1:
    source = Path(sys.argv[1])
else:
    source = Path("completions.jsonl")
    write_samples(source)

scored = score(source, REWARDS, "scored.jsonl", resume=False)
for summary in scored.rewards:
    print(f"{summary.name}: mean {summary.mean}, {summary.low} to {summary.high}")

page = report("scored.jsonl", "report.html")
for finding in page.findings:
    print(f"{finding.title}: {finding.text}")
print(f"Open {page.path} in a browser.")
