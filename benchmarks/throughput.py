"""Measure the speed of the rewards, relative to their peers and to a GRPO step.

1. The five fixed XML presets are compared with the published functions, which they replace, and
   with the same rules by hand (`preset_peers.py`). Each is called separately, as TRL does, on
   generated chat completions (fixed seeds, 300 to 1,500 characters, 30 % malformed). All run
   interleaved in one process, and each round has new completions, like a step of training.
2. The other rewards are compared with their peers in the same way, on short completions as above
   and on long ones of about 4,000 characters. `peers.py` says how to install the peers.
3. For every registered reward, the share of a GRPO step: of the time to generate 512 long
   completions of 1,000 tokens at 20,000 tokens per second. Rewards that count words are also
   measured on a large vocabulary, and `diversity` also on larger groups.
4. `Scorer.score_columns` is compared with calls of the same five rewards on one Batch.

In all parts the sides alternate in going first, and the cache of parsed numbers is cleared before
each round, outside the measured time. The cache of `length` and `overlong`, one Score per length,
is not cleared: both sides are called once before they are measured. A figure is the median over the
rounds, with the quartiles.

    python benchmarks/throughput.py [--rows 4096] [--step 512] [--rounds 15] [--data FILE.jsonl]
        [--sign TEXT] [--only presets|peers|shares|scorer ...] [--peer TEXT ...]
        [--processor-time] [--page FILE.md] [--json FILE]

`--rows` is the number of completions in part 1 and 4, `--step` that in parts 2 and 3. `--only`
measures some parts, and `--peer` in part 2 the rewards whose names contain a text. `--data`, for
part 1 only, is a JSONL file with a `completion` (text) and an `answer` per line; every round then
uses the same completions. `--sign` inserts a text into each completion of part 1, such as a
character outside ASCII; without it, all five together are measured with an arrow as well.
`--processor-time` counts the processor time of this process, for a machine with other load, and of
the worker processes of `instructions` and `reasoning_gym`; `math` reads the answers here without
any. `--page` writes the tables into a page.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import leaf_peers
import measuring
import model_peers
import peers
import rewardkit as rk
from measuring import Spread, format_table, measure_in_turn
from peers import Chat, Pair, Step
from preset_peers import PRESETS, TAGS
from rewardkit._text import numbers

Row = dict[str, Any]
PUBLISHED_BOUND, FIVE_BOUND, PEER_BOUND, HAND_BOUND, SCORER_BOUND = 0.65, 0.366, 1.0, 2.0, 1.15
"""The most that the ratio should be: for all five together beside the published functions and the
same rules, for a reward beside what a package installs or beside its rule by hand, and for a Scorer
beside its rewards."""
PARTS = ("presets", "peers", "shares", "scorer")
PACKAGES = (
    *("trl", "math-verify", "verifiers", "langid", "py3langid"),
    *(*leaf_peers.PACKAGES, *model_peers.PACKAGES),
)
SOURCES = peers.SOURCES | leaf_peers.SOURCES | model_peers.SOURCES
SHARE_BOUND, LANGUAGE_BOUND = 0.5, 1.5
"""The most percent of a step that a reward should take, and that `language` should."""
STEP_COMPLETIONS = 512
SHARE_ROUNDS = 7
STEP_SECONDS = STEP_COMPLETIONS * 1000 / 20_000
PAIR_SECONDS, MAX_ROUNDS = 0.2, 100
"""A pair that takes little is measured in more rounds: for this long, or this often."""
NEAR = 1e-9
SEED = 3407
RIGHT, MALFORMED = 0.6, 0.3
ARROW = "\u2192"


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


def medians(times: list[tuple[float, ...]], theirs: Sequence[str]) -> dict[str, float]:
    """Return each side's median time, and the ratio to each; rewardkit is the last side."""
    figures = {"rewardkit_s": statistics.median(turn[-1] for turn in times)}
    for index, side in enumerate(theirs):
        ratio = Spread.of(turn[-1] / turn[index] for turn in times)
        figures[f"{side}_s"] = statistics.median(turn[index] for turn in times)
        figures[f"{side}_ratio"], figures[f"{side}_low"], figures[f"{side}_high"] = ratio
    return figures


def format_ratio(figures: dict[str, float], side: str) -> str:
    """Write the ratio to a side with its quartiles."""
    return Spread(*(figures[f"{side}_{what}"] for what in ("ratio", "low", "high"))).format()


def share_alike(
    theirs: Sequence[float | None], ours: Sequence[float | None], within: float = NEAR
) -> float:
    """Return the share of rows on which both scores agree within rounding."""
    pairs = list(zip(theirs, ours, strict=True))
    return sum(left == right or near(left, right, within) for left, right in pairs) / len(pairs)


def near(left: float | None, right: float | None, within: float) -> bool:
    """Return whether two scores agree within rounding."""
    return left is not None and right is not None and abs(left - right) < within


def timed_presets(given: argparse.Namespace, sign: str) -> tuple[int, dict[str, dict[str, float]]]:
    """Return the number of completions, and the figures of each preset and of all five."""
    same = read(given.data) if given.data else None

    def batch(seed: int) -> dict[str, Any]:
        completions, answers = same or made(given.rows, seed)
        if sign:
            contents = [message["content"] for (message,) in completions]
            marked = [f"{text[:200]}{sign}{text[200:]}" for text in contents]
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
            calls = [partial(side, **new) for side in sides]
            times[name].append(measure_in_turn(calls, turn))
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
        times.append(measure_in_turn(sides, turn, forget))
    return medians(times, ["rewards"])


def timed_peers(
    steps: dict[str, Step], rounds: int, names: Sequence[str] = ()
) -> tuple[list[Row], dict[str, str]]:
    """Return one row of figures per pair, and the skipped packages with the reason."""
    pairs: list[tuple[str, Pair]] = []
    skipped = {}
    for source, load in SOURCES.items():
        try:
            pairs += [(source, pair) for pair in load()]
        except ImportError as error:
            skipped[source] = str(error)
    rows: list[Row] = []
    for source, pair in pairs:
        if names and not any(name in pair.called for name in names):
            continue
        row: Row = {"reward": pair.called, "source": source, "peer": pair.says}
        row["has_same_rule"] = pair.has_same_rule
        for size, step in steps.items():
            row[size] = timed_pair(pair, pair.batch(step), rounds)
        rows.append(row)
    return rows, skipped


def timed_pair(pair: Pair, batch: dict[str, Any], rounds: int) -> dict[str, float]:
    """Return the medians of both sides, and the share of rows with the same score."""
    theirs, ours = pair.peer(**batch), pair.reward(**batch)
    sides: list[Callable[[], Any]] = [
        partial(pair.peer, **batch),
        partial(pair.reward, **batch),
    ]
    times: list[tuple[float, ...]] = []
    spent = 0.0
    while len(times) < rounds or (rounds > 1 and spent < PAIR_SECONDS and len(times) < MAX_ROUNDS):
        forget()
        times.append(measure_in_turn(sides, len(times), in_workers=pair.in_workers))
        spent += sum(times[-1])
    alike = share_alike(theirs, ours, pair.within)
    figures = {"rows": len(ours), "rounds": len(times), "alike": alike}
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
        call = partial(case.reward, **batch)
        took = Spread.of(measure_in_turn([call], 0, forget)[0] for _ in range(rounds))
        whole = Spread(*(value / size * STEP_COMPLETIONS for value in took))
        figures = {
            "name": case.name,
            "reward": case.name,
            "fields": case.fields,
            "on": case.on,
            "seconds": whole.median,
            "low": whole.low,
            "high": whole.high,
            "percent": 100 * whole.median / STEP_SECONDS,
            "bound": LANGUAGE_BOUND if case.name == "language" else SHARE_BOUND,
        }
        rows.append(figures)
    return rows, skipped


def installed() -> dict[str, str]:
    """Return the versions of the installed peers."""
    found = {}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def tabulate_presets(figures: dict[str, dict[str, float]]) -> str:
    """Write the table of the presets."""
    heads = ["preset", "published", "same rules", "rewardkit", "of published", "of same rules"]
    rows = [
        [
            f"`{name}_reward_func`" if name in PRESETS else name,
            *(f"{row[f'{side}_s'] * 1e3:.1f} ms" for side in ("published", "by_hand", "rewardkit")),
            *(format_ratio(row, side) for side in ("published", "by_hand")),
        ]
        for name, row in figures.items()
    ]
    return format_table(heads, rows)


def tabulate_scorer(figures: dict[str, float]) -> str:
    """Write the table of the Scorer."""
    heads = ["the rewards on one `Batch`", "`score_columns`", "ratio"]
    times = [f"{figures[f'{side}_s'] * 1e3:.1f} ms" for side in ("rewards", "rewardkit")]
    return format_table(heads, [[*times, format_ratio(figures, "rewards")]], texts=0)


def tabulate_peers(rows: list[Row], sizes: Sequence[str], *, by_hand: bool) -> str:
    """Write the table of the peers from packages, or of the rules by hand."""
    heads = ["reward", "compared with", "short", "long", "alike", *(["rule"] if by_hand else [])]
    lines = []
    for row in rows:
        if row["source"].startswith("by hand") is not by_hand:
            continue
        alike = row[sizes[-1]]["alike"]
        peer = row["peer"] if by_hand else f"{row['source']}: {row['peer']}"
        ratios = [format_ratio(row[size], "peer") for size in sizes]
        lines.append([f"`{row['reward']}`", peer, *ratios, f"{alike:.0%}"])
        if by_hand:
            lines[-1].append("same" if row["has_same_rule"] else "other")
    return format_table(heads, lines, texts=2)


def tabulate_shares(rows: list[Row]) -> str:
    """Write the table of each reward's share of a step."""
    lines = [
        [
            ", ".join(filter(None, [f"`{row['reward']}`", row["fields"], row["on"]])),
            f"{Spread(row['seconds'], row['low'], row['high']).format(1, 1e3)} ms",
            f"{row['percent']:.2f} %",
        ]
        for row in rows
    ]
    return format_table(["reward", "time", "share"], lines)


def find_excesses(whole: dict[str, Any], sizes: Sequence[str]) -> Iterator[str]:
    """Yield a line for each figure above its bound."""
    five = whole.get("figures", {}).get("all five")
    checked = [
        (f"all five beside the {side}", five[f"{side}_ratio"], bound)
        for side, bound in (("published", PUBLISHED_BOUND), ("by_hand", FIVE_BOUND))
        if five
    ]
    for row in whole.get("peers", ()):
        bound = HAND_BOUND if row["source"].startswith("by hand") else PEER_BOUND
        checked += [
            (f"{row['reward']} beside {row['peer']}, {size}", row[size]["peer_ratio"], bound)
            for size in sizes
            if row["has_same_rule"]
        ]
    checked += [
        (f"{row['reward']} {row['fields']}", row["percent"], row["bound"])
        for row in whole.get("shares", ())
    ]
    if scorer := whole.get("scorer"):
        checked.append(("score_columns", scorer["rewards_ratio"], SCORER_BOUND))
    for name, value, bound in checked:
        if value > bound:
            yield f"above its bound: {name}: {value:.3f}, at most {bound:g}"


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
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
        "--processor-time", action="store_true", help="measure the processor time of this process"
    )
    measuring.add_page_option(parser)
    return parser.parse_args()


def main() -> int:
    """Measure, and print or write the tables and the figures as JSON."""
    given = parse_arguments()
    if given.processor_time:
        measuring.use_processor_time()
    clock = "processor time" if given.processor_time else "wall time"
    run = measuring.describe_run(f"{given.rounds} rounds or more, {clock}", PACKAGES)
    whole: dict[str, Any] = {"rounds": given.rounds, "skipped": {}, "versions": installed()}
    tables: dict[str, str] = {}
    if "presets" in given.only:
        whole["rows"], whole["figures"] = timed_presets(given, given.sign)
        figures = dict(whole["figures"])
        if not given.sign:
            _, signed = timed_presets(given, ARROW)
            figures["all five, an arrow in each text"] = signed["all five"]
        tables["presets"] = tabulate_presets(figures)
    steps = {
        f"{given.step} completions of {low:,} to {high:,} characters": peers.made(
            given.step, (low, high)
        )
        for low, high in (peers.SHORT, peers.LONG)
    }
    sizes = [*steps]
    if "peers" in given.only:
        whole["peers"], skipped = timed_peers(steps, given.rounds, given.peer)
        whole["skipped"] |= skipped
        tables["packages"] = tabulate_peers(whole["peers"], sizes, by_hand=False)
        tables["by hand"] = tabulate_peers(whole["peers"], sizes, by_hand=True)
    if "shares" in given.only:
        whole["shares"], skipped = timed_shares(steps[sizes[-1]], min(given.rounds, SHARE_ROUNDS))
        whole["skipped"] |= skipped
        tables["shares"] = tabulate_shares(whole["shares"])
    if "scorer" in given.only:
        whole["scorer"] = timed_scorer(given.rows, given.rounds)
        tables["scorer"] = tabulate_scorer(whole["scorer"])
    tables = {name: f"{table}\n\n{run}" for name, table in tables.items()}
    print(*find_excesses(whole, sizes), sep="\n")
    for name, why in whole["skipped"].items():
        print(f"skipped: {name}: {why}")
    measuring.publish(tables, given.page)
    if given.json:
        given.json.write_text(json.dumps(whole) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
