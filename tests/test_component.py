from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest
from hypothesis import given
from hypothesis import strategies as st

import rewardkit as rk
from rewardkit.component import FrozenMapping, columns

PUBLIC = [
    *(
        "Batch",
        "Column",
        "Component",
        "Extractor",
        "Outcome",
        "Reward",
        "Score",
        "Verdict",
        "Verifier",
        "__version__",
    ),
    *("build", "dump", "extract", "load", "names", "presets", "register", "rewards", "verify"),
    "wrap",
]


def test_the_public_names_are_these_and_sorted():
    assert rk.__all__ == PUBLIC
    assert all(hasattr(rk, name) for name in PUBLIC)


def test_the_registered_names():
    assert set(rk.names("extractor")) >= {
        *("whole", "tag", "boxed", "hash", "after", "last_number", "regex", "choice")
    }
    assert set(rk.names("verifier")) >= {"exact", "contains", "number"}
    assert set(rk.names("reward")) >= {
        *(
            "correct",
            "xml_strict",
            "xml_soft",
            "xml_count",
            "tag_count",
            "is_number",
            "ratio_match",
        ),
        *("language", "length", "linear", "product", "clip", "where", "schedule", "guard"),
    }
    assert rk.names() == sorted(rk.names())
    with pytest.raises(ValueError, match="got kind='rewards', expected one of reward, verifier"):
        rk.names("rewards")


@pytest.mark.parametrize(
    ("name", "fields", "message"),
    [
        ("xml_strct", {}, "no component is called 'xml_strct'; did you mean 'xml_strict'"),
        ("xml_count", {"valeu": 1.0}, "xml_count: no field 'valeu'; did you mean 'value'?"),
        (
            "xml_count",
            {"value": "much"},
            r"xml_count.value: got 'much' \(str\), expected a number",
        ),
        (
            "xml_count",
            {"value": True},
            r"xml_count.value: got True \(bool\), expected a number",
        ),
        (
            "xml_count",
            {"value": float("inf")},
            r"xml_count.value: got inf \(float\), expected a finite",
        ),
        ("xml_count", {"tags": []}, r"xml_count.tags: got \(\) \(tuple\)"),
        ("xml_count", {"tags": [""]}, r"xml_count.tags.0: got '' \(str\)"),
        (
            "xml_count",
            {"tags": ["a", "a"]},
            r"xml_count.tags: got \('a', 'a'\), expected names of which",
        ),
        ("length", {}, "length.target: missing"),
        (
            "correct",
            {"verifier": "tag"},
            r"correct.verifier: got the extractor 'tag', expected one of",
        ),
        (
            "correct",
            {"verifier": "nmber"},
            r"correct.verifier: no verifier is called 'nmber'; did you mean 'number'",
        ),
        ("correct", {"verifier": {"rel_tol": 1.0}}, "correct.verifier: no key 'type' in"),
        ("correct", {"verifier": {"type": "number", "rel_tol": "x"}}, "rel_tol.*got 'x'"),
        ("correct", {"verifier": "exact", "reference": 3}, r"correct.reference: got 3 \(int\)"),
        ("regex", {"pattern": "("}, r"does not compile"),
        ("regex", {"pattern": "a"}, r"group 1 is not in 'a', which has \[0\]"),
        ("language", {}, "give either target='id'"),
        ("language", {"target": "id", "candidates": ["en"]}, "candidates lack id"),
        ("clip", {"reward": "xml_count", "low": 2.0, "high": 1.0}, "got low=2.0 above high=1.0"),
        ("linear", {"terms": ["xml_count"], "weights": [1.0, 2.0]}, "got 2 weights for 1 terms"),
        ("linear", {"terms": []}, "linear.terms"),
        (
            "schedule",
            {"reward": "xml_count", "points": [[5, 1.0], [5, 2.0]]},
            "expected rising steps",
        ),
    ],
)
def test_a_wrong_field_names_what_was_given_and_what_was_expected(name, fields, message):
    with pytest.raises(ValueError, match=message):
        rk.build(name, **fields)


def test_components_are_frozen_equal_by_value_and_hashable():
    one, same = rk.build("xml_count", value=1), rk.build("xml_count", value=1.0)
    assert one == same
    assert len({one, same, rk.build("xml_count")}) == 2
    with pytest.raises(ValueError, match="frozen"):
        one.value = 2.0
    assert rk.build("xml_count", name="a") != rk.build("xml_count", name="b")


def test_a_mapping_is_held_frozen():
    scores = {"en": 1.0}
    reward = rk.build("language", scores=scores)
    scores["en"] = 2.0
    assert reward.scores == {"en": 1.0}
    assert isinstance(reward.scores, FrozenMapping)
    assert hash(reward) == hash(rk.build("language", scores={"en": 1.0}))


def test_a_registered_class_is_final():
    with pytest.raises(TypeError, match=r"XmlCount \('xml_count'\) is registered and cannot be"):
        type("Mine", (type(rk.build("xml_count")),), {})


def test_a_name_is_taken_once():
    class Mine(rk.Extractor):
        def extract(self, text: str) -> str | None:
            return text

    with pytest.raises(
        ValueError, match=r"'tag' is taken by rewardkit.extract.Tag; choose another"
    ):
        rk.register("tag")(Mine)
    with pytest.raises(ValueError, match="got the name 'My Name', expected lower_case"):
        rk.register("My Name")
    with pytest.raises(TypeError, match="expected a class under Reward, Verifier or Extractor"):
        rk.register("mine")(int)
    with pytest.raises(ValueError, match="XmlCount is already registered, as 'xml_count'"):
        rk.register("mine")(type(rk.build("xml_count")))
    with pytest.raises(TypeError, match="Kindless must subclass Reward, Verifier or Extractor"):
        rk.register("mine")(type("Kindless", (rk.Component,), {}))


def test_some_fields_are_refused():
    class Typed(rk.Extractor):
        type: str = "a"

        def extract(self, text: str) -> str | None:
            return text

    with pytest.raises(
        ValueError, match="Typed: a field cannot be called 'type': YAML writes the registered name"
    ):
        rk.register("typed")(Typed)


def test_a_cell_that_runs_again_replaces_the_class_of_main():
    cell = """
        @rk.register("mine")
        class Mine(rk.Extractor):
            {body}
            def extract(self, text):
                return text
    """
    script = "import rewardkit as rk\n" + "".join(
        textwrap.dedent(cell.format(body=body)) for body in ("", "size: int = 3")
    )
    script += "print(rk.build('mine').size)\n"
    done = subprocess.run(
        [sys.executable, "-"], input=script, capture_output=True, text=True, check=True
    )
    assert done.stdout == "3\n"


def test_an_unregistered_class_scores_but_does_not_dump():
    class Mine(rk.Reward):
        def score(self, batch: rk.Batch) -> list[rk.Score]:
            return [rk.Score(1.0)] * len(batch)

    assert Mine()(completions=["a"]) == [1.0]
    assert Mine().__name__ == "Mine"
    with pytest.raises(
        ValueError, match=r"Mine is not registered, so YAML cannot name it; put @rk.register"
    ):
        rk.dump(Mine())


def test_load_takes_a_mapping_a_list_a_path_and_text(tmp_path):
    count = rk.build("xml_count", value=0.25)
    path = tmp_path / "rewards.yaml"
    path.write_text(rk.dump([count, rk.build("xml_soft")]), encoding="utf-8")
    assert rk.load(path) == rk.load(str(path)) == [count, rk.build("xml_soft")]
    assert rk.load({"type": "xml_count", "value": 0.25}) == count
    assert rk.load([{"type": "xml_count", "value": 0.25}, "xml_soft"]) == rk.load(path)
    assert rk.load("type: xml_count\nvalue: 0.25\n") == count
    assert rk.load(count) is count
    with pytest.raises(TypeError, match=r"got 3 \(int\), expected a component or a list"):
        rk.dump(3)
    assert rk.dump(count) == "type: xml_count\nvalue: 0.25\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "- type: xml_count\n- type: xml_cont\n",
            "item 2: no component is called 'xml_cont'; did you",
        ),
        ("- type: xml_count\n  value: [1]\n", r"item 1: xml_count.value: got \(1,\) \(tuple\)"),
        ("- value: 1\n", r"item 1: got \{'value': 1\}, expected a mapping with the key 'type'"),
        ("\n", "got None, expected a mapping with the key 'type'"),
        ("type: xml_count\nvalue: 1\nvalue: 2\n", "the key 'value' appears twice"),
        ("type: [unclosed\n", "not YAML: .*line 2"),
        ("{[a]: 1}\n", "a key must be a string or a number.*line 1"),
        (f"type: length\ntarget: {'9' * 5000}\n", "not YAML: .*line 2"),
        (
            "- type: linear\n  terms:\n  - number\n",
            r"^item 1: linear.terms.0: got the verifier 'number', ",
        ),
        (
            "- type: linear\n  terms: xml_count\n",
            r"linear.terms: got 'xml_count' \(str\), expected a list",
        ),
        ("type: [1]\n", r"no component is called '\[1\]'"),
        (
            "type: xml_count\ntags: [no, 1]\n",
            r"xml_count.tags.1: got 1 \(int\), expected a string",
        ),
    ],
)
def test_yaml_that_does_not_fit_says_where(text, message):
    with pytest.raises(ValueError, match=f"(?s){message}"):
        rk.load(text)


def test_a_file_is_named_in_its_errors(tmp_path):
    path = tmp_path / "rewards.yaml"
    path.write_text("- type: xml_cont\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"rewards.yaml: item 1: no component"):
        rk.load(path)
    with pytest.raises(
        FileNotFoundError, match=r"file not found: xml_count; rk.build\('xml_count'\) makes"
    ):
        rk.load("xml_count")


def test_yaml_scalars_are_those_of_yaml_1_2():
    text = "type: language\nscores: {no: 1e-3, on: -2.5e+2}\nother: 1\n"
    assert rk.load(text).scores == {"no": 0.001, "on": -250.0}
    assert rk.load("type: length\ntarget: 010\n").target == 10.0


@given(
    equals=st.one_of(
        st.text(st.characters(exclude_categories=["Cs"])),
        st.integers(),
        st.floats(allow_nan=False, allow_infinity=False),
        st.booleans(),
        st.none(),
    ),
    name=st.one_of(
        st.none(), st.sampled_from(["1e-3", "no", "true", "null", "0x1", "1_0", "-1", "12:30"])
    ),
)
def test_any_scalar_survives_yaml(equals, name):
    reward = rk.build("where", reward="xml_count", column="task", equals=equals, name=name)
    again = rk.load(rk.dump(reward))
    assert again == reward
    assert type(again.equals) is type(equals)


def test_names_say_what_differs_from_the_defaults():
    assert rk.build("xml_count").__name__ == "xml_count"
    assert rk.build("xml_count", value=0.25).__name__ == "xml_count.value:0.25"
    assert rk.build("xml_count", value=0.25, name="mine").__name__ == "mine"
    nested = rk.build("correct", verifier={"type": "number", "rel_tol": 0.1}, extractor="boxed")
    assert nested.__name__ == "correct.number.boxed"
    long, longer = (rk.build("regex_match", pattern="x" * size) for size in (500, 501))
    assert len(long.__name__) <= 60
    assert long.__name__ != longer.__name__


def test_a_trees_columns():
    tree = rk.build("correct", verifier="exact", reference="solution") + rk.build("ratio_match")
    assert columns(tree) == ["solution", "answer"]
