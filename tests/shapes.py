"""Completions and references in every shape, and one of every registered component."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

import rewardkit as rk

PIECES = [
    *("<reasoning>", "</reasoning>", "<answer>", "</answer>", "<think>", "</think>", "\n", " "),
    *(
        "4",
        "42",
        "-42",
        "1,000",
        "7.0",
        "$7",
        "50%",
        "1/2",
        r"\frac{1}{2}",
        r"\boxed{",
        "}",
        "#### ",
    ),
    *(
        "²",
        "٤٢",
        "４２",
        "nan",
        "inf",
        "1e999",
        "\x00",
        "\ud800",
        "\u200b",
        "9" * 5000,
        "The answer is B",
    ),
    *("```", "$", "$$", r"\[", r"\)", "`", ".", ",", "saya", "hello", "你好", "😀"),
]
"""What a completion is glued together from."""

TEXTS = st.one_of(
    st.lists(st.sampled_from(PIECES), max_size=14).map("".join),
    st.text(st.characters(exclude_categories=()), max_size=60),
)
"""Texts with everything in them, lone surrogates too."""

CONTENTS = st.one_of(
    TEXTS,
    st.none(),
    st.just([]),
    st.lists(
        st.one_of(
            TEXTS.map(lambda text: {"type": "text", "text": text}),
            st.just({"type": "image_url", "image_url": {"url": "data:,"}}),
            st.just({"type": "text"}),
            st.none(),
        ),
        max_size=3,
    ),
)
MESSAGES = st.fixed_dictionaries(
    {"content": CONTENTS},
    optional={
        "role": st.sampled_from(["assistant", "user", "tool", "system"]),
        "reasoning_content": st.one_of(st.none(), TEXTS),
        "tool_calls": st.just([{"type": "function", "function": {"name": "f", "arguments": "{}"}}]),
    },
)
COMPLETIONS = st.one_of(TEXTS, st.lists(MESSAGES, max_size=3), st.just([{}]), st.none())
"""Completions in every shape that a trainer passes, and a few that it should not."""

REFERENCES = st.one_of(
    TEXTS,
    st.none(),
    st.integers(),
    st.floats(),
    st.just([]),
    st.lists(st.one_of(TEXTS, st.integers()), max_size=3),
)
"""A reference's cell, good or bad."""

REQUIRED: dict[str, dict[str, Any]] = {
    "regex": {"pattern": r"is (\d+)"},
    "correct": {"verifier": "number"},
    "length": {"target": 10},
    "overlong": {"max_tokens": 6, "cache_tokens": 3},
    "cosine_length": {"verifier": "number", "max_length": 50},
    "regex_match": {"pattern": "answer"},
    "judge": {
        "criteria": {"a": {"ask": "?", "choices": {"no": 0, "yes": 1}}},
        "model": "none",
        "base_url": "http://127.0.0.1:1/v1",  # where nobody listens
        "api_key_env": None,
        "retries": 0,
    },
    "language": {"target": "id", "candidates": ["en", "id", "zh"]},
    "linear": {
        "terms": ["xml_count", {"type": "correct", "verifier": "exact"}],
        "weights": [1, -2],
    },
    "product": {"terms": ["xml_soft", "is_number"]},
    "clip": {"reward": {"type": "length", "target": 10}, "low": -5, "high": -1},
    "where": {"reward": "xml_count", "column": "answer", "equals": "4"},
    "schedule": {"reward": "xml_count", "points": [[0, 0.0], [10, 2.0]]},
    "guard": {"reward": "ratio_match"},
}
"""The fields without a default, for one of every component."""


def one_of_each(kind: str) -> list[Any]:
    """Return a component of every name of a kind, without those of plugins."""
    return [rk.build(name, **REQUIRED.get(name, {})) for name in rk.names(kind) if "/" not in name]


def ids(value: Any) -> str | None:
    """Name a parameter by its component."""
    return getattr(value, "registered_name", None)
