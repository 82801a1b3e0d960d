"""The required fields of every registered component, and the YAML rewards that many tests use."""

from __future__ import annotations

from typing import Any

from rewardkit import presets

XML_RECIPE = [
    presets.xmlcount_reward_func,
    presets.soft_format_reward_func,
    presets.strict_format_reward_func,
    presets.int_reward_func,
    presets.correctness_reward_func,
]

NO_ENDPOINT = {
    "model": "none",
    "base_url": "http://127.0.0.1:1/v1",  # no server listens here
    "api_key_env": None,
    "retries": 0,
}
REQUIRED: dict[str, dict[str, Any]] = {
    "regex": {"pattern": r"is (\d+)"},
    "correct": {"verifier": "number"},
    "length": {"target": 10},
    "overlong": {"max_tokens": 6, "cache_tokens": 3},
    "cosine_length": {"verifier": "number", "max_length": 50},
    "kimi_length": {"verifier": "number"},
    "regex_match": {"pattern": "answer"},
    "judge": {"criteria": {"a": {"ask": "?", "choices": {"no": 0, "yes": 1}}}, **NO_ENDPOINT},
    "relative_judge": NO_ENDPOINT,
    "reward_model": NO_ENDPOINT,
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
    "relative": {"reward": {"type": "length", "target": 10}},
    "standardize": {"reward": {"type": "length", "target": 10}},
    "difficulty": {"reward": "xml_count"},
    "best_of": {"reward": "xml_count"},
    "turn": {"reward": "xml_count"},
}
"""The fields without a default, for one of every component."""
