from __future__ import annotations

import os
import re
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st
from hypothesis.errors import NoSuchExample

import rewardkit as rk
from rewardkit import testing as kit
from rewardkit.testing._registration import register
from rewardkit.testing._spellings import WRITERS

ROOT = Path(__file__).parents[2]
FIRST = settings(max_examples=20_000, phases=[Phase.generate])
"""For `find`: the first example will do, so none is made smaller, and some come once in 600."""


@given(number=kit.numbers())
def test_every_spelling_is_the_number_that_it_is_said_to_be(number):
    text, value = number
    exact = f"{value.numerator}/{value.denominator}"
    (verdict,) = rk.build("number").verify([text], [exact])
    assert verdict.outcome == "correct"


@pytest.mark.parametrize(
    ("spelling", "value", "text"),
    [
        ("plain", 1000, "1000"),
        ("thousands", -1000, "-1,000"),
        ("sign", 42, "+42"),
        ("sign", -42, "\u221242"),
        ("unit", 42, "42 apples"),
        ("marked", 42, "**42**"),
        ("math", 42, "$42$"),
        ("scale", 4200, "4.200 thousand"),
        ("decimal", Fraction(1, 2), "0.50"),
        ("currency", Fraction(-1, 2), "-$0.50"),
        ("percent", Fraction(1, 2), "50%"),
        ("power", Fraction(1, 20), "5e-2"),
        ("fraction", Fraction(1, 2), "1/2"),
        ("mixed", Fraction(-3, 2), "-1 1/2"),
        ("latex", Fraction(-1, 2), r"-\frac{1}{2}"),
    ],
)
def test_spellings(spelling, value, text):
    assert WRITERS[spelling][1][0](Fraction(value)) == text


@given(number=kit.numbers(min_value=-2, max_value=3))
def test_numbers_lie_within_their_limits(number):
    assert -2 <= number[1] <= 3


@given(text=kit.tagged("think", "answer"))
def test_what_is_tagged_is_laid_out(text):
    assert rk.build("think_format", tags=("think", "answer"))(completions=[text]) == [1.0]


@pytest.mark.parametrize(
    "wanted",
    [
        lambda text: "<answer>" not in text,
        lambda text: text.count("</answer>") == 2,
        lambda text: "<ANSWER>" in text,
        lambda text: text.endswith("and more"),
        lambda text: 0 <= text.find("<answer>") < text.find("<reasoning>"),
    ],
)
def test_what_is_broken_has_every_fault(wanted):
    assert wanted(find(kit.tagged("reasoning", "answer", broken=True), wanted, settings=FIRST))


@given(
    tags=st.sampled_from([("THINK",), ("think",), ("A1", "b"), ("1",), ("reasoning", "answer")]),
    data=st.data(),
)
@settings(max_examples=200)
def test_what_is_broken_is_never_well_formed(tags, data):
    text = data.draw(kit.tagged(*tags, broken=True))
    block = [rf"<{tag}>[^<]*</{tag}>" for tag in tags]
    assert not re.fullmatch(r"\s*".join(block), text)


MARKS = (("[THINK]", "[/THINK]"), "answer", ("<start>", "<end>"), ("\u00ab", "\u00bb"))


@given(whole=kit.tagged(*MARKS), broken=kit.tagged(*MARKS, broken=True))
def test_a_tag_may_be_a_pair_of_marks(whole, broken):
    reward = rk.build("think_format", tags=MARKS)
    assert reward(completions=[whole, broken]) == [1.0, 0.0]
    with pytest.raises(ValueError, match="expected two marks that are not empty"):
        kit.tagged(("", "x"))


@given(text=kit.tagged("a", "b", contents=st.just("p><q>"), broken=False))
def test_what_is_tagged_holds_the_contents_as_they_are(text):
    assert re.fullmatch(r"<a>\n?p><q>\n?</a>\n<b>\n?p><q>\n?</b>", text)


def test_an_empty_block_is_empty():
    only = find(kit.tagged("a", contents=st.just("")), lambda text: "\n" not in text)
    assert only == "<a></a>"


def test_a_word_is_one_word():
    strategy = kit.texts(kinds="hostile", words="WXYZ")
    assert "WXYZ" in find(strategy, lambda text: "W" in text and "Z" in text and "Y" in text)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"layouts": []}, ValueError, "layouts: got none, expected the tags"),
        ({"layouts": ("reasoning", "answer")}, TypeError, "layouts: got 'reasoning', expected"),
        ({"layouts": "answer"}, TypeError, "layouts: got 'a', expected the tags of each"),
        ({"words": [3]}, TypeError, "words: got 3, expected texts"),
        ({"kinds": None}, TypeError, "kinds: got None, expected some of well_formed"),
    ],
)
def test_options_of_texts_that_do_not_fit(options, error, message):
    with pytest.raises(error, match=message):
        kit.texts(**options)


@pytest.mark.parametrize(
    "wanted",
    [
        lambda given: isinstance(given, str),
        lambda given: given == [],
        lambda given: isinstance(given, list) and given and given[-1]["content"] is None,
        lambda given: isinstance(given, list) and len(given) == 3,
        lambda given: isinstance(given, list) and given and given[-1]["content"] == [],
        lambda given: isinstance(given, str) and "\ud800" in given,
        lambda given: isinstance(given, str) and len(given) > 1000,
    ],
)
def test_completions_come_in_every_form(wanted):
    assert find(kit.completions(), lambda given: bool(wanted(given)), settings=FIRST) is not None


def test_a_form_by_itself():
    with pytest.raises(NoSuchExample):
        find(
            kit.completions(forms="chat"),
            lambda given: isinstance(given, str) or len(given) != 1,
            settings=settings(max_examples=200),
        )


@given(batch=kit.batches({"answer": ["4", "7"]}, min_size=1))
def test_batches_have_their_columns_and_whole_groups(batch):
    assert set(batch.column("answer")) <= {"4", "7"}
    assert len(batch.tokens()) == len(batch) == len(batch.texts)
    assert len(batch.groups()) == len({*map(repr, batch.prompts)})


def test_the_smallest_batch_is_empty_and_the_smallest_text_too():
    assert find(kit.calls(), lambda call: True)["completions"] == []
    assert find(kit.calls(min_size=1), lambda call: True)["completions"] == [""]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: kit.completions(forms="chatt"), r"forms: got \['chatt'\], expected some of text"),
        (lambda: kit.texts(kinds=[]), r"kinds: got \[\], expected some of well_formed"),
        (lambda: kit.tagged("<a>"), "got the tag '<a>', expected a name such as 'answer'"),
        (lambda: kit.numbers(spellings="roman"), "spellings: got"),
        (lambda: kit.numbers(min_value=0.5), "got the limit 0.5, expected an integer"),
        (lambda: kit.numbers(min_value=2, max_value=1), "got min_value=2 above max_value=1"),
        (lambda: kit.calls(min_size=3, max_size=2), "got min_size=3, max_size=2"),
    ],
)
def test_options_are_checked(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_what_is_no_strategy_is_named():
    with pytest.raises(TypeError, match=r"texts: got 'a' \(str\), expected a Hypothesis strategy"):
        kit.completions(texts="a")
    with pytest.raises(TypeError, match="column 'answer': got '42', expected a strategy for its"):
        kit.batches({"answer": "42"})


def test_hypothesis_knows_the_types_by_its_entry_point(tmp_path):
    info = tmp_path / "rewardkit_test-0.1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: rewardkit-test\nVersion: 0.1\n")
    lines = (ROOT / "pyproject.toml").read_text(encoding="utf-8").splitlines()
    declared = lines[lines.index("[project.entry-points.hypothesis]") + 1].replace('"', "")
    (info / "entry_points.txt").write_text(f"[hypothesis]\n{declared}\n")
    code = """
import hypothesis.strategies as st
from hypothesis import HealthCheck, given, settings
import rewardkit as rk

@settings(deadline=None, max_examples=20, suppress_health_check=list(HealthCheck))
@given(st.from_type(rk.Batch), st.from_type(rk.Score), st.from_type(rk.Verdict),
       st.from_type(rk.Column), st.from_type(rk.Reward), st.from_type(rk.Extractor))
def test(batch, score, verdict, column, reward, extractor):
    assert isinstance(batch, rk.Batch) and batch.tokens() is not None
    assert score.value is None or abs(score.value) < float("inf")
    assert verdict.outcome in rk.Outcome and column
    assert isinstance(reward, rk.Reward) and isinstance(extractor, rk.Extractor)

test()
"""
    path = os.pathsep.join([str(tmp_path), str(Path(rk.__file__).parents[1])])
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr


def test_the_page_has_every_law():
    text = (ROOT / "docs" / "how-to" / "test.md").read_text(encoding="utf-8")
    for law in kit.LAWS.values():
        about = "all" if len(law.kinds) == 3 else ", ".join(f"{kind}s" for kind in law.kinds)
        assert f"| `{law.name}` | {about} | {law.claim} |" in text
    counts = {kind: len(kit.laws_of(kind)) for kind in ("reward", "verifier", "extractor")}
    sentence = (
        f"There are {len(kit.LAWS)} laws: {counts['reward']} for rewards,"
        f" {counts['verifier']} for verifiers, {counts['extractor']} for extractors."
    )
    assert sentence in " ".join(text.split())


def test_the_module_of_strategies_may_be_the_first_import():
    code = "import rewardkit.testing.strategies as made; print(made.texts())"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout


def test_from_type_needs_no_fields():
    register()
    assert find(st.from_type(rk.Verifier), lambda verifier: True).component_kind == "verifier"


def test_no_component_is_imported_for_from_type_until_its_kind_is():
    code = """
import sys
from hypothesis import find, strategies as st
from rewardkit.testing._registration import register
register()
assert not {"rewardkit.extract", "rewardkit.rewards", "rewardkit.verify"} & {*sys.modules}
import rewardkit as rk
for kind in (rk.Extractor, rk.Reward, rk.Verifier):
    assert isinstance(find(st.from_type(kind), lambda _: True), kind)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
