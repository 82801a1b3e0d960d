"""How fast the rewards are, as a ratio to their peers and as a share of a GRPO step.

1. The five fixed XML presets are called one by one, as TRL does, on chat completions made with
   fixed seeds (300 to 1,500 characters, 30 % malformed), interleaved in one process with five
   functions that apply the same rules with `re` and DOTALL, as people write them. The ratio is the
   median over rounds. Each round has new completions, as each step of a training has.
2. The other rewards, against their peers, the same way (see `peers.py`, which also says how to
   install them): on short completions as above, and on long ones of about 4,000 characters.
3. Every registered reward's share of a GRPO step: of the time that 512 such long completions of
   1,000 tokens take at 20,000 tokens a second. The least of seven rounds, since whatever else the
   machine does only adds. Those that count words are measured on a large vocabulary too, and
   `diversity` on larger groups.

In all three the sides take turns in going first, and what rewardkit remembers of the numbers that
it read is forgotten before each round, outside of what is timed. What `length` and `overlong` keep,
a Score for each length, is not: both sides are called once before they are timed.

    python benchmarks/throughput.py [--rows 4096] [--step 512] [--rounds 15] [--data FILE.jsonl]
        [--sign TEXT] [--json FILE]

`--rows` and `--step` are the numbers of completions in 1, and in 2 and 3. `--data`, for 1 alone,
takes a JSONL file with a `completion` (text) and an `answer` a line; every round has the same then.
`--sign` puts a text into each completion of 1: a character beyond ASCII, for one.
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
from peers import Chat, Pair, Step, number_of, texts
from rewardkit import presets
from rewardkit._text import numbers

Row = dict[str, Any]
FIVE_BOUND, PEER_BOUND = 0.5, 1.0
"""The most that the ratio should be: for all five together, and beside what a package installs."""
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


def laid_out(pattern: re.Pattern[str], text: str) -> bool:
    """Return whether each tag occurs once, a pattern matches, and no part of it is empty."""
    if any(text.count(tag) != 1 for tag in TAGS):
        return False
    match = pattern.match(text)
    return match is not None and all(part.strip() for part in match.groups())


def only(text: str, tag: str, after: int = -1) -> int:
    """Return the position of a tag that occurs once, after a position; else -1."""
    place = text.find(tag)
    return place if place > after and text.find(tag, place + 1) < 0 else -1


def answer_of(text: str) -> str | None:
    """Return the only answer's text."""
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
    """Ask whether the answer is an integer."""
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


PAIRS: dict[str, tuple[Callable[..., list[float]], Any]] = {
    "xmlcount": (by_hand_count, presets.xmlcount_reward_func),
    "soft_format": (by_hand_soft, presets.soft_format_reward_func),
    "strict_format": (by_hand_strict, presets.strict_format_reward_func),
    "int": (by_hand_int, presets.int_reward_func),
    "correctness": (by_hand_correct, presets.correctness_reward_func),
}


def made(rows: int, seed: int = SEED) -> tuple[list[Chat], list[str]]:
    """Return chat completions and their references; 30 % of the completions are malformed."""
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
    """Return the completions and references of a JSONL file."""
    lines = path.read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines if line.strip()]
    chat = [[{"role": "assistant", "content": row["completion"]}] for row in rows]
    return chat, [row["answer"] for row in rows]


def forget() -> None:
    """Forget the numbers that were read, as if every completion were new."""
    numbers._remembered.cache_clear()  # noqa: SLF001 - nothing public does it, or needs it


def seconds(call: Callable[[], Any]) -> float:
    """Return how long one call takes."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def in_turn(one: Callable[[], Any], two: Callable[[], Any], turn: int) -> tuple[float, float]:
    """Return how long each takes; the first goes first in every other round."""
    if turn % 2:
        later = seconds(two)
        return seconds(one), later
    return seconds(one), seconds(two)


def medians(times: list[tuple[float, float]], theirs: str) -> dict[str, float]:
    """Return the median time of each side, and that of the ratios."""
    return {
        f"{theirs}_s": statistics.median(one for one, _ in times),
        "rewardkit_s": statistics.median(two for _, two in times),
        "ratio": statistics.median(two / one for one, two in times),
    }


def share_alike(theirs: Sequence[float | None], ours: Sequence[float | None]) -> float:
    """Return the share of rows that both score alike, but for rounding."""
    pairs = list(zip(theirs, ours, strict=True))
    return sum(left == right or near(left, right) for left, right in pairs) / len(pairs)


def near(left: float | None, right: float | None) -> bool:
    """Return whether two scores are the same but for rounding."""
    return left is not None and right is not None and abs(left - right) < NEAR


def timed_presets(given: argparse.Namespace) -> tuple[int, dict[str, dict[str, float]]]:
    """Return how many completions there are, and the figures of the five and of all together."""
    same = read(given.data) if given.data else None

    def batch(seed: int) -> dict[str, Any]:
        completions, answers = same or made(given.rows, seed)
        if given.sign:
            said = [message["content"] for (message,) in completions]
            marked = [f"{text[:200]}{given.sign}{text[200:]}" for text in said]
            completions = [[{"role": "assistant", "content": text}] for text in marked]
        return {"prompts": completions, "completions": completions, "answer": answers}

    first = batch(SEED)  # it warms up both, and tells whether they score alike
    alike = {
        name: share_alike(by_hand(**first), preset(**first))
        for name, (by_hand, preset) in PAIRS.items()
    }
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in PAIRS}
    for turn in range(given.rounds):
        new = batch(SEED + 1 + turn)
        forget()
        for name, sides in PAIRS.items():
            one, two = (partial(side, **new) for side in sides)
            times[name].append(in_turn(one, two, turn))
    times["all five"] = [
        (sum(one for one, _ in turn), sum(two for _, two in turn))
        for turn in zip(*times.values(), strict=True)
    ]
    alike["all five"] = statistics.mean(alike.values())
    figures = {
        name: medians(pairs, "by_hand") | {"alike": alike[name]} for name, pairs in times.items()
    }
    return len(first["completions"]), figures


def timed_peers(steps: dict[str, Step], rounds: int) -> tuple[list[Row], dict[str, str]]:
    """Return a row of figures for each pair, and what was skipped and why."""
    pairs: list[tuple[str, Pair]] = []
    skipped = {}
    for source, load in peers.SOURCES.items():
        try:
            pairs += [(source, pair) for pair in load()]
        except ImportError as error:
            skipped[source] = str(error)
    rows: list[Row] = []
    for source, pair in pairs:
        row: Row = {"reward": pair.called, "source": source, "peer": pair.says}
        for size, step in steps.items():
            row[size] = timed_pair(pair, step.batch(pair.style, pair.rows), rounds)
        rows.append(row)
    return rows, skipped


def timed_pair(pair: Pair, batch: dict[str, Any], rounds: int) -> dict[str, float]:
    """Return the medians of both sides in turn, and the share of rows that both score alike."""
    theirs, ours = pair.peer(**batch), pair.reward(**batch)
    sides = partial(pair.peer, **batch), partial(pair.reward, **batch)
    times = []
    for turn in range(rounds):
        forget()
        times.append(in_turn(*sides, turn))
    figures = {"rows": len(ours), "alike": share_alike(theirs, ours)}
    return medians(times, "peer") | figures


def timed_shares(step: Step, rounds: int) -> tuple[list[Row], dict[str, str]]:
    """Return every registered reward's share of a step, and what was skipped and why."""
    rows: list[Row] = []
    skipped = {}
    size = len(step.answers)
    cases = [(case, step) for case in peers.registered()]
    for group in (peers.GROUP, *peers.GROUPS):
        wider = peers.made(size, peers.LONG, group=group, words=peers.WORDS)
        cases += [(case, wider) for case in peers.by_words(group)]
    for case, on in cases:
        batch = on.batch(case.style)
        try:
            case.reward(**batch)  # loads what is loaded on first use
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
    """Return how long a call takes where no number is remembered."""
    forget()
    return seconds(call)


def installed() -> dict[str, str]:
    """Return the versions of the peers' packages that are there."""
    found = {}
    for package in ("trl", "math-verify", "verifiers", "langid", "py3langid"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def beside(value: float, bound: float) -> str:
    """Return a figure's bound, marked where the figure is over it."""
    return f"{bound:g}{'  OVER' if value > bound else ''}"


def show_presets(figures: dict[str, dict[str, float]]) -> None:
    """Print the five."""
    print(f"{'':14}{'by hand':>12}{'rewardkit':>12}{'ratio':>8}{'alike':>8}   at most")
    for name, row in figures.items():
        bound = beside(row["ratio"], FIVE_BOUND) if name == "all five" else ""
        print(
            f"{name:14}{row['by_hand_s'] * 1e3:9.1f} ms{row['rewardkit_s'] * 1e3:9.1f} ms"
            f"{row['ratio']:8.2f}{row['alike']:8.1%}   {bound}".rstrip()
        )


def show_peers(rows: list[Row], sizes: list[str]) -> None:
    """Print the peers, a block for each size."""
    for size in sizes:
        print(f"\n{size}")
        print(
            f"{'reward':42} {'peer':40}{'theirs':>11}{'rewardkit':>11}{'ratio':>8}{'alike':>7}"
            "   at most"
        )
        for row in rows:
            took = row[size]
            packaged = not row["source"].startswith("by hand")
            bound = beside(took["ratio"], PEER_BOUND) if packaged else ""
            print(
                f"{row['reward']:42} {row['source'] + ': ' + row['peer']:40}"
                f"{took['peer_s'] * 1e3:8.2f} ms{took['rewardkit_s'] * 1e3:8.2f} ms"
                f"{took['ratio']:8.3f}{took['alike']:7.0%}   {bound}".rstrip()
            )


def show_shares(rows: list[Row]) -> None:
    """Print the shares."""
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
    parser.add_argument("--rows", type=int, default=4096)
    parser.add_argument("--step", type=int, default=STEP_COMPLETIONS)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--sign", default="")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    rows, figures = timed_presets(given)
    print(f"{rows} completions, {given.rounds} rounds, Python {sys.version.split()[0]}")
    show_presets(figures)
    steps = {
        f"{given.step} completions of {low:,} to {high:,} characters": peers.made(
            given.step, (low, high)
        )
        for low, high in (peers.SHORT, peers.LONG)
    }
    compared, skipped = timed_peers(steps, given.rounds)
    show_peers(compared, [*steps])
    shares, unmeasured = timed_shares([*steps.values()][-1], min(given.rounds, SHARE_ROUNDS))
    show_shares(shares)
    skipped |= unmeasured
    for name, why in skipped.items():
        print(f"skipped: {name}: {why}")
    whole = {
        "rows": rows,
        "rounds": given.rounds,
        "figures": figures,
        "peers": compared,
        "shares": shares,
        "skipped": skipped,
        "versions": installed(),
    }
    text = json.dumps(whole)
    print(text)
    if given.json:
        given.json.write_text(text + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
