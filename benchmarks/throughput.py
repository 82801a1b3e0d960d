"""Measure the speed of the rewards, relative to their peers and to a GRPO step.

1. The five fixed XML presets are compared with two sets of functions: the published ones, which
   they replace (the layouts with DOTALL, as people correct them), and functions that apply the same
   rules as the presets with `re` and DOTALL, and read commas, a dollar sign and a percent sign.
   Each is called separately, as TRL does, on generated chat completions (fixed seeds, 300 to 1,500
   characters, 30 % malformed). All run interleaved in one process, and each round has new
   completions, like a step of training. The ratio is the median over the rounds.
2. The other rewards are compared with their peers in the same way, on short completions as above
   and on long ones of about 4,000 characters. `peers.py` says how to install the peers.
3. For every registered reward, the share of a GRPO step: of the time to generate 512 long
   completions of 1,000 tokens at 20,000 tokens per second. The time is the minimum of seven rounds,
   since other load on the machine only adds time. Rewards that count words are also measured on a
   large vocabulary, and `diversity` also on larger groups.

4. `Scorer.score_columns` is compared with calls of the same five rewards on one Batch.

In all parts the sides alternate in going first, and the cache of parsed numbers is cleared before
each round, outside the measured time. The cache of `length` and `overlong`, one
Score per length, is not cleared: both sides are called once before they are measured.

    python benchmarks/throughput.py [--rows 4096] [--step 512] [--rounds 15] [--data FILE.jsonl]
        [--sign TEXT] [--only presets|peers|shares|scorer ...] [--peer TEXT ...]
        [--processor-time] [--json FILE]

`--rows` is the number of completions in part 1 and 4, `--step` that in parts 2 and 3. `--only`
measures some parts, and `--peer` in part 2 the rewards whose names contain a text. `--data`, for
part 1 only, is a JSONL file with a `completion` (text) and an `answer` per line; every round then
uses the same completions. `--sign` inserts a text into each completion of part 1, such as a
character outside ASCII. `--processor-time` counts the time of the calling thread alone, for a
machine with other load; it leaves out what worker processes do for `math`.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import peers
import rewardkit as rk
from peers import Chat, Pair, Step, number_of, texts
from rewardkit import presets
from rewardkit._text import numbers

Row = dict[str, Any]
PUBLISHED_BOUND, FIVE_BOUND, PEER_BOUND, SCORER_BOUND = 0.65, 0.366, 1.0, 1.15
"""The most that the ratio should be: for all five together beside the published functions and the
same rules, for a reward beside what a package installs, and for a Scorer beside its rewards."""
CLOCK = time.perf_counter
PARTS = ("presets", "peers", "shares", "scorer")
SHARE_BOUND, LANGUAGE_BOUND = 0.5, 1.5
"""The most percent of a step that a reward should take, and that `language` should."""
STEP_COMPLETIONS = 512
SHARE_ROUNDS = 7
STEP_SECONDS = STEP_COMPLETIONS * 1000 / 20_000
NEAR = 1e-9
SEED = 3407
RIGHT, MALFORMED = 0.6, 0.3
TAGS = ("<reasoning>", "</reasoning>", "<answer>", "</answer>")
STRICT = re.compile(r"<reasoning>\n(.*?)\n</reasoning>\n<answer>\n(.*?)\n</answer>\s*$", re.DOTALL)
ANSWER = re.compile(r"<answer>(.*?)</answer>", re.DOTALL)
SOFT = re.compile(r"\s*<reasoning>(.*?)</reasoning>\s*<answer>(.*?)</answer>", re.DOTALL)


# The notebook's own patterns, with DOTALL.
PUBLISHED_STRICT = r"^<reasoning>\n.*?\n</reasoning>\n<answer>\n.*?\n</answer>\n$"
PUBLISHED_SOFT = r"<reasoning>.*?</reasoning>\s*<answer>.*?</answer>"


def split_answer(text: str) -> str:
    """Return the text after the last opening tag, up to a closing one, as published."""
    # split as published, without the limits that make it quicker
    return text.split("<answer>")[-1].split("</answer>")[0].strip()  # noqa: PLC0207 - the same


def published_count(completions: list[Chat], **_: Any) -> list[float]:
    """Count the tags with their newlines, minus the tail."""
    values = []
    for text in texts(completions):
        value = 0.125 * (text.count("<reasoning>\n") == 1)
        value += 0.125 * (text.count("\n</reasoning>\n") == 1)
        if text.count("\n<answer>\n") == 1:
            value += 0.125 - 0.001 * len(text.split("\n</answer>\n")[-1])
        if text.count("\n</answer>") == 1:
            value += 0.125 - 0.001 * (len(text.split("\n</answer>")[-1]) - 1)
        values.append(value)
    return values


def published_soft(completions: list[Chat], **_: Any) -> list[float]:
    """Match the published soft pattern."""
    matches = [re.match(PUBLISHED_SOFT, text, re.DOTALL) for text in texts(completions)]
    return [0.5 if match else 0.0 for match in matches]


def published_strict(completions: list[Chat], **_: Any) -> list[float]:
    """Match the published strict pattern."""
    matches = [re.match(PUBLISHED_STRICT, text, re.DOTALL) for text in texts(completions)]
    return [0.5 if match else 0.0 for match in matches]


def published_int(completions: list[Chat], **_: Any) -> list[float]:
    """Check that the split answer is digits."""
    answers = [split_answer(text) for text in texts(completions)]
    return [0.5 if answer.isdigit() else 0.0 for answer in answers]


def published_correct(completions: list[Chat], answer: list[str], **_: Any) -> list[float]:
    """Compare the split answer as text."""
    answers = [split_answer(text) for text in texts(completions)]
    return [2.0 if given == right else 0.0 for given, right in zip(answers, answer, strict=True)]


def laid_out(pattern: re.Pattern[str], text: str) -> bool:
    """Check that each tag occurs once, that the pattern matches, and that no block is empty."""
    if any(text.count(tag) != 1 for tag in TAGS):
        return False
    match = pattern.match(text)
    return match is not None and all(part.strip() for part in match.groups())


def only(text: str, tag: str, after: int = -1) -> int:
    """Return the position of a tag that occurs exactly once after a position, or -1."""
    position = text.find(tag)
    return position if position > after and text.find(tag, position + 1) < 0 else -1


def answer_of(text: str) -> str | None:
    """Return the text of the only answer block."""
    found = ANSWER.findall(text)
    alone = text.count("<answer>") == text.count("</answer>") == len(found) == 1
    return found[0].strip() if alone else None


def by_hand_count(completions: list[Chat], **_: Any) -> list[float]:
    """Count the tags that occur once, in order and around content, minus the tail."""
    values = []
    for text in texts(completions):
        kept, last, start = 0, -1, -1
        for opening, closing in (TAGS[:2], TAGS[2:]):
            start = only(text, opening, last)
            if start >= 0:
                kept, last = kept + 1, start
            end = only(text, closing, last)
            if end >= 0 and (start < 0 or text[start + len(opening) : end].strip()):
                kept, last = kept + 1, end
        before, closed, tail = text.partition("</answer>")
        if not closed and start >= 0:
            tail = before[start + len("<answer>") :]
        values.append(max(0.0, 0.125 * kept - 0.001 * len(tail.strip())))
    return values


def by_hand_soft(completions: list[Chat], **_: Any) -> list[float]:
    """Match the soft layout."""
    return [0.5 if laid_out(SOFT, text) else 0.0 for text in texts(completions)]


def by_hand_strict(completions: list[Chat], **_: Any) -> list[float]:
    """Match the strict layout."""
    return [0.5 if laid_out(STRICT, text) else 0.0 for text in texts(completions)]


def by_hand_int(completions: list[Chat], **_: Any) -> list[float]:
    """Check that the answer is an integer."""
    numbers = [number_of(answer_of(text)) for text in texts(completions)]
    return [0.5 if number is not None and number == int(number) else 0.0 for number in numbers]


def by_hand_correct(completions: list[Chat], answer: list[str], **_: Any) -> list[float]:
    """Compare the answer by value, or as text."""
    values = []
    for text, right in zip(texts(completions), answer, strict=True):
        given = answer_of(text)
        same = given is not None and given == right.strip()
        if given and not same:
            number = number_of(given)
            same = number is not None and number == number_of(right)
        values.append(2.0 if same else 0.0)
    return values


PRESETS: dict[str, tuple[Callable[..., list[float]], Callable[..., list[float]], Any]] = {
    "xmlcount": (published_count, by_hand_count, presets.xmlcount_reward_func),
    "soft_format": (published_soft, by_hand_soft, presets.soft_format_reward_func),
    "strict_format": (published_strict, by_hand_strict, presets.strict_format_reward_func),
    "int": (published_int, by_hand_int, presets.int_reward_func),
    "correctness": (published_correct, by_hand_correct, presets.correctness_reward_func),
}
"""The published function, the same rules by hand, and the preset."""


def made(rows: int, seed: int = SEED) -> tuple[list[Chat], list[str]]:
    """Return generated chat completions and their references; 30 % are malformed."""
    rng = random.Random(seed)
    words = (
        "so",
        "we",
        "add",
        "the",
        "two",
        "numbers",
        "and",
        "then",
        "check",
        "that",
        "sum",
        "is",
    )
    completions, answers = [], []
    for _ in range(rows):
        answer = str(rng.randint(0, 20_000))
        size = rng.randint(300, 1500)
        thought = ""
        while len(thought) < size - 60:
            thought += rng.choice(words) + rng.choice([" ", " ", " ", " ", ".\n"])
        given = answer if rng.random() < RIGHT else f"{rng.randint(0, 20_000):,}"
        text = f"<reasoning>\n{thought}\n</reasoning>\n<answer>\n{given}\n</answer>\n"
        if rng.random() < MALFORMED:
            broken = rng.choice(TAGS)
            text = rng.choice(
                [
                    text.replace(broken, "", 1),
                    text + f"{broken}\n{given}",
                    text + thought[:200],
                    thought,
                    text.replace(f"\n{given}\n", "\n\n"),
                ]
            )
        completions.append([{"role": "assistant", "content": text}])
        answers.append(answer)
    return completions, answers


def read(path: Path) -> tuple[list[Chat], list[str]]:
    """Read the completions and references of a JSONL file."""
    lines = path.read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines if line.strip()]
    chat = [[{"role": "assistant", "content": row["completion"]}] for row in rows]
    return chat, [row["answer"] for row in rows]


def forget() -> None:
    """Clear the cache of parsed numbers, and replace the last texts and answers that were read."""
    PRESETS["int"][-1](completions=["new"])
    numbers._remembered.cache_clear()  # noqa: SLF001 - nothing public does it, or needs it


def seconds(call: Callable[[], Any]) -> float:
    """Measure the time of one call."""
    start = CLOCK()
    call()
    return CLOCK() - start


def in_turn(
    calls: Sequence[Callable[[], Any]], turn: int, *, anew: bool = False
) -> tuple[float, ...]:
    """Measure the calls; each round begins with another of them, and `anew` forgets before each."""
    first = turn % len(calls)
    order = [*range(first, len(calls)), *range(first)]
    took = {index: (afresh if anew else seconds)(calls[index]) for index in order}
    return tuple(took[index] for index in range(len(calls)))


def medians(times: list[tuple[float, ...]], theirs: Sequence[str]) -> dict[str, float]:
    """Return the median time of each side, and the median ratio to each; rewardkit is the last."""
    figures = {"rewardkit_s": statistics.median(turn[-1] for turn in times)}
    for index, side in enumerate(theirs):
        figures[f"{side}_s"] = statistics.median(turn[index] for turn in times)
        figures[f"{side}_ratio"] = statistics.median(turn[-1] / turn[index] for turn in times)
    return figures


def share_alike(theirs: Sequence[float | None], ours: Sequence[float | None]) -> float:
    """Return the share of rows on which both scores agree within rounding."""
    pairs = list(zip(theirs, ours, strict=True))
    return sum(left == right or near(left, right) for left, right in pairs) / len(pairs)


def near(left: float | None, right: float | None) -> bool:
    """Return whether two scores agree within rounding."""
    return left is not None and right is not None and abs(left - right) < NEAR


def timed_presets(given: argparse.Namespace) -> tuple[int, dict[str, dict[str, float]]]:
    """Return the number of completions, and the figures of each preset and of all five."""
    same = read(given.data) if given.data else None

    def batch(seed: int) -> dict[str, Any]:
        completions, answers = same or made(given.rows, seed)
        if given.sign:
            contents = [message["content"] for (message,) in completions]
            marked = [f"{text[:200]}{given.sign}{text[200:]}" for text in contents]
            completions = [[{"role": "assistant", "content": text}] for text in marked]
        return {"prompts": completions, "completions": completions, "answer": answers}

    first = batch(SEED)  # warms up all sides, and compares their scores
    alike = {
        name: [share_alike(theirs(**first), preset(**first)) for theirs in others]
        for name, (*others, preset) in PRESETS.items()
    }
    times: dict[str, list[tuple[float, ...]]] = {name: [] for name in PRESETS}
    for turn in range(given.rounds):
        new = batch(SEED + 1 + turn)
        forget()
        for name, sides in PRESETS.items():
            times[name].append(in_turn([partial(side, **new) for side in sides], turn))
    times["all five"] = [
        tuple(map(sum, zip(*turn, strict=True))) for turn in zip(*times.values(), strict=True)
    ]
    alike["all five"] = [*map(statistics.mean, zip(*alike.values(), strict=True))]
    theirs = ("published", "by_hand")
    figures = {
        name: medians(turns, theirs)
        | {f"{side}_alike": share for side, share in zip(theirs, alike[name], strict=True)}
        for name, turns in times.items()
    }
    return len(first["completions"]), figures


def timed_scorer(rows: int, rounds: int) -> dict[str, float]:
    """Return the figures of `score_columns` beside the rewards, each called on one Batch."""
    rewards = [preset for *_, preset in PRESETS.values()]
    scorer = rk.Scorer(rewards)
    times = []
    for turn in range(rounds):
        completions, answers = made(rows, SEED + 1 + turn)
        columns: dict[str, Any] = {"completion": completions, "answer": answers}

        def call_rewards(completions: Any = completions, answers: Any = answers) -> None:
            batch = rk.Batch(completions, columns={"answer": answers})
            for reward in rewards:
                reward.score(batch)

        score_columns = partial(scorer.score_columns, columns)
        sides: list[Callable[[], Any]] = [call_rewards, score_columns]
        times.append(in_turn(sides, turn, anew=True))
    return medians(times, ["rewards"])


def timed_peers(
    steps: dict[str, Step], rounds: int, names: Sequence[str] = ()
) -> tuple[list[Row], dict[str, str]]:
    """Return one row of figures per pair, and the skipped packages with the reason."""
    pairs: list[tuple[str, Pair]] = []
    skipped = {}
    for source, load in peers.SOURCES.items():
        try:
            pairs += [(source, pair) for pair in load()]
        except ImportError as error:
            skipped[source] = str(error)
    rows: list[Row] = []
    for source, pair in pairs:
        if names and not any(name in pair.called for name in names):
            continue
        row: Row = {"reward": pair.called, "source": source, "peer": pair.says}
        for size, step in steps.items():
            row[size] = timed_pair(pair, step.batch(pair.style, pair.rows), rounds)
        rows.append(row)
    return rows, skipped


def timed_pair(pair: Pair, batch: dict[str, Any], rounds: int) -> dict[str, float]:
    """Return the medians of both sides, and the share of rows with the same score."""
    theirs, ours = pair.peer(**batch), pair.reward(**batch)
    sides: list[Callable[[], Any]] = [
        partial(pair.peer, **batch),
        partial(pair.reward, **batch),
    ]
    times = []
    for turn in range(rounds):
        forget()
        times.append(in_turn(sides, turn))
    figures = {"rows": len(ours), "alike": share_alike(theirs, ours)}
    return medians(times, ["peer"]) | figures


def timed_shares(step: Step, rounds: int) -> tuple[list[Row], dict[str, str]]:
    """Return each reward's share of a step, and the skipped rewards with the reason."""
    rows: list[Row] = []
    skipped = {}
    size = len(step.answers)
    cases = [(case, step) for case in peers.registered()]
    for group in (peers.GROUP, *peers.GROUPS):
        wider = peers.made(size, peers.LONG, group=group, words=peers.VOCABULARY)
        cases += [(case, wider) for case in peers.by_words(group)]
    for case, on in cases:
        batch = on.batch(case.style)
        try:
            case.reward(**batch)  # imports happen on the first call
        except ImportError as error:
            skipped[case.name] = str(error)
            continue
        took = min(afresh(partial(case.reward, **batch)) for _ in range(rounds))
        whole = took / size * STEP_COMPLETIONS
        figures = {
            "name": case.name,
            "reward": case.reward.__name__,
            "on": case.on,
            "seconds": whole,
            "percent": 100 * whole / STEP_SECONDS,
            "bound": LANGUAGE_BOUND if case.name == "language" else SHARE_BOUND,
        }
        rows.append(figures)
    return rows, skipped


def afresh(call: Callable[[], Any]) -> float:
    """Measure a call as of new completions."""
    forget()
    return seconds(call)


def installed() -> dict[str, str]:
    """Return the versions of the installed peers."""
    found = {}
    for package in ("trl", "math-verify", "verifiers", "langid", "py3langid"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def beside(value: float, bound: float) -> str:
    """Format a figure's bound, marked if the figure exceeds it."""
    return f"{bound:g}{'  OVER' if value > bound else ''}"


def show_presets(figures: dict[str, dict[str, float]]) -> None:
    """Print the figures of the presets."""
    print(
        f"{'':14}{'published':>12}{'by hand':>12}{'rewardkit':>12}"
        f"{'of published':>14}{'of by hand':>12}{'alike':>8}"
    )
    for name, row in figures.items():
        print(
            f"{name:14}{row['published_s'] * 1e3:9.1f} ms{row['by_hand_s'] * 1e3:9.1f} ms"
            f"{row['rewardkit_s'] * 1e3:9.1f} ms{row['published_ratio']:14.2f}"
            f"{row['by_hand_ratio']:12.2f}{row['by_hand_alike']:8.1%}"
        )
    five = figures["all five"]
    print(
        f"all five at most {beside(five['published_ratio'], PUBLISHED_BOUND)} of the published,"
        f" {beside(five['by_hand_ratio'], FIVE_BOUND)} of the same rules by hand"
    )


def show_scorer(figures: dict[str, float]) -> None:
    """Print the figures of the Scorer."""
    print(
        f"\nScorer.score_columns {figures['rewardkit_s'] * 1e3:.1f} ms, the rewards on one Batch"
        f" {figures['rewards_s'] * 1e3:.1f} ms, ratio {figures['rewards_ratio']:.2f}, at most"
        f" {beside(figures['rewards_ratio'], SCORER_BOUND)}"
    )


def show_peers(rows: list[Row], sizes: list[str]) -> None:
    """Print the comparison with the peers, one block per size."""
    for size in sizes:
        print(f"\n{size}")
        print(
            f"{'reward':42} {'peer':40}{'theirs':>11}{'rewardkit':>11}{'ratio':>8}{'alike':>7}"
            "   at most"
        )
        for row in rows:
            took = row[size]
            packaged = not row["source"].startswith("by hand")
            bound = beside(took["peer_ratio"], PEER_BOUND) if packaged else ""
            print(
                f"{row['reward']:42} {row['source'] + ': ' + row['peer']:40}"
                f"{took['peer_s'] * 1e3:8.2f} ms{took['rewardkit_s'] * 1e3:8.2f} ms"
                f"{took['peer_ratio']:8.3f}{took['alike']:7.0%}   {bound}".rstrip()
            )


def show_shares(rows: list[Row]) -> None:
    """Print each reward's share of a step."""
    print(f"\n{f'of a step of {STEP_SECONDS:g} s':80}{'time':>11}{'share':>9}   under")
    for row in rows:
        called = f"{row['reward']}{', ' if row['on'] else ''}{row['on']}"
        print(
            f"{called:80.80}{row['seconds'] * 1e3:8.1f} ms{row['percent']:7.3f} %"
            f"   {beside(row['percent'], row['bound'])} %"
        )


def main() -> int:
    """Measure, print tables and the figures as JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rows", type=int, default=4096, help="completions for the XML presets")
    parser.add_argument(
        "--step", type=int, default=STEP_COMPLETIONS, help="completions for the other rewards"
    )
    parser.add_argument("--rounds", type=int, default=15, help="measurements per comparison")
    parser.add_argument("--data", type=Path, help="JSONL with completions for the XML presets")
    parser.add_argument("--sign", default="", help="text to insert into each of these completions")
    parser.add_argument(
        "--only", nargs="+", choices=PARTS, default=PARTS, help="the parts to measure"
    )
    parser.add_argument(
        "--peer", nargs="+", default=(), help="in part 2, only rewards whose names contain a text"
    )
    parser.add_argument("--json", type=Path, help="file to write the figures to")
    parser.add_argument(
        "--processor-time", action="store_true", help="measure the thread's processor time"
    )
    given = parser.parse_args()
    if given.processor_time:
        global CLOCK  # noqa: PLW0603 - set once, before anything is measured
        CLOCK = time.thread_time
    print(f"{given.rounds} rounds, Python {sys.version.split()[0]}")
    whole: dict[str, Any] = {"rounds": given.rounds, "skipped": {}, "versions": installed()}
    if "presets" in given.only:
        whole["rows"], whole["figures"] = timed_presets(given)
        print(f"{whole['rows']} completions")
        show_presets(whole["figures"])
    steps = {
        f"{given.step} completions of {low:,} to {high:,} characters": peers.made(
            given.step, (low, high)
        )
        for low, high in (peers.SHORT, peers.LONG)
    }
    if "peers" in given.only:
        whole["peers"], skipped = timed_peers(steps, given.rounds, given.peer)
        whole["skipped"] |= skipped
        show_peers(whole["peers"], [*steps])
    if "shares" in given.only:
        rounds = min(given.rounds, SHARE_ROUNDS)
        whole["shares"], skipped = timed_shares([*steps.values()][-1], rounds)
        whole["skipped"] |= skipped
        show_shares(whole["shares"])
    if "scorer" in given.only:
        whole["scorer"] = timed_scorer(given.rows, given.rounds)
        show_scorer(whole["scorer"])
    for name, why in whole["skipped"].items():
        print(f"skipped: {name}: {why}")
    text = json.dumps(whole)
    print(text)
    if given.json:
        given.json.write_text(text + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
