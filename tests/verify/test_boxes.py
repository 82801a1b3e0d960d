from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewardkit.extract import Whole
from rewardkit.rewards import Correct
from rewardkit.verify import Iou
from rewardkit.verify._boxes import MAX_BOXES, make_box, measure_overlap

EDGE = st.integers(-50, 50)
BOX = st.tuples(EDGE, EDGE, st.integers(1, 40), st.integers(1, 40)).map(
    lambda box: make_box("size", *map(float, box))
)


def judge(answer, reference, **fields):
    (verdict,) = Iou(**fields).verify([answer], [reference])
    return verdict.outcome.value, verdict.share


@pytest.mark.parametrize(
    ("answer", "reference", "outcome", "share"),
    [
        ("[0, 0, 10, 5]", [0, 0, 10, 10], "correct", 0.5),
        ('{"bbox_2d": [0, 0, 10, 4], "label": "cat"}', [0, 0, 10, 10], "wrong", 0.4),
        ("<box>(0,0),(10,10)</box>", "[0, 0, 10, 10]", "correct", 1.0),
        ("(10.0, 10.0) (0, 0)", {"box": [0, 0, 10, 10]}, "correct", 1.0),
        ("[5, 5, 15, 15]", [[0, 0, 10, 10]], "wrong", 25 / 175),
        ("[20, 20, 30, 30]", [0, 0, 10, 10], "wrong", 0.0),
        # one of two found, and one too many
        ("[0, 0, 10, 10]", [[0, 0, 10, 10], [20, 20, 30, 30]], "wrong", 0.5),
        ("[0, 0, 10, 10], [0, 0, 10, 10]", [0, 0, 10, 10], "wrong", 0.5),
        ("[20, 20, 30, 30], [0, 0, 10, 10]", [[0, 0, 10, 10], [20, 20, 30, 30]], "correct", 1.0),
        ("(5, 5)", [0, 0, 10, 10], "correct", 1.0),
        ('{"point": [11, 5]}', [0, 0, 10, 10], "wrong", 0.0),
        ("[5, 5], [25, 25]", [[0, 0, 10, 10], [20, 20, 30, 30]], "correct", 1.0),
        # as datasets and models write boxes with names
        ('{"x1": 0, "y1": 0, "x2": 10, "y2": 5}', [0, 0, 10, 10], "correct", 0.5),
        ("{'xmin': 5, 'ymin': 5, 'xmax': 15, 'ymax': 15}", [0, 0, 10, 10], "wrong", 25 / 175),
        ("[0, 0, 10, 4]", {"x1": 0, "y1": 0, "x2": 10, "y2": 10}, "wrong", 0.4),
        ("[5, 5, 15, 15]", {"x": 5, "y": 5, "width": 10, "height": 20}, "correct", 0.5),
        ("[5, 5, 15, 15]", {"x": 5, "y": 5, "width": -5, "height": 0}, "bad_reference", None),
        # points of Qwen2.5-VL, Molmo and UI-TARS; x1 and y1 are a point of their own in a tag
        (
            '```json\n[{"point_2d": ["7", "3"], "label": "cup"}]\n```',
            [0, 0, 10, 10],
            "correct",
            1.0,
        ),
        ('<point x="63.5" y="4.5" alt="a cup">a cup</point>', [60, 0, 70, 10], "correct", 1.0),
        ('<point x="59.5" y="4.5" alt="a cup">a cup</point>', [60, 0, 70, 10], "wrong", 0.0),
        (
            ' <points x1="5.0" y1="5" x2="25" y2="25.0" alt="cups">cups</points>',
            [[0, 0, 10, 10], [20, 20, 30, 30]],
            "correct",
            1.0,
        ),
        ("click(point='<point>5 7</point>')", [0, 0, 10, 10], "correct", 1.0),
        ('{"x": 5, "y": 11}', [0, 0, 10, 10], "wrong", 0.0),
        # Gemini, with y first, beside a reference with x first or with the same key
        ('[{"box_2d": [5, 60, 15, 80], "label": "cup"}]', [60, 5, 80, 15], "correct", 1.0),
        ("{'box_2d': [5, 60, 15, 80]}", {"bbox_2d": [60, 5, 70, 15]}, "correct", 0.5),
        ("[60, 5, 80, 10]", {"box_2d": [5, 60, 15, 80]}, "correct", 0.5),
        # Molmo2: the picture's number, then a number, x and y of each point
        (
            '<points coords="1 1 063 005 2 752 377">cups</points>',
            [[60, 0, 70, 10], [750, 370, 760, 380]],
            "correct",
            1.0,
        ),
        ('<points alt="cup" coords="1 1 063 011"/>', [60, 0, 70, 10], "wrong", 0.0),
        (
            "<points coords='1 1 063 005\t2 1 752 377'/>",
            [[60, 0, 70, 10], [750, 370, 760, 380]],
            "correct",
            1.0,
        ),
        ('<points coords="1 483 127"/>', [480, 120, 490, 130], "correct", 1.0),
        # shares of a picture have as many digits as Python writes
        ([1 / 3, 0.0, 1.0, 1.0], [1 / 3, 0.0, 1.0, 1.0], "correct", 1.0),
        ("[0, 0, 1, 1]", (0.0, 0.0, 2.0, 1.0), "correct", 0.5),
        ("It is on the left.", [0, 0, 10, 10], "no_answer", None),
        (None, [0, 0, 10, 10], "no_answer", None),
        ("[0, 0, 1, 1]", [0, 0, 0, 1], "bad_reference", None),
        ("[0, 0, 1, 1]", "the cat", "bad_reference", None),
        ("[0, 0, 1, 1]", {1, 2}, "bad_reference", None),
        ("[0, 0, 1, 1]", None, "bad_reference", None),
        ("[0, 0, 1, 1]", [0, 0, True, True], "bad_reference", None),
        ("[0, 0, 1, 1]", [0, 0, 1, 10**400], "bad_reference", None),
        ("[0, 0, 1, 1]", [0, 0, 1e300, 1e300], "bad_reference", None),
        # sides so small that a float cannot hold their product
        ("[0, 0, 0, 1]", [0.0, 0.0, 1e-200, 1e-200], "bad_reference", None),
    ],
)
def test_boxes_and_points(answer, reference, outcome, share):
    given = answer if answer is None else str(answer)
    found, found_share = judge(given, reference, points=True)
    assert found == outcome
    assert found_share == (None if share is None else pytest.approx(share))


@pytest.mark.parametrize(
    ("reference", "reason"),
    [
        ("the cat", "got 'the cat' (str), expected a box, such as [10, 10, 30, 30]"),
        (None, "got None (NoneType), expected a box"),
        ([10, 10, 30], "got [10, 10, 30] (list), expected a box"),
        ({"box": {1, 2}}, "expected a box"),
        ([5, 5], "the box [5.0, 5.0, 5.0, 5.0] (list) has no area"),
        ([[0, 0, 1, 1]] * 101, "more than 100 boxes"),
    ],
)
def test_a_reference_that_cannot_be_read_says_why(reference, reason):
    (verdict,) = Iou().verify(["[0, 0, 1, 1]"], [reference])
    assert verdict.outcome == "bad_reference"
    assert reason in verdict.detail


@pytest.mark.parametrize("answer", ["(5, 5)", "[5, 5, 5, 5]", '<point x="5" y="5">cup</point>'])
def test_a_point_is_no_box_unless_points_count(answer):
    (verdict,) = Iou().verify([answer], [[0, 0, 10, 10]])
    assert verdict == ("wrong", "a point; points=True counts points", 0.0)
    assert judge(answer, [0, 0, 10, 10], points=True) == ("correct", 1.0)


def test_a_box_may_be_a_corner_and_a_size():
    assert judge("[5, 5, 5, 5]", [5, 5, 5, 10], layout="size") == ("correct", 0.5)
    beyond = [10**400, 0, 1.5, 2]  # Python adds no float to such a number
    assert judge("[5, 5, 5, 5]", beyond, layout="size") == ("bad_reference", None)


@pytest.mark.parametrize("position", range(4))
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_box_of_unknown_size_is_no_reference(position, value):
    box = [0.0, 0.0, 10.0, 10.0]
    box[position] = value
    assert judge("[0, 0, 10, 10]", box) == ("bad_reference", None)


def test_too_many_boxes_are_wrong():
    every = "[0, 0, 10, 10]" * (MAX_BOXES + 1)
    assert judge(every, [[0, 0, 10, 10]] * MAX_BOXES) == ("wrong", 0.0)


NUMBER = st.integers(-9, 30) | st.sampled_from(
    [0.5, 2.25, -3.5, True, None, "7", math.nan, 10**400]
)


@given(
    st.lists(st.lists(NUMBER, min_size=4, max_size=4), min_size=1, max_size=4),
    st.sampled_from(["corners", "size"]),
)
def test_four_numbers_are_read_as_their_text_is(references, layout):
    # in turn with their twins that are equal in Python: 1, 1.0 and True
    twins = [[float(n) if type(n) is int and n < 99 else n for n in one] for one in references]
    references = [*references, *twins, [0, 0, True, 10], [0, 0, 1, 10], [0, 0, 1.0, 10]]
    given = Iou(layout=layout).verify(["[1, 1, 20, 30]"] * len(references), references)
    texts = [*map(str, references)]
    expected = Iou(layout=layout).verify(["[1, 1, 20, 30]"] * len(references), texts)
    assert [(one.outcome, one.share) for one in given] == [
        (one.outcome, one.share) for one in expected
    ]


@given(BOX, BOX)
def test_the_overlap_is_that_of_unit_squares_counted_one_by_one(one, other):
    def cells(box):
        left, top, right, bottom = map(int, box)
        return {(x, y) for x in range(left, right) for y in range(top, bottom)}

    first, second = cells(one), cells(other)
    expected = len(first & second) / len(first | second)
    assert measure_overlap(one, other) == pytest.approx(expected)
    assert measure_overlap(one, other) == measure_overlap(other, one)


@given(st.lists(BOX, min_size=1, max_size=4), st.randoms(use_true_random=False))
def test_the_order_of_boxes_does_not_matter(boxes, random):
    mixed = random.sample(boxes, len(boxes))
    assert judge(str([[*box] for box in mixed]), [[*box] for box in boxes])[1] == 1.0


def test_the_share_is_the_reward_of_a_box_below_the_threshold():
    reward = Correct(verifier=Iou(threshold=0.9), extractor=Whole(), reference="box")
    assert reward(completions=["[0, 0, 10, 8]"], box=[[0, 0, 10, 10]]) == [pytest.approx(0.8)]
