"""The peers that `throughput.py` compares the rewards with, and completions for both.

A peer is a function of an installed package, or a published rule written by hand, as people paste
it. Both sides get the same rows, with a trainer's arguments. A package that is not installed is
reported as skipped. To install all of them:

    pip install 'rewardkit[gym,instructions,judge,language,math,schema,trl]' jsonschema py3langid
    pip install --no-deps bfcl-eval==2026.3.23 tenacity verifiers==0.1.14

The dependencies of the last ones are left out, since they are API clients and sandboxes that these
benchmarks do not use. `leaf_peers.py` has the peers of rewards for tools, boxes, short answers,
instructions and groups, and `model_peers.py` those of rewards that ask a model.
"""

from __future__ import annotations

import logging
import math
import random
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from itertools import accumulate, groupby
from operator import itemgetter
from typing import Any

import rewardkit as rk
from rewardkit import presets
from rewardkit._optional import require
from rewardkit.presets import published

Chat = list[dict[str, str]]
Peer = Callable[..., Sequence[float | None]]

SHORT, LONG = (300, 1500), (3000, 5000)
"""The least and the most characters of a completion; the long ones are about 1,000 tokens."""
GROUP, GROUPS = 8, (16, 64)
"""Completions of one prompt, and of one where `diversity` has more to compare."""
MALFORMED = 0.3
STYLES = {
    "think": "<think>\n{thought}\n</think>\nThe answer is \\boxed{{{answer}}}.",
    "bare": "<think>\n{thought}\n</think>\n{answer}",
    "blocks": "<think>\n{thought}\n</think>\n<answer>\n{answer}\n</answer>",
    "xml": "<reasoning>\n{thought}\n</reasoning>\n<answer>\n{answer}\n</answer>\n",
    "hash": "{thought}\n#### {answer}",
}
"""How a completion is laid out."""
ENGLISH = (
    "We add {a} and {b}, which makes {c} in all. ",
    "First, she sells {a} eggs at ${b} each.\n",
    "So the whole price is {a} * {b} = {c} dollars.\n",
    "Step {n}: divide {c} by {a}, and keep what is left over.\n",
    "- That leaves {b} apples for the other {a} children.\n",
    "Wait, let me look at that again: the train left at {n} and came back after {b} hours. ",
    "Half of {c} is more than {a}, so there must have been a mistake in the second line. ",
    "Next, we multiply the number of days by the number of pages that he reads on each of them. ",
)
INDONESIAN = (
    "Kita tambahkan {a} dan {b}, sehingga jumlahnya menjadi {c}. ",
    "Pertama, dia menjual {a} butir telur dengan harga {b} ribu rupiah.\n",
    "Jadi harga seluruhnya adalah {a} * {b} = {c} rupiah.\n",
    "- Sisanya {b} apel untuk {a} anak yang lain.\n",
    "Tunggu, mari kita periksa lagi: kereta itu berangkat pukul {n} dan kembali setelah {b} jam. ",
    "Kemudian kita kalikan jumlah hari dengan jumlah halaman yang dibacanya setiap hari. ",
)
RARE = ("Since {a} < {b}, this cannot be.\n", "It\u2019s {a} \u00d7 {b}. ", "Let $x = {a}$. ")
"""A tenth of the completions has one of these: an angle, characters beyond ASCII, LaTeX."""


def vocabulary(size: int, seed: int = 3407) -> list[str]:
    """Return this many distinct made-up words, each of one to four syllables."""
    rng = random.Random(seed)
    words: dict[str, None] = {}
    while len(words) < size:
        sounds = (
            rng.choice("bdfgklmnprstvw") + rng.choice("aeiou") for _ in range(rng.randint(1, 4))
        )
        words["".join(sounds) + rng.choice(("", "n", "s", "t"))] = None
    return list(words)


def zipf(size: int) -> list[float]:
    """Return the cumulative weights of this many ranks: 1 / (rank + 10), as in natural language."""
    return list(accumulate(1 / (rank + 10) for rank in range(size)))


TOKENS = range(50_000)
VOCABULARY = vocabulary(20_000)


@dataclass(frozen=True)
class Step:
    """The completions of one step in every style, with their prompts and references."""

    prompts: list[Chat]
    answers: list[str]
    ids: list[list[int]]
    completions: dict[str, list[Chat]]

    def batch(self, style: str, rows: int | None = None) -> dict[str, Any]:
        """Return the arguments that a trainer passes, by keyword, for the first rows or all."""
        columns: dict[str, list[Any]] = {
            "prompts": self.prompts,
            "completions": self.completions[style],
            "completion_ids": self.ids,
            "answer": self.answers,
            "solution": self.answers,
            "task": [("math", "other")[row // GROUP % 2] for row in range(len(self.answers))],
        }
        return {name: values[:rows] for name, values in columns.items()}


def made(
    rows: int,
    size: tuple[int, int],
    *,
    group: int = GROUP,
    words: Sequence[str] = (),
    seed: int = 3407,
) -> Step:
    """Return a step of this many completions; 30 % are malformed.

    The texts are sentences with numbers, or made-up words with a Zipf distribution.
    """
    rng = random.Random(seed)
    step = Step([], [], [], {style: [] for style in STYLES})
    weights, of_tokens = zipf(len(words)), zipf(len(TOKENS))
    question = answer = ""

    def prose(length: int, sentences: Sequence[str]) -> str:
        return zipfian(rng, length, words, weights) if words else thought(rng, length, sentences)

    for row in range(rows):
        if row % group == 0:
            question = f"{prose(200, ENGLISH)}How many are there now?"
            answer = str(rng.randint(0, 20_000))
        text = prose(rng.randint(*size) - 60, rng.choice((ENGLISH, INDONESIAN)))
        given = rng.choice((answer, answer, f"{int(answer):,}", str(rng.randint(0, 20_000))))
        step.prompts.append([{"role": "user", "content": question}])
        step.answers.append(answer)
        step.ids.append(rng.choices(TOKENS, cum_weights=of_tokens, k=len(text) // 4))
        broken = rng.random() < MALFORMED
        for style, layout in STYLES.items():
            whole = layout.format(thought=text, answer=given)
            content = malformed(rng, whole, text) if broken else whole
            step.completions[style].append([{"role": "assistant", "content": content}])
    return step


def thought(rng: random.Random, size: int, sentences: Sequence[str]) -> str:
    """Return sentences with numbers in them, about this many characters long."""
    parts: list[str] = []
    length = 0
    rare = rng.random() < 0.1  # noqa: PLR2004 - a tenth
    while length < size:
        sentence = rng.choice(RARE if rare and not parts else sentences)
        numbers = {"a": rng.randint(2, 99), "b": rng.randint(2, 999), "n": rng.randint(1, 12)}
        parts.append(sentence.format(**numbers, c=f"{rng.randint(1000, 99_999):,}"))
        length += len(parts[-1])
    rng.shuffle(parts)
    return "".join(parts).strip()


def zipfian(rng: random.Random, size: int, words: Sequence[str], weights: list[float]) -> str:
    """Return sentences of Zipf-distributed words, about this many characters long."""
    parts: list[str] = []
    length = 0
    while length < size:
        said = rng.choices(words, cum_weights=weights, k=rng.randint(5, 20))
        parts.append(" ".join(said).capitalize() + ". ")
        length += len(parts[-1])
    return "".join(parts).strip()


def malformed(rng: random.Random, whole: str, text: str) -> str:
    """Return a completion with a missing or repeated tag, a tail, or only the reasoning."""
    mark = rng.choice(re.findall(r"</?[a-z]+>|\\boxed|####", whole))
    return rng.choice((whole.replace(mark, "", 1), f"{whole}\n{mark}", whole + text[:200], text))


# --- Rules written by hand: each takes a trainer's arguments, and returns a list.


def texts(completions: Iterable[Chat]) -> list[str]:
    """Return the completions' texts."""
    return [completion[0]["content"] for completion in completions]


def two_blocks(completions: list[Chat], **_: Any) -> list[float]:
    """open-r1's format reward: a think block and an answer block, and nothing else."""
    pattern = r"<think>\n(.*?)\n</think>\n<answer>\n(.*?)\n</answer>"
    return [1.0 if re.fullmatch(pattern, text, re.DOTALL) else 0.0 for text in texts(completions)]


def tags_once(completions: list[Chat], **_: Any) -> list[float]:
    """open-r1's tag count: a quarter for each of four tags that occurs exactly once."""
    tags = ("<think>", "</think>", "<answer>", "</answer>")
    return [sum(0.25 for tag in tags if text.count(tag) == 1) for text in texts(completions)]


def steps_marked(completions: list[Chat], **_: Any) -> list[float]:
    """open-r1's reasoning steps: a third for each marked step, up to three."""
    pattern = r"Step \d+:|^\d+\.|\n[-*]|First,|Second,|Next,|Finally,"
    return [min(1.0, len(re.findall(pattern, text)) / 3) for text in texts(completions)]


def boxed(text: str) -> str | None:
    r"""Return the content of the last \boxed{...} that has no braces in it."""
    found = re.findall(r"\\boxed\{([^{}]*)\}", text)
    return found[-1] if found else None


def cosine(completions: list[Chat], answer: list[str], **_: Any) -> list[float]:
    """open-r1's cosine: by length from 1 to 0.5 if correct, from -1 to -0.5 if wrong."""
    values = []
    for text, right in zip(texts(completions), answer, strict=True):
        low, high = (0.5, 1.0) if boxed(text) == right else (-0.5, -1.0)
        progress = min(len(text) / 5000, 1.0)
        values.append(low + 0.5 * (high - low) * (1.0 + math.cos(progress * math.pi)))
    return values


Split = Callable[[str], list[str]]
"""Gives the words of a text in lower case: at spaces as published, or with `WORDS.findall`."""


def repeated(completions: list[Chat], split: Split = str.split, **_: Any) -> list[float]:
    """open-r1's repetition penalty: the share of word trigrams that occurred before."""
    values = []
    for text in texts(completions):
        words = split(text.lower())
        if len(words) < 3:  # noqa: PLR2004 - a trigram's
            values.append(0.0)
            continue
        seen, total = set(), 0
        for gram in zip(words, words[1:], words[2:], strict=False):
            seen.add(gram)
            total += 1
        values.append(-(1 - len(seen) / total))
    return values


def off_target(completions: list[Chat], **_: Any) -> list[float]:
    """Return minus the distance from 50 characters: the course's reward_len."""
    return [-float(abs(50 - len(completion[0]["content"]))) for completion in completions]


def off_target_fixed(completions: list[Chat], **_: Any) -> list[float]:
    """reward_len, fixed: takes the last message, with or without content, and drops end tokens."""
    values = []
    for completion in completions:
        text = completion[-1].get("content") or ""
        for token in ("<|endoftext|>", "<|im_end|>", "</s>"):
            text = text.removesuffix(token)
        values.append(-float(abs(50 - len(text))))
    return values


def off_target_words(completions: list[Chat], **_: Any) -> list[float]:
    """Return minus the distance from 100 words."""
    return [-float(abs(100 - len(completion[0]["content"].split()))) for completion in completions]


def searched(completions: list[Chat], **_: Any) -> list[float]:
    """Return 1.0 for each completion in which a pattern is found."""
    return [1.0 if re.search(BOXED_INTEGER, text) else 0.0 for text in texts(completions)]


def searched_in_time(completions: list[Chat], **_: Any) -> list[float]:
    """Do the same with the `regex` package and its time limit."""
    regex = require("regex", install="regex")
    found = [regex.search(BOXED_INTEGER, text, timeout=0.1) for text in texts(completions)]
    return [1.0 if match else 0.0 for match in found]


def fourgrams(text: str, split: Split) -> list[tuple[str, ...]]:
    """Return the four-word sequences of a text."""
    words = split(text.lower())
    return list(zip(words, words[1:], words[2:], words[3:], strict=False))


def copied(
    prompts: list[Chat], completions: list[Chat], split: Split = str.split, **_: Any
) -> list[float]:
    """Return minus the share of a completion's four-word sequences that occur in its prompt."""
    values = []
    for prompt, text in zip(prompts, texts(completions), strict=True):
        theirs, ours = set(fourgrams(prompt[-1]["content"], split)), fourgrams(text, split)
        values.append(-sum(gram in theirs for gram in ours) / len(ours) if ours else 0.0)
    return values


def unlike(
    prompts: list[Chat], completions: list[Chat], split: Split = str.split, **_: Any
) -> list[float]:
    """Return the mean Jaccard distance of the words to the other completions of the prompt."""
    values = []
    rows = zip(prompts, texts(completions), strict=True)
    for _prompt, group in groupby(rows, key=itemgetter(0)):
        sets = [set(split(text.lower())) for _, text in group]
        for one, words in enumerate(sets):
            others = sets[:one] + sets[one + 1 :]
            distances = [1 - len(words & other) / len(words | other) for other in others]
            values.append(sum(distances) / len(distances))
    return values


def integer_boxed(completions: list[Chat], **_: Any) -> list[float]:
    """Check that the boxed answer is an integer."""
    numbers = [number_of(boxed(text)) for text in texts(completions)]
    return [0.5 if number is not None and number == int(number) else 0.0 for number in numbers]


# --- The think recipe by hand: the notebook's rules, and the rules as fixed by the presets.


def closes(completions: list[Chat], **_: Any) -> list[float]:
    """match_format_exactly: 3 if the closing tag occurs."""
    pattern = re.compile(r"</think>(.*)", re.DOTALL)
    return [3.0 if pattern.search(text) else 0.0 for text in texts(completions)]


def closes_fixed(completions: list[Chat], **_: Any) -> list[float]:
    """match_format_exactly, fixed: 3 for one think block and one answer, both not empty."""
    values = []
    for text in texts(completions):
        match = re.fullmatch(r"\s*(?:<think>)?(.*?)</think>(.*)", text, re.DOTALL)
        once = text.count("<think>") <= 1 and text.count("</think>") == 1
        values.append(3.0 if match and once and all(map(str.strip, match.groups())) else 0.0)
    return values


def tags_approximate(completions: list[Chat], **_: Any) -> list[float]:
    """match_format_approximately: 0.5 for each of two tags that occurs once, else -1."""
    values = []
    for text in texts(completions):
        value = 0.5 if text.count("<think>") == 1 else -1.0
        value += 0.5 if text.count("</think>") == 1 else -1.0
        values.append(value)
    return values


def tags_approximate_fixed(completions: list[Chat], **_: Any) -> list[float]:
    """The same, fixed: the closing tag must end a think block and precede an answer."""
    values = []
    for text in texts(completions):
        value = 0.5 if text.count("<think>") == 1 else -1.0
        head, closing, answer = text.partition("</think>")
        empty = "<think>" in head and not head.partition("<think>")[2].strip()
        right = closing and "</think>" not in answer and answer.strip() and not empty
        values.append(value + (0.5 if right else -1.0))
    return values


def nearness(completions: list[Chat], answer: list[str], **_: Any) -> list[float]:
    """check_answer: the same text, the same stripped text, or a near number."""
    values = []
    for text, right in zip(texts(completions), answer, strict=True):
        found = re.search(r"</think>(.*)", text, re.DOTALL)
        if found is None:
            values.append(-2.0)
        elif found[1] == right:
            values.append(5.0)
        elif found[1].strip() == right.strip():
            values.append(3.5)
        else:
            try:
                ratio = float(found[1]) / float(right)
            except (ValueError, ZeroDivisionError):
                values.append(-4.5)
            else:
                values.append(banded(ratio))
    return values


def nearness_fixed(completions: list[Chat], answer: list[str], **_: Any) -> list[float]:
    """check_answer, fixed: reads numbers as people write them, and rewards equal ones."""
    values = []
    for text, right in zip(texts(completions), answer, strict=True):
        found = re.search(r"</think>(.*)", text, re.DOTALL)
        if found is None:
            values.append(-2.0)
        elif found[1] == right:
            values.append(5.0)
        elif found[1].strip() == right.strip():
            values.append(3.5)
        else:
            given, wanted = number_of(found[1].strip()), number_of(right.strip())
            if given is None or wanted is None:
                values.append(-4.5)
            elif given == wanted:
                values.append(3.5)
            else:
                values.append(banded(float(given / wanted)) if wanted else -2.5)
    return values


def banded(ratio: float) -> float:
    """Return the value for a ratio to the reference."""
    if 0.9 <= ratio <= 1.1:  # noqa: PLR2004 - the recipe's
        return 2.0
    return 1.5 if 0.8 <= ratio <= 1.2 else -2.5  # noqa: PLR2004 - the recipe's


def first_number(completions: list[Chat], answer: list[str], **_: Any) -> list[float]:
    """check_numbers: the first number in the text."""
    pattern = re.compile(r"-?[\d.,]+")
    values = []
    for text, right in zip(texts(completions), answer, strict=True):
        found = pattern.search(text)
        if found is None:
            values.append(-2.5)
            continue
        try:
            same = float(found[0].replace(",", "")) == float(right)
        except ValueError:
            values.append(0.0)
        else:
            values.append(3.5 if same else -1.5)
    return values


def only_number(completions: list[Chat], answer: list[str], **_: Any) -> list[float]:
    """check_numbers, fixed: the only number after the think block."""
    values = []
    for text, right in zip(texts(completions), answer, strict=True):
        numbers = {number_of(found) for found in NUMBER.findall(text.partition("</think>")[2])}
        if len(numbers) != 1:
            values.append(-2.5)
        else:
            values.append(3.5 if numbers.pop() == number_of(right) else -1.5)
    return values


def number_of(text: str | None) -> Decimal | None:
    """Read a text as a number."""
    if text is None or not NUMBER.fullmatch(text):
        return None
    return Decimal(text.replace("$", "").replace(",", "").rstrip("%"))


WORDS = re.compile(
    r"[^\W_]+(?:['\u2019](?!\d)[^\W_]+|(?<=\d)(?:[.,:/]\d+){1,3})?"
    r"|[$+=^`|~\u00d7]|(?<!\S)[^\w\s]+(?!\S)"
)
"""Words without their punctuation, numbers with their separators, and symbols."""
NUMBER = re.compile(r"[-+]?\$?[0-9][0-9,]*(?:\.[0-9]+)?%?")
SENTENCE = r"[.!?\n]+"
CANDIDATES = ("de", "en", "es", "fr", "id", "it", "ja", "ko", "pt", "ru", "vi", "zh")
LABELS = {"id": 5.0, "en": -3.0, "zh": -3.0}
BOXED_NUMBER = {"verifier": "number", "extractor": "boxed"}
BOXED_MATH = {"verifier": "math", "extractor": "boxed"}
BOXED_INTEGER = r"\\boxed\{-?[0-9][0-9,]*\}"


# --- The pairs.


@dataclass(frozen=True)
class Pair:
    """A reward and its peer, a short name for each, and the rows that both get."""

    called: str
    reward: rk.Reward
    says: str
    peer: Peer
    style: str = "think"
    """How the completions are laid out."""
    rows: int | None = None
    """How many of them, where a peer takes milliseconds for one; None for all."""
    has_same_rule: bool = True
    """Whether the peer applies the reward's own rule; else the ratio has no bound."""
    change: Callable[[dict[str, Any]], dict[str, Any]] | None = None
    """Makes rows of its own from those of the step, with further columns."""
    in_workers: bool = False
    """Whether a side works in other processes, whose processor time counts too."""
    within: float = 1e-9
    """How far two scores of a row may differ and be alike."""

    def batch(self, step: Step) -> dict[str, Any]:
        """Return the arguments of both sides."""
        given = step.batch(self.style, self.rows)
        return given if self.change is None else self.change(given)


FEW, FEWER = 64, 16


def trl_pairs() -> Iterator[Pair]:
    """TRL's own rewards (trl.rewards)."""
    trl = require("trl.rewards", install="rewardkit[trl]")
    late = rk.build("overlong", max_tokens=1100, cache_tokens=300)
    punished = trl.get_soft_overlong_punishment(1100, 300)
    again = rk.build("repetition", unit="tokens")
    penalised = trl.get_repetition_penalty_reward(3, -1.0)
    yield Pair("think_format", rk.build("think_format"), "think_format", trl.think_format_reward)
    yield Pair("overlong", late, "soft_overlong_punishment", punished)
    yield Pair("repetition, tokens", again, "repetition_penalty", penalised)


def math_pairs() -> Iterator[Pair]:
    """TRL's rewards that use math-verify."""
    trl = require("trl.rewards", install="rewardkit[trl]")
    require("math_verify", install="rewardkit[math]")
    right = rk.build("correct", **BOXED_MATH)
    close = rk.build("cosine_length", **BOXED_MATH, unit="tokens", max_length=1250)
    scaled = trl.get_cosine_scaled_reward(max_len=1250)
    for says in ("accuracy_reward", "reasoning_accuracy_reward"):
        yield Pair("correct, math in box", right, f"TRL {says}", getattr(trl, says), rows=FEW)
    yield Pair("cosine_length, math", close, "TRL cosine_scaled_reward", scaled, rows=FEW)


def verifiers_pairs() -> Iterator[Pair]:
    """The format rewards of verifiers' parsers, and comparisons of their answers."""
    vf = require("verifiers", install="verifiers==0.1.14")
    logging.getLogger("verifiers").setLevel(logging.ERROR)  # it warns about models for each parser
    think = vf.ThinkParser().get_format_reward_func()
    in_tag = vf.XMLParser(["reasoning", "answer"])
    blocks = in_tag.get_format_reward_func()
    in_box = vf.Parser(partial(vf.extract_boxed_answer, strict=True))
    after_hash = vf.Parser(vf.extract_hash_answer)

    def thinks(completions: list[Chat], **_: Any) -> list[float]:
        return [think(completion) for completion in completions]

    def has_blocks(completions: list[Chat], **_: Any) -> list[float]:
        return [blocks(completion) for completion in completions]

    def right(parser: Any, completions: list[Chat], answer: list[str], **_: Any) -> list[float]:
        rows = zip(completions, answer, strict=True)
        return [float(parser.parse_answer(completion) == wanted) for completion, wanted in rows]

    yield Pair("think_format", rk.build("think_format"), "ThinkParser format", thinks)
    for name in ("xml_strict", "xml_soft", "xml_count", "tag_count"):
        yield Pair(name, rk.build(name), "XMLParser format", has_blocks, "xml")
    for extractor, says, parser, style in (
        ("tag", "XMLParser", in_tag, "xml"),
        ("boxed", "Parser(extract_boxed_answer)", in_box, "think"),
        ("hash", "Parser(extract_hash_answer)", after_hash, "hash"),
    ):
        exact = rk.build("correct", verifier="exact", extractor=extractor)
        yield Pair(f"correct, exact in {extractor}", exact, says, partial(right, parser), style)


def langid_pairs(module: str = "langid") -> Iterator[Pair]:
    """A separate langid model with the same candidates, for each text or each sentence."""
    backend = require(f"{module}.langid", install=module)
    load = backend.LanguageIdentifier
    given = {"candidates": CANDIDATES, "backend": module}

    def classifier(candidates: Any) -> Callable[[str], tuple[str, float]]:
        py3 = module == "py3langid"
        own = load.from_model_file(backend.MODEL_FILE) if py3 else None
        own = own or load.from_modelstring(backend.model)
        if candidates not in (None, "all"):
            own.set_languages(list(candidates))
        return own.classify  # type: ignore[no-any-return]

    def labels(candidates: Any) -> Peer:
        classify = classifier(candidates)

        def peer(completions: list[Chat], **_: Any) -> list[float]:
            return [LABELS.get(classify(text)[0], -5.0) for text in texts(completions)]

        return peer

    def shares(candidates: Sequence[str]) -> Peer:
        classify = classifier(candidates)

        def peer(completions: list[Chat], **_: Any) -> list[float]:
            values = []
            for text in texts(completions):
                sentences = [part for part in re.split(SENTENCE, text) if part.strip()]
                found = [classify(sentence)[0] for sentence in sentences]
                values.append(found.count("id") / len(found) if found else 0.0)
            return values

        return peer

    label = rk.build("language", scores=LABELS, other=-5.0, **given)
    share = rk.build("language", target="id", **given)
    yield Pair("language, label", label, "classify each text", labels(CANDIDATES), rows=FEW)
    yield Pair("language, share", share, "classify each sentence", shares(CANDIDATES), rows=FEWER)
    if module == "langid":
        name = "format_and_language_reward_func"
        for whose, kit in (("presets", presets), ("published", published)):
            reward = getattr(kit, name)
            peer = labels(reward.candidates)
            called = f"{whose}.{name}"
            yield Pair(called, reward, "classify each text", peer, "bare", FEWER)


def py3langid_pairs() -> Iterator[Pair]:
    """py3langid, used in the same way."""
    yield from langid_pairs("py3langid")


def by_hand_pairs() -> Iterator[Pair]:
    """Published rules that are not in any package, and the rules of the recipes."""
    two = rk.build("think_format", tags=("think", "answer"))
    quarters = rk.build("tag_count", tags=("think", "answer"), once=0.25, otherwise=0.0)
    close = rk.build("cosine_length", verifier="exact", extractor="boxed", max_length=5000)
    words = rk.build("length", target=100, unit="words")
    pattern = rk.build("regex_match", pattern=BOXED_INTEGER)
    integer = rk.build("is_number", extractor="boxed")
    yield Pair("think_format, two blocks", two, "open-r1's format", two_blocks, "blocks")
    yield Pair("tag_count, quarters", quarters, "open-r1's tag count", tags_once, "blocks")
    yield Pair("reasoning_steps", rk.build("reasoning_steps"), "open-r1's steps", steps_marked)
    yield Pair("cosine_length, exact", close, "open-r1's cosine", cosine)
    yield Pair("length, words", words, "words counted", off_target_words)
    yield Pair("regex_match", pattern, "re.search", searched)
    yield Pair("regex_match", pattern, "regex, with a time limit", searched_in_time)
    yield Pair("is_number, in box", integer, "re and Decimal", integer_boxed)
    for name, says, rule in (
        ("prompt_overlap", "share of fourgrams", copied),
        ("diversity", "mean Jaccard distance", unlike),
        ("repetition", "open-r1's repetition", repeated),
    ):
        reward = rk.build(name)
        same: Peer = partial(rule, split=WORDS.findall)
        yield Pair(name, reward, says, rule, has_same_rule=False)
        yield Pair(name, reward, f"{says}, the same words", same)
    for name, notebook, fixed in (
        ("match_format_exactly", closes, closes_fixed),
        ("match_format_approximately", tags_approximate, tags_approximate_fixed),
        ("check_answer", nearness, nearness_fixed),
        ("check_numbers", first_number, only_number),
    ):
        one, other = getattr(published, name), getattr(presets, name)
        yield Pair(f"published.{name}", one, "the notebook's rule", notebook, "bare")
        yield Pair(
            f"presets.{name}", other, "the notebook's rule", notebook, "bare", has_same_rule=False
        )
        yield Pair(f"presets.{name}", other, "the fixed rule", fixed, "bare")
    yield Pair("presets.reward_len", presets.reward_len, "the course's rule", off_target)
    yield Pair("presets.reward_len", presets.reward_len, "the fixed rule", off_target_fixed)


def algebra_pairs() -> Iterator[Pair]:
    """Hand-written loops that do what sums, products and wrappers do with two of the rules."""
    tags = rk.build("tag_count", tags=("think", "answer"), once=0.25, otherwise=0.0)
    steps = rk.build("reasoning_steps")

    def added(**batch: Any) -> list[float]:
        rows = zip(tags_once(**batch), steps_marked(**batch), strict=True)
        return [0.5 * one + two for one, two in rows]

    def gated(**batch: Any) -> list[float]:
        rows = zip(tags_once(**batch), steps_marked(**batch), strict=True)
        return [one * two for one, two in rows]

    def clipped(**batch: Any) -> list[float]:
        return [min(value, 0.5) for value in tags_once(**batch)]

    def mixed(completions: list[Chat], task: list[str], **_: Any) -> list[float | None]:
        rows = zip(completions, task, strict=True)
        return [tags_once([one])[0] if kind == "math" else None for one, kind in rows]

    def weighed(**batch: Any) -> list[float]:
        return [0.5 * value for value in tags_once(**batch)]

    def guarded(completions: list[Chat], **_: Any) -> list[float | None]:
        values: list[float | None] = []
        for completion in completions:
            try:
                values += tags_once([completion])
            except (KeyError, TypeError, ValueError):
                values.append(None)
        return values

    math_only = rk.build("where", reward=tags, column="task", equals="math")
    half = rk.build("schedule", reward=tags, points=((0, 0.5),))
    yield Pair("linear", 0.5 * tags + steps, "added up", added, "blocks")
    yield Pair("product", tags * steps, "multiplied", gated, "blocks")
    yield Pair("clip", rk.build("clip", reward=tags, high=0.5), "min", clipped, "blocks")
    yield Pair("where", math_only, "if", mixed, "blocks")
    yield Pair("schedule", half, "weighed", weighed, "blocks")
    yield Pair("guard", rk.build("guard", reward=tags), "try, except", guarded, "blocks")


SOURCES: dict[str, Callable[[], Iterator[Pair]]] = {
    "trl": trl_pairs,
    "math-verify": math_pairs,
    "verifiers": verifiers_pairs,
    "langid": langid_pairs,
    "py3langid": py3langid_pairs,
    "by hand": by_hand_pairs,
    "by hand, algebra": algebra_pairs,
}
"""Where the peers are from: the package that is asked, or nowhere."""


# --- One instance of every registered reward, for its share of a step.

REGISTERED: dict[str, tuple[str, list[dict[str, Any]]]] = {
    "xml_strict": ("xml", [{}]),
    "xml_soft": ("xml", [{}]),
    "xml_count": ("xml", [{}]),
    "tag_count": ("xml", [{}]),
    "is_number": ("xml", [{}]),
    "ratio_match": ("xml", [{}]),
    "correct": (
        "think",
        [
            BOXED_NUMBER,
            BOXED_MATH,
            {"verifier": "number", "extractor": {"type": "last_number", "only": True}},
        ],
    ),
    "cosine_length": ("think", [BOXED_NUMBER]),
    "kimi_length": ("think", [BOXED_NUMBER]),
    "length": ("think", [{"target": 50}, {"target": 100, "unit": "words"}]),
    "overlong": ("think", [{"max_tokens": 1100, "cache_tokens": 300}]),
    "repetition": ("think", [{}, {"unit": "tokens"}]),
    "regex_match": ("think", [{"pattern": BOXED_INTEGER}]),
    "language": (
        "think",
        [
            {"scores": LABELS, "candidates": CANDIDATES},
            {"scores": LABELS, "candidates": "all"},
            {"target": "id", "candidates": CANDIDATES},
            {"target": "id", "candidates": "all"},
        ],
    ),
    "linear": ("xml", [{"terms": ["xml_strict", "xml_soft", "xml_count"]}]),
    "product": ("xml", [{"terms": ["xml_strict", "reasoning_steps"]}]),
    "clip": ("think", [{"reward": "reasoning_steps", "high": 0.5}]),
    "where": ("think", [{"reward": "reasoning_steps", "column": "task", "equals": "math"}]),
    "schedule": ("think", [{"reward": "reasoning_steps", "points": [[0, 0.5]]}]),
    "guard": ("think", [{"reward": "reasoning_steps"}]),
    "relative": ("think", [{"reward": "reasoning_steps"}]),
    "standardize": ("think", [{"reward": "reasoning_steps"}]),
    "difficulty": ("think", [{"reward": "reasoning_steps"}]),
    "best_of": ("think", [{"reward": "reasoning_steps"}]),
    "turn": ("think", [{"reward": "reasoning_steps"}]),
}
"""The style and the fields of those that need them; several where the work differs."""
ASK_MODELS = ("judge", "relative_judge", "reward_model")


@dataclass(frozen=True)
class Case:
    """A reward to measure as a share of a step: its name, and the rows it is called with."""

    name: str
    reward: rk.Reward
    style: str = "think"
    on: str = ""
    """What is another than in the plain step."""
    fields: str = ""
    """The fields, for a reader."""


def registered() -> Iterator[Case]:
    """Yield every built-in reward, with several variants where the code path differs.

    Those that ask a model are left out, since their time is that of the model.
    """
    for name in rk.names("reward"):
        if "/" not in name and name not in ASK_MODELS:  # plugins' names have a prefix
            style, given = REGISTERED.get(name, ("think", [{}]))
            for fields in given:
                yield Case(name, rk.build(name, **fields), style, fields=describe_fields(fields))


def describe_fields(fields: Mapping[str, Any]) -> str:
    """Write the fields of a reward: a component by its name, a long list by its length.

    >>> describe_fields({"verifier": "number", "extractor": {"type": "hash"}, "of": range(12)})
    'verifier number, extractor hash, 12 of'
    """
    parts = []
    for name, value in fields.items():
        if isinstance(value, Mapping):
            value = value.get("type")  # noqa: PLW2901 - a dictionary of numbers is not named
        elif not isinstance(value, str) and hasattr(value, "__len__"):
            few = len(value) <= 3 and all(isinstance(item, str) for item in value)  # noqa: PLR2004
            names = " and ".join(f"`{item}`" for item in value) if few else ""
            parts.append(f"{name} {names}" if few else f"{len(value)} {name}")
            continue
        parts.append(f"{name} `{value}`" if value is not None else name)
    return ", ".join(parts)


def by_words(group: int) -> Iterator[Case]:
    """Yield the rewards that count words, for large vocabularies and groups."""
    on = f"{len(VOCABULARY):,} words by Zipf, groups of {group}"
    for name in ("repetition", "prompt_overlap", "diversity") if group == GROUP else ("diversity",):
        yield Case(name, rk.build(name), on=on)
