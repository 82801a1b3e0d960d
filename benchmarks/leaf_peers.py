"""Peers of the rewards for tools, boxes, short answers, instructions and groups.

As in `peers.py`, each is a function of an installed package, or a rule as people paste it. Both
sides read whole completions: where a package takes parsed calls, they are found as its own handlers
find them. `peers.py` says how to install the packages.

What `instructions` and `reasoning_gym` take in worker processes counts as well (`in_workers`).
"""

from __future__ import annotations

import json
import random
import re
import string
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache, partial
from typing import Any

import references
import rewardkit as rk
from peers import FEW, GROUP, Chat, Pair, Peer, off_target_words, tags_once, texts
from preset_peers import ANSWER
from rewardkit._optional import check_installed, require

Rows = dict[str, Any]
SEED = 3407
CALL = re.compile(r"<tool_call>\n(.*?)\n</tool_call>", re.DOTALL)
ERROR = re.compile(r"\s*(?:\{['\"]error['\"]|Error|Traceback)")
BOX = re.compile(
    r"\[\s*(-?\d*\.?\d+)\s*,\s*(-?\d*\.?\d+)\s*,\s*(-?\d*\.?\d+)\s*,\s*(-?\d*\.?\d+)\s*\]"
)
TOOL_CALL = {"extractor": "tool_call", "reference": "calls"}


def append(rows: Rows, tails: Sequence[str], **columns: Sequence[Any]) -> Rows:
    """Return the rows with a tail after each completion's text, and further columns."""
    whole = [
        [{"role": "assistant", "content": f"{text}\n{tail}"}]
        for text, tail in zip(texts(rows["completions"]), tails, strict=True)
    ]
    return {**rows, **columns, "completions": whole}


def by_group(values: Sequence[Any], size: int) -> list[Any]:
    """Give each of a group's rows the same value."""
    return [values[row // GROUP % len(values)] for row in range(size)]


# Tool calls ---------------------------------------------------------------------------------------


def write_calls(calls: Sequence[Mapping[str, Any]]) -> str:
    """Write calls in tags, as Hermes and Qwen do."""
    return "\n".join(f"<tool_call>\n{json.dumps(call)}\n</tool_call>" for call in calls)


def bfcl_pairs() -> Iterator[Pair]:
    """BFCL's checker, on its own questions with calls that are right or have one fault."""
    require("bfcl_eval", install="bfcl-eval")
    checker = references.load_bfcl_checker()
    questions = [*references.make_bfcl_cases(8)]

    def with_calls(rows: Rows) -> Rows:
        some = random.Random(SEED).sample(questions, min(len(rows["completions"]), len(questions)))
        tails = [write_calls(json.loads(case.answer)) for case in some]
        rows = {name: values[: len(some)] for name, values in rows.items()}
        wanted, tools = (
            [getattr(case, name) for case in some] for name in ("reference", "context")
        )
        return append(rows, tails, calls=wanted, tools=tools)

    def check(completions: list[Chat], calls: list[Any], tools: list[Any], **_: Any) -> list[float]:
        values = []
        for text, right, (functions, category) in zip(
            texts(completions), calls, tools, strict=True
        ):
            found = map(json.loads, CALL.findall(text))
            given = [{one["name"]: one["arguments"]} for one in found]
            values.append(float(checker(functions, given, right, category)))
        return values

    same = rk.build("correct", verifier={"type": "same_call", "normalize": True}, **TOOL_CALL)
    yield Pair("correct, same_call", same, "ast_checker", check, "hash", change=with_calls)


TOOL = {
    "type": "object",
    "properties": {
        "query": {"type": "string", "minLength": 1},
        "limit": {"type": "integer", "minimum": 1, "maximum": 50},
        "order": {"enum": ["newest", "oldest", "best"]},
    },
    "required": ["query"],
    "additionalProperties": False,
}


def jsonschema_pairs() -> Iterator[Pair]:
    """The package jsonschema, with a validator for each row's tool."""
    validator_class = require("jsonschema", install="jsonschema").Draft202012Validator
    tools = [
        [{"type": "function", "function": {"name": f"search_{number}", "parameters": TOOL}}]
        for number in range(16)
    ]

    def with_tools(rows: Rows) -> Rows:
        rng = random.Random(SEED)
        own = by_group(tools, len(rows["completions"]))
        tails = []
        for (tool,) in own:
            arguments = {"query": "a sofa", "limit": rng.choice([1, 10, 99, "10"])}
            tails.append(write_calls([{"name": tool["function"]["name"], "arguments": arguments}]))
        return append(rows, tails, tools=own)

    def check(completions: list[Chat], tools: list[Any], **_: Any) -> list[float]:
        values = []
        for text, own in zip(texts(completions), tools, strict=True):
            schemas = {one["function"]["name"]: one["function"]["parameters"] for one in own}
            calls = [*map(json.loads, CALL.findall(text))]
            valid = [
                call["name"] in schemas
                and validator_class(schemas[call["name"]]).is_valid(call["arguments"])
                for call in calls
            ]
            values.append(sum(valid) / len(valid) if valid else 0.0)
        return values

    fields = {"extractor": "tool_call", "reference": "tools"}
    valid = rk.build("correct", verifier="valid_call", **fields)
    yield Pair(
        "correct, valid_call", valid, "Draft202012Validator", check, "hash", change=with_tools
    )


def with_turns(rows: Rows) -> Rows:
    """Make three messages of each completion: a call, a tool's reply, and the text."""
    rng = random.Random(SEED)
    whole = []
    for number, text in enumerate(texts(rows["completions"])):
        function = {"name": "search", "arguments": json.dumps({"query": f"sofa {number}"})}
        call = {"type": "function", "function": function}
        reply = rng.choice(["{'error': 'no network'}", '{"results": [1, 2]}', "Nothing found."])
        whole.append(
            [
                {"role": "assistant", "content": "I look it up.", "tool_calls": [call]},
                {"role": "tool", "name": "search", "content": reply},
                {"role": "assistant", "content": text},
            ]
        )
    return {**rows, "completions": whole}


def is_json(text: str) -> bool:
    """Return whether arguments can be read."""
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def failed_calls(completions: list[Any], **_: Any) -> list[float]:
    """Return minus the share of calls that cannot be read, or whose reply reports an error."""
    values = []
    for messages in completions:
        calls = [call for one in messages for call in one.get("tool_calls") or ()]
        unread = sum(not is_json(call["function"]["arguments"]) for call in calls)
        replies = [one["content"] for one in messages if one["role"] == "tool"]
        failed = sum(bool(ERROR.match(reply)) for reply in replies)
        total = max(len(calls), len(replies))
        values.append(-min(unread + failed, total) / total if total else 0.0)
    return values


def joined_words(completions: list[Any], **_: Any) -> list[float]:
    """Return minus the distance from 100 words of all turns."""
    joined = [
        "\n\n".join(one["content"] for one in messages if one["role"] == "assistant")
        for messages in completions
    ]
    return off_target_words([[{"role": "assistant", "content": text}] for text in joined])


def turns_off_target(completions: list[Any], **_: Any) -> list[float]:
    """Return a tenth for each turn beyond or below two, as a cost."""
    counts = [sum(one["role"] == "assistant" for one in messages) for messages in completions]
    return [-0.1 * abs(count - 2) for count in counts]


def turn_pairs() -> Iterator[Pair]:
    """Loops over the messages of completions with tools."""
    words = rk.build("length", target=100, unit="words")
    count = rk.build("length", target=2, unit="turns", penalty=0.1)
    by_hand = partial(Pair, style="hash", change=with_turns)
    yield by_hand("tool_errors", rk.build("tool_errors"), "errors counted", failed_calls)
    yield by_hand("turn, all", rk.build("turn", reward=words), "words of all turns", joined_words)
    yield by_hand("length, turns", count, "messages counted", turns_off_target)


# Short answers and boxes --------------------------------------------------------------------------

NAMES = ("the old bridge", "Bridge, Old", "An O'Neill cup", "in July 1969", "1969.", "a B.C. river")


def with_names(rows: Rows) -> Rows:
    """Append a short answer, with two right ones."""
    rng = random.Random(SEED)
    size = len(rows["completions"])
    tails = [f"<answer>{rng.choice(NAMES)}</answer>" for _ in range(size)]
    return append(rows, tails, answer=by_group([rng.sample(NAMES, 2) for _ in range(16)], size))


def normalize_answer(text: str) -> str:
    """SQuAD's normalization."""
    text = "".join(letter for letter in text.lower() if letter not in set(string.punctuation))
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", text).split())


def overlap_words(given: str, right: str) -> float:
    """SQuAD's F1 of two texts."""
    found, wanted = normalize_answer(given).split(), normalize_answer(right).split()
    shared = sum((Counter(found) & Counter(wanted)).values())
    if not shared:
        return 0.0
    precision, recall = shared / len(found), shared / len(wanted)
    return 2 * precision * recall / (precision + recall)


def best_answer(
    measure: Callable[[str, str], float], completions: list[Chat], answer: list[Any], **_: Any
) -> list[float]:
    """Measure each answer beside those that are right, and take the best value."""
    found = [ANSWER.search(text) for text in texts(completions)]
    return [
        max(measure(match[1], right) for right in own) if match else 0.0
        for match, own in zip(found, answer, strict=True)
    ]


def with_boxes(rows: Rows) -> Rows:
    """Append a box, with the right one as a list."""
    rng = random.Random(SEED)

    def make_box() -> list[float]:
        x, y = rng.randint(0, 600), rng.randint(0, 400)
        return [x, y, x + rng.randint(10, 400), y + rng.randint(10, 300) + 0.5]

    size = len(rows["completions"])
    tails = [
        f"<answer>{json.dumps({'bbox_2d': make_box(), 'label': 'sofa'})}</answer>"
        for _ in range(size)
    ]
    return append(rows, tails, box=by_group([make_box() for _ in range(size)], size))


def overlap_boxes(completions: list[Chat], box: list[list[float]], **_: Any) -> list[float]:
    """Return the intersection over union of the first box in the answer, as VLM-R1 does."""
    values = []
    for text, right in zip(texts(completions), box, strict=True):
        answer = ANSWER.search(text)
        match = BOX.search(answer[1]) if answer else None
        if match is None:
            values.append(0.0)
            continue
        left, top, end, bottom = map(float, match.groups())
        width = max(min(end, right[2]) - max(left, right[0]), 0)
        height = max(min(bottom, right[3]) - max(top, right[1]), 0)
        areas = (end - left) * (bottom - top) + (right[2] - right[0]) * (right[3] - right[1])
        values.append(width * height / (areas - width * height))
    return values


def answer_pairs() -> Iterator[Pair]:
    """SQuAD's evaluation script, and the box of VLM-R1."""
    f1 = rk.build("correct", verifier="token_f1")
    exact = rk.build("correct", verifier="exact_match")
    # 1 is reached by the same box alone, so that the value is the overlap
    overlap = rk.build("correct", verifier={"type": "iou", "threshold": 1.0}, reference="box")
    same: Peer = partial(
        best_answer, lambda one, other: float(normalize_answer(one) == normalize_answer(other))
    )
    by_hand = partial(Pair, style="hash")
    measured: Peer = partial(best_answer, overlap_words)
    yield by_hand("correct, exact_match", exact, "SQuAD's script", same, change=with_names)
    yield by_hand("correct, token_f1", f1, "SQuAD's script", measured, change=with_names)
    yield by_hand("correct, iou", overlap, "VLM-R1's box", overlap_boxes, change=with_boxes)


# Other packages' checks ---------------------------------------------------------------------------

in_workers = partial(Pair, style="hash", rows=FEW, in_workers=True)
"""A pair whose reward always needs worker processes."""
INSTRUCTIONS: list[list[tuple[str, dict[str, Any]]]] = [
    [("punctuation:no_comma", {})],
    [("length_constraints:number_words", {"num_words": 200, "relation": "at least"})],
    [
        ("keywords:existence", {"keywords": ["train", "apples"]}),
        ("detectable_format:number_bullet_lists", {"num_bullets": 3}),
    ],
    [("keywords:forbidden_words", {"forbidden_words": ["dollars"]}), ("startend:quotation", {})],
]


def instruction_pairs() -> Iterator[Pair]:
    """if-verifiable's own scores."""
    check_installed("if_verifiable", install="rewardkit[instructions]")
    score = references.load_instruction_scorer()

    def with_instructions(rows: Rows) -> Rows:
        own = by_group(INSTRUCTIONS, len(rows["completions"]))
        ids = [[name for name, _ in one] for one in own]
        return {
            **rows,
            "instruction_id_list": ids,
            "kwargs": [[dict(a) for _, a in o] for o in own],
        }

    def check(
        prompts: list[Chat],
        completions: list[Chat],
        instruction_id_list: list[Any],
        kwargs: list[Any],
        **_: Any,
    ) -> list[float]:
        rows = zip(prompts, texts(completions), instruction_id_list, kwargs, strict=True)
        return [
            score(text, ids, given, prompt[-1]["content"]).partial_strict
            for prompt, text, ids, given in rows
        ]

    columns = ("instruction_id_list", "kwargs")
    follows = rk.build("correct", verifier="instructions", extractor="whole", reference=columns)
    called = "correct, instructions"
    yield in_workers(called, follows, "evaluate_instructions", check, change=with_instructions)


def gym_pairs() -> Iterator[Pair]:
    """The scorers of Reasoning Gym's own datasets."""
    gym = require("reasoning_gym", install="rewardkit[gym]")
    datasets = [
        gym.create_dataset(name, size=2, seed=SEED)
        for name in ("countdown", "gcd", "spell_backward", "mini_sudoku")
    ]
    entries = [dataset[index] for dataset in datasets for index in range(2)]

    def with_entries(rows: Rows) -> Rows:
        rng = random.Random(SEED)
        own = by_group(entries, len(rows["completions"]))
        given = [rng.choice([entry["answer"], "7", entry["answer"][:-1]]) for entry in own]
        return append(
            rows,
            [f"<answer>{text}</answer>" for text in given],
            answer=[entry["answer"] for entry in own],
            metadata=[entry["metadata"] for entry in own],
        )

    scorer = cache(gym.get_score_answer_fn)

    def check(
        completions: list[Chat], answer: list[str], metadata: list[Any], **_: Any
    ) -> list[float]:
        values = []
        for text, right, own in zip(texts(completions), answer, metadata, strict=True):
            match = ANSWER.search(text)
            entry = {"question": "", "answer": right, "metadata": own}
            found = match[1].strip() if match else None
            values.append(
                scorer(own["source_dataset"])(answer=found, entry=entry) if found else 0.0
            )
        return values

    solved = rk.build("correct", verifier="reasoning_gym", reference=("answer", "metadata"))
    called = "correct, reasoning_gym"
    yield in_workers(called, solved, "get_score_answer_fn", check, change=with_entries)


# Groups -------------------------------------------------------------------------------------------


def group_pairs() -> Iterator[Pair]:
    """The rules in numpy, for groups of one size, of a rule by hand."""
    numpy = require("numpy", install="rewardkit[language]")
    tags = rk.build("tag_count", tags=("think", "answer"), once=0.25, otherwise=0.0)

    def grouped(rule: Callable[[Any], Any]) -> Peer:
        def peer(completions: list[Chat], **_: Any) -> list[float]:
            values = numpy.array(tags_once(completions)).reshape(-1, GROUP)
            return numpy.broadcast_to(rule(values), values.shape).ravel().tolist()  # type: ignore[no-any-return]

        return peer

    def standardized(values: Any, axis: int | None = 1) -> Any:
        mean = values.mean(axis, keepdims=True)
        deviation = values.std(axis, ddof=1, keepdims=True)
        return numpy.where(deviation > 0, (values - mean) / numpy.maximum(deviation, 1e-12), 0.0)

    def ranked(values: Any) -> Any:
        row, others = values[:, :, None], values[:, None, :]
        below = (row > others).sum(2) + ((row == others).sum(2) - 1) / 2
        return below / (GROUP - 1)

    def weighed(values: Any) -> Any:
        rate = (values >= 1).mean(1, keepdims=True)
        return (1 - abs(2 * rate - 1)) * values

    for called, name, fields, says, rule in (
        ("relative, rank", "relative", {}, "ranks", ranked),
        ("relative, z_score", "relative", {"by": "z_score"}, "GRPO's advantage", standardized),
        ("difficulty", "difficulty", {}, "weight by pass rate", weighed),
        ("best_of", "best_of", {}, "the maximum", lambda values: values.max(1, keepdims=True)),
        ("standardize", "standardize", {}, "mean and std", partial(standardized, axis=None)),
    ):
        reward = rk.build(name, reward=tags, **fields)
        yield Pair(called, reward, f"numpy, {says}", grouped(rule), "blocks")


SOURCES: dict[str, Callable[[], Iterator[Pair]]] = {
    "bfcl-eval": bfcl_pairs,
    "jsonschema": jsonschema_pairs,
    "if-verifiable": instruction_pairs,
    "reasoning-gym": gym_pairs,
    "by hand, answers": answer_pairs,
    "by hand, turns": turn_pairs,
    "by hand, groups": group_pairs,
}
"""Where the peers are from."""
PACKAGES = ("bfcl-eval", "jsonschema", "if-verifiable", "reasoning-gym")
