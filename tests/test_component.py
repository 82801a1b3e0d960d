from __future__ import annotations

import inspect
from dataclasses import dataclass

import pytest
from pydantic import InstanceOf

import rewardkit as rk
from rewardkit.component import FrozenMapping, columns, field_docs
from rewardkit.extract import Boxed
from rewardkit.rewards import Correct, Length
from rewardkit.verify import Number


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
            r"xml_count.tags: got \('a', 'a'\), expected different names",
        ),
        ("length", {}, "length.target: missing"),
        (  # not the missing field of `length`
            "correct",
            {"verifier": {"type": "length"}},
            r"correct.verifier: got the reward 'length', expected one of the verifiers: code",
        ),
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
            "expected them to rise",
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
    with pytest.raises(AttributeError, match="frozen"):
        one.value = 2.0
    assert rk.build("xml_count", name="a") != rk.build("xml_count", name="b")


def test_a_mapping_field_is_frozen():
    scores = {"en": 1.0}
    reward = rk.build("language", scores=scores)
    scores["en"] = 2.0
    assert reward.scores == {"en": 1.0}
    assert isinstance(reward.scores, FrozenMapping)
    assert hash(reward) == hash(rk.build("language", scores={"en": 1.0}))


def test_a_registered_class_is_final():
    with pytest.raises(TypeError, match=r"XmlCount \('xml_count'\) is registered and cannot be"):
        type("Mine", (type(rk.build("xml_count")),), {})


def test_a_trees_columns():
    tree = rk.build("correct", verifier="exact", reference="solution") + rk.build("ratio_match")
    assert columns(tree) == ["solution", "answer"]


class Listed(rk.Reward):
    words: list[str] = ["a"]  # noqa: RUF012 - the component freezes it
    weights: dict[str, list[int]] = {}  # noqa: RUF012 - the same
    pairs: tuple[list[int], ...] | None = None

    def score(self, batch: rk.Batch) -> list[rk.Score]:
        return [rk.Score(float(text in self.words)) for text in batch.texts]


def test_lists_and_dictionaries_are_frozen_by_their_annotation():
    given = ["b", "c"]
    one = Listed(words=given, weights={"a": [1]}, pairs=([1, 2],))
    given.append("d")
    assert one.words == ("b", "c")
    assert one.weights == {"a": (1,)}
    assert one.pairs == ((1, 2),)
    assert hash(one) == hash(Listed(words=["b", "c"], weights={"a": [1]}, pairs=([1, 2],)))
    assert one(completions=["b", "x"]) == [1.0, 0.0]
    assert repr(Listed()) == "Listed()"
    with pytest.raises(ValueError, match=r"Listed.words.1: got 1 \(int\), expected a string"):
        Listed(words=["a", 1])


def test_a_listed_field_survives_yaml():
    rk.register("listed_for_a_test")(Listed)
    one = Listed(words=["b"], weights={"k": [1, 2]})
    assert rk.load(rk.dump(one)) == one
    assert rk.load(rk.dump(one, defaults=True)) == one


def test_replace_gives_a_validated_copy():
    one = Length(target=40)
    assert one.replace(penalty=0.5) == Length(target=40, penalty=0.5)
    assert one == Length(target=40)
    with pytest.raises(ValueError, match="length: no field 'targte'; did you mean 'target'"):
        one.replace(targte=1)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (Correct, r"^correct.verifier: missing; give it one of the verifiers: code, "),
        (Length, r"^length.target: missing; give it a value$"),
        (
            lambda: Correct(verifier=Number),
            r"got the class Number, expected an instance: Number\(\.\.\.\)",
        ),
        (
            lambda: Correct(verifier=Boxed()),
            r"correct.verifier: got the extractor 'boxed', expected one of the verifiers: ",
        ),
        (
            lambda: Correct(verifier="is_numbr"),
            r"no verifier is called 'is_numbr'; did you mean 'number'\?",
        ),
        (
            lambda: Correct(verifier=max),
            r"got the function max; write a class under rk.Verifier, expected one of the v",
        ),
        (
            lambda: rk.build("clip", reward=max),
            r"got the function max; wrap it: rk.wrap\(max",
        ),
        (
            lambda: rk.build("reward.yaml"),
            r"no component is called 'reward.yaml'; rk.load\('reward.yaml'\) reads a file$",
        ),
        (
            lambda: rk.build(Length),
            r"^got the class Length, expected a registered name, such as 'length'$",
        ),
        (
            lambda: rk.build("where", reward="xml_count", column="a", equals=[1]),
            r"^where.equals: .*, expected a string or an integer or a number or true or false$",
        ),
        (
            lambda: Length(prompts=["a"], completions=["b"]),
            r"the class Length was called with completions; pass an instance",
        ),
    ],
)
def test_a_mistake_is_one_line_with_the_fix(make, message):
    with pytest.raises(ValueError, match=message) as caught:
        make()
    assert "\n" not in str(caught.value)


class Tokenizer:
    """A class that pydantic knows nothing of."""


def declare(annotations=None, decorate=lambda cls: cls, bases=(rk.Reward,), /, **body):
    options = body.pop("options", {})
    body |= {"__annotations__": annotations or {}, "__module__": __name__, "__qualname__": "Own"}
    return decorate(type(rk.Reward)("Own", bases, {**body, "score": score_nothing}, **options))


def score_nothing(self, batch):
    return [rk.Score(None)] * len(batch)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: declare({"size": int}, dataclass), "Own cannot be a @dataclass; leave the dec"),
        (
            lambda: declare(None, dataclass(frozen=True)),
            "Own cannot be a @dataclass; leave the decorator out: the annotations are its fields",
        ),
        (
            lambda: declare(options={"bounds": (0, 1)}),
            r"Own takes no keyword 'bounds' of the class; write it in .* body: bounds = \(0, 1\)$",
        ),
        (
            lambda: declare(words=["a"]),
            "Own.words has no type; write `words: list = ...`, or `words: ClassVar = ...` if it",
        ),
        (lambda: declare(name="short"), r"^Own.name has no type; write `name: str = \.\.\.`$"),
        (lambda: declare(limit=None), r"Own.limit has no type; write `limit: float \| None = "),
        (
            lambda: declare({"words": set[str]}),
            "^Own.words: YAML has no sets, .*; declare a list: `words: list",
        ),
        (
            lambda: declare({"tokenizer": Tokenizer})(tokenizer=Tokenizer()),
            r"^Own.tokenizer: a field cannot hold Tokenizer; .* write pydantic.InstanceOf\[Token",
        ),
        (
            lambda: declare({"size": int, "those": list[Tokenizer]})(size=1, those=[]),
            "^Own.those: a field cannot hold Tokenizer; hold its name or path as a str",
        ),
        (
            lambda: declare({"size": "Sizes"})(size=1),
            "^Own: the type 'Sizes' is not defined; import or define it$",
        ),
    ],
)
def test_a_mistake_in_a_class_is_one_line_with_the_fix(make, message):
    with pytest.raises(TypeError, match=message) as caught:
        make()
    assert "\n" not in str(caught.value)


def test_a_field_may_hold_an_object_that_is_said_to_be_an_instance():
    tokenizer = Tokenizer()
    reward = declare({"tokenizer": InstanceOf[Tokenizer]})(tokenizer=tokenizer)
    assert reward.tokenizer is tokenizer
    assert hash(reward) == hash(reward.replace(name=None))
    with pytest.raises(ValueError, match=r"Own.tokenizer: got 3"):
        type(reward)(tokenizer=3)


def test_a_class_shows_its_fields_as_its_signature():
    own = declare({"size": int})
    assert "fields" in inspect.signature(own).parameters  # until the first use builds the class
    own(size=1)
    assert [*inspect.signature(own).parameters][-1] == "size"


def test_a_class_typed_at_a_prompt_has_no_field_docs():
    space = {"rk": rk}
    code = "class Typed(rk.Extractor):\n    size: int = 1\n    def extract(self, text): ..."
    exec(code, space)  # noqa: S102 - as an interpreter's prompt does
    assert field_docs(space["Typed"]) == {}


def test_a_component_says_how_to_change_it_and_takes_keywords():
    with pytest.raises(
        AttributeError, match=r"Length is frozen; make a changed copy: .replace\(ta"
    ):
        Length(target=1).target = 2.0
    with pytest.raises(AttributeError, match="Length is frozen and has no field 'other'"):
        Length(target=1).other = 2.0
    with pytest.raises(
        TypeError, match=r"Length takes its fields by keyword: name=\.\.\., log_why"
    ):
        Length(400)
