from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

import rewardkit as rk
from rewardkit._text.words import _count_between_spaces


@given(texts=st.lists(st.text(st.characters(exclude_categories=["Cs"]))), target=st.integers(0, 99))
def test_characters_are_those_of_len(texts, target):
    reward = rk.build("length", target=target, penalty=0.5)
    assert reward(completions=texts) == [-0.5 * abs(target - len(text)) for text in texts]


def test_words_and_tokens():
    words = rk.build("length", target=3, unit="words")
    for size in (8, 40_000, 9):
        values = words(completions=["a  b\nc d", "", "a " * size])
        assert values == [-1.0, -3.0, 3.0 - size]
    tokens = rk.build("length", target=3, unit="tokens")
    assert tokens(completions=["a", "b"], completion_ids=[[1, 2, 3], []]) == [0.0, -3.0]
    with pytest.raises(ValueError, match="counting tokens needs completion_ids"):
        tokens(completions=["a"])


@given(text=st.text("ab \n", max_size=30), size=st.integers(1, 7))
def test_words_are_those_of_split_wherever_the_text_is_cut(text, size):
    assert _count_between_spaces(text, size) == len(text.split())


def test_chat_counts_the_text_and_not_the_messages():
    chat = [[{"role": "assistant", "content": "x" * 40}]]
    assert rk.build("length", target=50)(completions=chat) == [-10.0]


@given(
    lengths=st.lists(st.integers(0, 60), min_size=1, max_size=8),
    most=st.integers(1, 50),
    cache=st.integers(1, 50),
)
def test_overlong_is_trls_soft_punishment(lengths, most, cache):
    trl = pytest.importorskip("trl.rewards")
    cache = min(cache, most)
    ids = [[0] * length for length in lengths]
    ours = rk.build("overlong", max_tokens=most, cache_tokens=cache)
    theirs = trl.get_soft_overlong_punishment(max_completion_len=most, soft_punish_cache=cache)
    values = ours(completions=[""] * len(ids), completion_ids=ids)
    assert values == pytest.approx(theirs(completion_ids=ids))


def test_overlong_is_trls_again_and_again_and_for_the_longest():
    trl = pytest.importorskip("trl.rewards")
    ours = rk.build("overlong", max_tokens=40_000, cache_tokens=30_000)
    theirs = trl.get_soft_overlong_punishment(max_completion_len=40_000, soft_punish_cache=30_000)
    for lengths in ([0, 9_999, 10_001], [20_000, 3], [32_767, 32_768], [50_000, 20_000], [0, 8]):
        ids = [range(length) for length in lengths]
        values = ours(completions=[""] * len(ids), completion_ids=ids)
        assert values == pytest.approx(theirs(completion_ids=ids))


def test_a_row_without_ids_is_named():
    late = rk.build("overlong", max_tokens=3, cache_tokens=1)
    with pytest.raises(TypeError, match=r"completion_ids, row 1: got 7 .*expected a list"):
        late(completions=["a", "b"], completion_ids=[[1], 7])
    with pytest.raises(ValueError, match=r"counting tokens needs completion_ids"):
        late(completions=["a", "b"])


def test_overlong_without_a_cache_is_all_or_nothing():
    reward = rk.build("overlong", max_tokens=3, cache_tokens=0, penalty=2.0)
    assert reward(completions=[""] * 2, completion_ids=[[0] * 3, [0] * 4]) == [0.0, -2.0]
    with pytest.raises(ValueError, match="got cache_tokens=4, expected 0 to max_tokens=3"):
        rk.build("overlong", max_tokens=3, cache_tokens=4)


@given(length=st.integers(0, 300), right=st.booleans())
def test_cosine_length_is_open_r1s_formula(length, right):
    # open-r1: min + (max - min) / 2 * (1 + cos(progress * pi)), the ends exchanged where wrong
    progress = min(length / 200, 1.0)
    fields = {"verifier": "exact", "extractor": {"type": "regex", "pattern": "^(.)"}}
    reward = rk.build("cosine_length", max_length=200, **fields)
    text = ("4" + "x" * (length - 1)) if length else ""
    answer = "4" if right and length else "5"
    low, high = (0.5, 1.0) if right and length else (-0.5, -1.0)
    expected = low + (high - low) / 2 * (1 + math.cos(progress * math.pi))
    assert reward(completions=[text], answer=[answer]) == pytest.approx([expected])


def test_cosine_length_abstains_without_a_reference():
    reward = rk.build("cosine_length", verifier="number", unit="words")
    assert reward(completions=["<answer>4</answer>"], answer=[None]) == [None]
    assert reward.bounds == (-1.0, 1.0)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("春天来了，花开了。", 7),
        ("学校は楽しいです！", 8),
        ("나는 사과를 좋아합니다", 3),
        ("用 Python 3 写程序", 6),
        ("我有3个apples。", 5),
        ("- one, two - three", 5),
        ("déjà vu, c'est ça", 4),
        ("สวัสดี", 6),
        ("好，。！", 1),
    ],
)
def test_words_of_any_script(text, count):
    assert rk.build("length", target=0, unit="words")(completions=[text]) == [-float(count)]


@given(turns=st.lists(st.lists(st.lists(st.integers(0, 9), max_size=4), max_size=3), max_size=4))
def test_ids_by_turn_are_counted_as_tokens(turns):
    counts = [sum(map(len, ids)) for ids in turns]
    given = {"completions": ["x"] * len(turns), "completion_ids": turns}
    length = rk.build("length", target=0, unit="tokens")(**given)
    assert length == [-float(count) for count in counts]
    late = rk.build("overlong", max_tokens=8, cache_tokens=4)(**given)
    assert late == [-min(max(count - 4, 0) / 4, 1.0) for count in counts]


def test_a_row_of_a_single_turn_may_be_flat():
    reward = rk.build("length", target=0, unit="tokens")
    ids = [[[1, 2], [3]], [4, 5], []]
    assert reward(completions=["x"] * 3, completion_ids=ids) == [-3.0, -2.0, 0.0]


def test_cosine_length_counts_ids_by_turn():
    reward = rk.build("cosine_length", verifier="exact", unit="tokens", max_length=5)
    ids = [[[1, 2], [3, 4, 5]]]
    assert reward(completions=["<answer>9</answer>"], completion_ids=ids, answer=["9"]) == [0.5]


# Kimi k1.5, section 2.3.3: lambda = 0.5 - (len - min_len) / (max_len - min_len).
@given(lengths=st.lists(st.integers(1, 60), min_size=2, max_size=6), data=st.data())
def test_kimi_length_is_the_papers_rule_by_group(lengths, data):
    right = data.draw(st.lists(st.booleans(), min_size=len(lengths), max_size=len(lengths)))
    texts = [("4" if ok else "5") + "x" * (n - 1) for n, ok in zip(lengths, right, strict=True)]
    extractor = {"type": "regex", "pattern": "^(.)"}
    reward = rk.build("kimi_length", verifier="exact", extractor=extractor)
    # a second group of one length, and a third with one completion
    prompts = ["p"] * len(texts) + ["q", "q", "r"]
    completions = [*texts, "4x", "5x", "4"]
    found = reward(prompts=prompts, completions=completions, answer=["4"] * len(completions))
    low, high = min(lengths), max(lengths)
    expected = []
    for length, ok in zip(lengths, right, strict=True):
        factor = 0.5 - (length - low) / (high - low) if high > low else 0.0
        expected.append(factor if ok else min(0.0, factor))
    assert found == pytest.approx([*expected, 0.0, 0.0, 0.0])


def test_kimi_length_counts_tokens_and_abstains_without_a_reference():
    reward = rk.build("kimi_length", verifier="exact", extractor="whole", unit="tokens")
    ids = [[1], [1, 2, 3], [1, 2]]
    given = {"prompts": ["p"] * 3, "completions": ["4", "4", "5"], "completion_ids": ids}
    assert reward(**given, answer=["4"] * 3) == [0.5, -0.5, 0.0]
    assert reward(**given, answer=[None] * 3) == [None] * 3
    assert reward.pointwise is False
    assert reward.bounds == (-0.5, 0.5)
    with pytest.raises(ValueError, match="prompts"):
        reward(completions=["4"], completion_ids=[[1]], answer=["4"])


def test_a_length_reward_extracts_the_reference():
    solution = "2 + 2 = 4 #### 4"
    for name in ("cosine_length", "kimi_length"):
        reward = rk.build(name, verifier="exact", extractor="whole", reference_extractor="hash")
        given = {"prompts": ["p"] * 2, "completions": ["4", "5 or so"]}
        right, wrong = reward(**given, answer=[solution] * 2)
        assert right > 0 >= wrong


@given(counts=st.lists(st.integers(0, 12), max_size=8))
def test_overlong_reads_counts_from_a_column_as_from_ids(counts):
    fields = {"max_tokens": 8, "cache_tokens": 4}
    given = {"completions": ["x"] * len(counts)}
    by_ids = rk.build("overlong", **fields)(**given, completion_ids=[[0] * n for n in counts])
    by_column = rk.build("overlong", **fields, tokens="n")
    assert by_column(**given, n=counts) == by_ids
    assert by_column(**given, n=[str(n) for n in counts]) == by_ids  # as CSV has them


def test_overlong_abstains_on_what_is_not_a_count():
    reward = rk.build("overlong", max_tokens=8, cache_tokens=4, tokens="n")
    counts = [None, float("nan"), -1, "many", float("inf"), 6.0]
    assert reward(completions=["x"] * 6, n=counts) == [None] * 5 + [-0.5]
    (score, *_) = reward.score(rk.Batch(["x"], columns={"n": ["many"]}))
    assert score.why == "no token count: 'many'"
    with pytest.raises(LookupError, match="no column 'n'"):
        reward(completions=["x"])
