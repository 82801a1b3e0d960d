"""Figures and findings of generated rows, computed by hand, and the positions of answers."""

from __future__ import annotations

import statistics
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import rewardkit as rk
from rewardkit.extract import Whole
from rewardkit.report.answers import locate
from rewardkit.report.compute_figures import BINS, correlate_all, make_histogram, measure
from rewardkit.report.formatting import number, percent, split_hundred, two_decimals
from rewardkit.report.rows import gather
from scored_pages import made, scored, seeded


def test_advantages_are_grpos():
    rows = gather([scored(str(r), r=r) for r in (0.0, 0.0, 1.0, 1.0)])
    # mean 1/2; the sample variance is (4 * 1/4) / 3
    by_hand = 0.5 / ((1 / 3) ** 0.5 + 1e-4)
    assert rows.advantages == pytest.approx([-by_hand, -by_hand, by_hand, by_hand])
    assert rows.group_stds == pytest.approx([(1 / 3) ** 0.5])


class CountingRow(dict):
    """A row that counts how often one of its values is asked for."""

    asked = 0

    def get(self, name, default=None):
        CountingRow.asked += 1
        return super().get(name, default)

    def __getitem__(self, name):
        CountingRow.asked += 1
        return super().__getitem__(name)


def test_rows_with_columns_of_their_own_take_linear_time():
    table = [CountingRow(scored("a", r=1.0), **{f"own{number}": number}) for number in range(400)]
    rows = gather(table)
    assert rows.extras == [{f"own{number}": number} for number in range(400)]
    assert CountingRow.asked < 40 * len(table)


def test_other_columns_are_in_the_order_of_the_first_rows():
    table = [{**scored("a", r=1.0), "x": 1, "y": None}, {"z": 3, "y": 2, **scored("b", r=0.0)}]
    assert [[*extra.items()] for extra in gather(table).extras] == [
        [("x", 1)],
        [("y", 2), ("z", 3)],
    ]


def test_an_abstention_is_left_out_of_the_sum():
    rows = gather(
        [scored("a", x=1.0, y=None), scored("b", x=None, y=None), scored("c", x=1.0, y=4.0)],
        weights={"y": 0.5},
    )
    assert rows.totals == [1.0, None, 3.0]
    assert rows.advantages[1] is None
    figures = measure(rows)
    assert [each.missing for each in figures.rewards] == [1, 2]


def test_the_files_own_sum_counts_until_weights_are_given():
    row = scored("a", x=1.0, reward=7.0)
    assert gather([row]).totals == [7.0]
    assert gather([row], weights={"x": 3.0}, sum_anew=True).totals == [3.0]


def test_groups_are_equal_prompts_of_one_step():
    prompts = [("p", 1), ("p", 1), ("q", 1), ("p", 2), ("p", 2), ([{"content": "p"}], 2)]
    rows = gather([scored("a", prompt, step=step, r=0.0) for prompt, step in prompts])
    assert rows.groups == [[0, 1], [3, 4]]
    assert measure(rows).zero_std == 1.0


def test_groups_by_another_column():
    rows = gather([{"completion": "a", "id": n // 2, "rewards/r": 0} for n in range(5)], group="id")
    assert rows.groups == [[0, 1], [2, 3]]


def test_shares_of_the_variance_add_up():
    rows = gather(made(80), weights={"length": 2.0, "seldom": -1.0})
    assert sum(reward.variance_share or 0 for reward in measure(rows).rewards) == pytest.approx(1)


def test_correlations_by_hand():
    rows = gather([scored("x" * n, a=a, b=b) for n, a, b in [(1, 0, 1), (2, 1, 0), (3, 2, -1)]])
    a, b, total, length = measure(rows).correlations
    assert a[1] == pytest.approx(-1)
    assert a[3] == pytest.approx(1)
    assert b[0] == pytest.approx(-1)
    assert total[2] is None  # 1 each time: a constant has none
    assert length[3] == pytest.approx(1)


def test_disagreement_is_the_std_of_the_scaled_rewards():
    rows = gather(
        [scored("a", x=0, y=0), scored("b", x=10, y=0), scored("c", x=5, y=1)],
    )
    # (0, 0), (1, 0) and (1/2, 1): standard deviations of 0, 1/2 and 1/4
    assert rows.disagreement == pytest.approx([0, 0.5, 0.25])


@given(st.lists(st.none() | st.floats(-1e6, 1e6), max_size=300))
def test_histograms_count_every_known_value_once(values):
    bars = make_histogram(values).bars
    known = [value for value in values if value is not None]
    assert sum(bar.size for bar in bars) == len(known)
    if known:
        assert (bars[0].low, bars[-1].high) == (min(known), max(known))
    assert all(one.high <= other.low for one, other in pairwise(bars))
    assert len(bars) <= BINS


def test_a_long_tail_does_not_hide_the_rest():
    bars = make_histogram([n / 100 for n in range(1000)] + [-199.0]).bars
    assert bars[0].low == -199
    assert max(bar.size for bar in bars) < 200


# Findings


def kinds(rows: list[dict[str, Any]], **options: Any) -> dict[str, tuple[str, ...]]:
    gathered = gather(rows, **{key: options.pop(key) for key in ("weights",) if key in options})
    return {finding.kind: finding.rewards for finding in measure(gathered, **options).findings}


def test_rewards_that_vary_within_groups_have_no_problem():
    dice = seeded(1)
    rows = [
        scored("x" * dice.randint(1, 99), str(n // 8), a=dice.random(), b=dice.random())
        for n in range(400)
    ]
    assert kinds(rows) == {"zero_std": (), "clear": ()}


def test_a_flat_reward_is_found():
    rows = [scored("a", str(n // 4), flat=0.0, other=n % 3) for n in range(40)]
    assert kinds(rows)["flat"] == ("flat",)


def test_a_reward_with_many_rare_values_is_nearly_flat():
    rows = [scored("a", str(n), seldom=n / 1000 if n < 20 else 3.0) for n in range(1000)]
    assert kinds(rows)["flat"] == ("seldom",)


def test_rewards_that_agree_are_found():
    rows = [scored("a", str(n // 4), a=n % 3, b=2 * (n % 3) + 1.0, c=n % 2) for n in range(60)]
    assert kinds(rows)["agree"] == ("a", "b")


def test_rewards_that_cancel_out_are_found():
    rows = gather([scored("a", a=n % 3, b=n % 3) for n in range(30)], weights={"b": -1.0})
    (finding,) = [each for each in measure(rows).findings if each.kind == "agree"]
    assert "cancel each other out" in finding.text


def test_values_at_a_declared_bound_are_found():
    rows = [scored("a", str(n), graded=0.0 if n % 2 else n / 10) for n in range(40)]
    assert kinds(rows, bounds={"graded": (0.0, 10.0)})["at_bound"] == ("graded",)
    assert "at_bound" not in kinds(rows, bounds={"graded": (-1.0, 10.0)})


def test_infinities_and_abstentions_are_found():
    rows = [scored("a", str(n), wild=float("inf") if n == 3 else n, gone=None) for n in range(9)]
    found = kinds(rows)
    assert found["infinite"] == ("wild",)
    assert found["missing"] == ("gone",)


def test_length_and_a_dominating_reward_are_found():
    rows = [scored("x" * n, str(n), a=n * 1.0, b=n % 2, c=n % 3) for n in range(60)]
    found = kinds(rows)
    assert found["length"] == ()
    assert found["dominates"] == ("a",)


def test_a_reward_has_at_most_all_of_the_variance_in_words():
    # b and c work against a a little: its share is above 1
    rows = gather(
        [scored("x", str(n), a=float(n % 2), b=-0.01 * (n % 2), c=0.0) for n in range(20)]
    )
    figures = measure(rows)
    assert figures.rewards[0].variance_share > 1
    (finding,) = [each for each in figures.findings if each.kind == "dominates"]
    assert finding.text == "100% of the sum's variance is a; the others hardly count."


def test_the_worst_comes_first():
    rows = [scored("a", "p", flat=0.0, gone=None if n else 1.0) for n in range(9)]
    levels = [finding.level for finding in measure(gather(rows)).findings]
    assert levels == sorted(levels, key=["bad", "watch", "good"].index)


# Answers


@given(st.text(max_size=40), st.text("0123456789abcXYZ./-", min_size=1), st.text(max_size=40))
def test_the_position_of_an_answer(before, answer, after):
    text = f"{before}{answer}<answer>{answer}</answer>{answer}{after}"
    found = locate(text)
    assert found is not None
    assert found.text == answer
    start = len(before) + len(answer) + len("<answer>")
    assert (found.start, found.end) == (start, start + len(answer))


@pytest.mark.parametrize(
    ("text", "answer", "finder", "start"),
    [
        ("<answer>answer</answer>", "answer", "tag", 8),
        ("<answer>!?</answer>", "!?", "tag", 8),
        (r"so \boxed{\frac{1}{2}}", r"\frac{1}{2}", "boxed", 10),
        ("4 or\n#### 4\n4", "4", "hash", 10),
        ("#### 5\n" + "15 + 5 = 25, " * 999, "5", "hash", 5),
    ],
)
def test_answers_of_the_usual_forms(text, answer, finder, start):
    assert locate(text) == (answer, finder, start, start + len(answer))


def test_no_answer():
    assert locate("42") is None
    assert locate("42", [rk.build("last_number")]) == ("42", "last_number", 0, 2)


@pytest.mark.parametrize(
    ("rows", "title"),
    [
        ([0, 0], "Most groups give no learning signal (zero reward std)"),
        ([0, 0, 0, 0, 0, 1, 0, 1], "Most groups give no learning signal (zero reward std)"),
        ([0, 0, 0, 1, 0, 1, 0, 1], "Many groups give no learning signal (zero reward std)"),
        ([0, 1], "Groups without a learning signal (zero reward std)"),
    ],
)
def test_the_share_of_groups_without_a_signal_is_reported(rows, title):
    pairs = [scored("a", str(n // 2), r=value) for n, value in enumerate(rows)]
    assert title in [finding.title for finding in measure(gather(pairs)).findings]


@pytest.mark.parametrize("value", [-0.0, -1e-9, 0.0])
def test_no_figure_is_minus_zero(value):
    assert percent(value) == "0%"
    assert two_decimals(value) == "0.00"
    assert number(value) in ("0", "-1e-09")


# Groups


def grouped(*groups: list[tuple[str, float, float]]) -> list[dict[str, Any]]:
    """Return rows of groups, each a list of (answer, right, length)."""
    return [
        scored(f"<answer>{answer}</answer>", f"prompt {number}", right=right, length=length)
        for number, group in enumerate(groups)
        for answer, right, length in group
    ]


def test_a_reward_that_is_flat_where_the_sum_varies_is_named():
    # right varies in one group of five; length in all of them
    flat = [[("4", 1.0, n / 10), ("4", 1.0, n / 5 + 1)] for n in range(3)]
    flat.append([("5", 0.0, 0.1), ("5", 0.0, 0.2)])
    rows = gather(grouped([("4", 1.0, 0.5), ("5", 0.0, 0.7)], *flat))
    figures = measure(rows)
    assert figures.zero_std == 0
    (finding,) = [each for each in figures.findings if each.kind == "signal"]
    assert (finding.level, finding.figure) == ("bad", "80%")
    assert finding.rewards == ("right", "length")
    assert "25% never pass and 75% always" in finding.text
    assert "come from length." in finding.text
    assert not [each for each in figures.findings if each.level == "good"]


def test_a_reward_that_varies_alone_is_named_where_none_is_known_to_be_right():
    rows = [
        scored("a", str(n // 2), style=float(n % 2), tone=float(n in (3, 5)), weight=1.0)
        for n in range(20)
    ]
    (finding,) = [each for each in measure(gather(rows)).findings if each.kind == "signal"]
    assert (finding.level, finding.figure, finding.rewards) == ("watch", "80%", ("style",))


def test_good_news_says_in_which_groups_each_reward_varies():
    rows = gather(grouped(*[[("4", 1.0, 0.5), ("5", 0.0, 0.5)]] * 8, [("4", 1.0, 1.0)] * 2))
    (finding,) = [each for each in measure(rows).findings if each.kind == "zero_std"]
    assert finding.level == "good"
    assert finding.text.endswith("Groups in which it varies: right in 89%, length in 0%.")


def test_pass_rates_and_the_majority_vote_by_hand():
    rows = gather(
        grouped(
            [("4", 1.0, 0.0), ("4", 1.0, 0.0), ("5", 0.0, 0.0), ("", 0.0, 0.0)],  # 1/2, right
            [("4", 1.0, 0.0), ("5", 0.0, 0.0), ("5", 0.0, 0.0), ("6", 0.0, 0.0)],  # 1/4, wrong
            [("4", 1.0, 0.0), ("5", 0.0, 0.0), ("", 0.0, 0.0), ("", 0.0, 0.0)],  # 1/4, a tie
        )
    )
    figures = measure(rows, extractors=[rk.build("tag")])
    assert rows.pass_rates == [0.5, 0.25, 0.25]
    assert [(bar.low, bar.size) for bar in figures.pass_rate.bars] == [(0.25, 2), (0.5, 1)]
    passes = figures.passes
    assert (passes.reward, passes.least, passes.groups) == ("right", 1.0, 3)
    assert passes.majority == pytest.approx((1 + 0 + 0.5) / 3)
    # of six pairs, five have one of two right ones, and three the only one
    assert [each.value for each in passes.pass_at] == pytest.approx(
        [1 / 3, (5 / 6 + 1 / 2 + 1 / 2) / 3, 1.0]
    )
    assert measure(rows).passes.majority is None  # no answers were read


def test_a_row_alone_counts_as_a_group_of_one_in_all_pass_rates():
    rows = gather(
        [scored("4", "p", right=1.0), scored("5", "p", right=0.0)]
        + [scored("4", f"q{n}", right=float(n < 2)) for n in range(3)]
    )
    figures = measure(rows, extractors=[Whole()])
    assert [(bar.low, bar.size) for bar in figures.pass_rate.bars] == [(0.0, 1), (0.5, 1), (1.0, 2)]
    passes = figures.passes
    assert (passes.groups, passes.never, passes.always) == (4, 0.25, 0.5)
    assert passes.pass_at[0].value == pytest.approx((0.5 + 1 + 1 + 0) / 4)
    assert passes.majority == pytest.approx((0.5 + 1 + 1 + 0) / 4)


def test_completions_alone_in_their_group_count_for_pass_at_one():
    rows = gather([scored("a", str(n), right=float(n < 3)) for n in range(4)])
    assert [(each.k, each.value) for each in measure(rows).passes.pass_at] == [(1, 0.75)]


def test_shares_within_groups_leave_out_the_difference_between_prompts():
    # over all rows x varies most, and only between the groups
    rows = gather([scored("a", str(n // 2), x=10.0 * (n // 2), y=float(n % 2)) for n in range(20)])
    x, y = measure(rows).rewards
    assert (x.group_share, y.group_share) == pytest.approx((0.0, 1.0))
    assert x.variance_share > 0.99


def test_a_sum_that_is_not_of_the_files_rewards_leaves_a_rest():
    rows = gather(
        [scored("a", str(n // 2), x=float(n % 3), reward=2.0 * (n % 3)) for n in range(9)]
    )
    figures = measure(rows)
    assert figures.rewards[0].variance_share == pytest.approx(0.5)
    assert figures.rest_share == pytest.approx(0.5)


@given(st.lists(st.floats(-2, 2), min_size=1, max_size=9))
def test_shares_as_text_add_up(shares):
    shares.append(1 - sum(shares))
    texts = split_hundred(shares)
    assert sum(round(10 * float(text[:-1])) for text in texts) == 1000
    for share, text in zip(shares, texts, strict=True):
        assert abs(100 * share - float(text[:-1])) < 0.1


@given(
    st.lists(st.tuples(st.none() | st.integers(-9, 9), st.none() | st.integers(-9, 9)), max_size=30)
)
def test_correlations_are_pearsons(pairs):
    columns = [[None if v is None else float(v) for v in side] for side in zip(*pairs, strict=True)]
    found = correlate_all(columns)[0][1] if columns else None
    known = [pair for pair in pairs if None not in pair]
    if len({a for a, _ in known}) < 2 or len({b for _, b in known}) < 2:
        assert found is None
    else:
        assert found == pytest.approx(statistics.correlation(*zip(*known, strict=True)))


def test_a_few_rows_correlate_by_chance():
    rows = gather([scored("x" * (1 + n), str(n), a=n, b=2 * n) for n in range(2)])
    figures = measure(rows)
    assert figures.correlations[-2][-1] == pytest.approx(1)
    assert not {"length", "agree"} & {finding.kind for finding in figures.findings}


def test_a_group_of_an_unknown_column_is_refused():
    with pytest.raises(ValueError, match=r"group='promt': no column 'promt'.*mean 'prompt'"):
        gather([scored("a", r=1.0)], group="promt")
    assert gather([{"completion": "a", "rewards/r": 1.0}]).groups == []


def test_a_graded_reward_alone_is_not_taken_for_right_answers():
    graded = [scored("a", "p", length=-n / 7) for n in range(9)]
    assert measure(gather(graded)).passes is None
    flags = [scored("a", "p", solved=float(n > 5)) for n in range(9)]
    assert measure(gather(flags)).passes.pass_at[0].value == pytest.approx(1 / 3)
    assert gather(graded, pass_reward="length", pass_value=-0.5).rule.least == -0.5  # noqa: S106
