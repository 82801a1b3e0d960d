"""Writing components as YAML and loading them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

import rewardkit as rk
from rewardkit.config import read_yaml
from rewardkit.extract import Tag
from rewardkit.rewards import Correct, Length
from rewardkit.verify import Number


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
    with pytest.raises(TypeError, match=r"got the class Correct, expected an instance"):
        rk.dump(Correct)
    assert rk.dump(count) == "type: xml_count\nvalue: 0.25\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "- type: xml_count\n- type: xml_cont\n",
            "item 2: no component is called 'xml_cont'; did you",
        ),
        ("- type: xml_count\n  value: [1]\n", r"item 1: xml_count.value: got \(1,\) \(tuple\)"),
        (
            "- value: 1\n",
            "item 1: got a mapping with the keys value, expected a mapping with the key",
        ),
        (
            "type: clip\n\treward: is_number\n",
            r"not YAML: .*line 2, column 1\); indent with spaces$",
        ),
        ("\n", r"got nothing, expected a mapping with the key 'type'"),
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
def test_invalid_yaml_is_located(text, message):
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


def test_dump_with_defaults_writes_every_field_and_loads_equal():
    reward = Correct(verifier=Number(rel_tol=0.5), extractor=Tag(which="first"))
    text = rk.dump(reward, defaults=True)
    assert "wrong: 0.0" in text
    assert "abs_tol: 0" in text
    assert "which: first" in text
    assert rk.load(text) == reward
    # what the short text leaves out is what a later version's defaults could change
    assert "wrong" not in rk.dump(reward)


def test_a_function_in_a_configuration_is_refused_with_what_to_write():
    def shouts(completions, **columns):
        return [1.0 for _ in completions]

    with pytest.raises(ValueError, match=r"item 1: got the function shouts.*rk\.wrap\(shouts"):
        rk.load([shouts])
    with pytest.raises(ValueError, match=r"linear.terms.0: got the function shouts; .*rk\.wrap"):
        rk.load([{"type": "linear", "terms": [shouts]}])


def test_yaml_text_without_a_final_newline_is_not_taken_for_a_file():
    with pytest.raises(FileNotFoundError, match="file not found: type: length; YAML text must end"):
        rk.load("type: length")
    assert rk.load([Length(target=1)]) == [Length(target=1)]


NINE_LEVELS = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{one}: &{one} [{', '.join([f'*{before}'] * 9)}]\n"
    for before, one in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (NINE_LEVELS, r"an alias \(\*\), which is not supported.*line 2"),
        ("- &a [*a]\n", "an alias"),
        ("<<: {type: length}\n", "a mapping with the keys <<"),
        ("[" * 100_000 + "\n", "more than 50 levels"),
        ("- " * 51 + "a\n", "more than 50 levels"),
        ("type: length\n" + "#" * 250_000 + "\n", "more than 250,000 characters"),
        ("type: !!timestamp x\n", r"a tag \(!\)"),
        ("!!python/object/apply:os.abort []\n", r"a tag \(!\)"),
        ("type: !!bool maybe\n", r"a tag \(!\)"),
        ("type: regex\npattern: " + "(" * 5_000 + "\n", "does not compile: too deep"),
        ("type: regex\npattern: " + "a" * 100_001 + "\n", "a pattern of 100,001 characters"),
        ("type: regex_match\npattern: " + "(" * 5_000 + "\n", "does not compile: too deep"),
    ],
)
def test_a_hostile_configuration_is_refused(text, message):
    with pytest.raises(ValueError, match=f"(?s){message}") as raised:
        rk.load(text)
    assert len(str(raised.value)) < 500


def test_components_may_be_as_deep_as_yaml_and_mappings_no_deeper_than_python():
    reward = rk.build("length", target=3)
    for _ in range(20):
        reward = rk.build("clip", reward=reward, low=0.0)
    assert rk.load(rk.dump(reward)) == reward
    nested = {"type": "length"}
    for _ in range(5_000):
        nested = {"type": "clip", "reward": nested}
    with pytest.raises(ValueError, match="inside each other too deeply"):
        rk.load(nested)


def test_equal_parts_are_written_out():
    part = rk.build("length", target=3)
    text = rk.dump([part, part, part * 2.0])
    assert "*" not in text
    assert "&" not in text


@pytest.mark.parametrize(
    "content",
    [
        "API_TOKEN=sk-very-secret\n",
        "API_TOKEN: sk-very-secret\n",
        "- API_TOKEN sk-very-secret\n",
        "a: b\n  API_TOKEN: sk-very-secret\n",
        "sk-very-secret: {\n",
        "type: sk-very-secret sk-very-secret\nA: 1\nA: 1\n",
        '"sk-very-secret\n',
        "API_TOKEN='sk-very-secret\n",
    ],
)
def test_a_wrong_path_shows_nothing_of_the_file(tmp_path, content):
    path = tmp_path / ".env"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ValueError, match=r"\.env: ") as raised:
        rk.load(path)
    assert "secret" not in str(raised.value)


@given(st.text(st.sampled_from("[]{}:,-?!&*#|>'\"%@`\\\n\t ~ab01<"), max_size=60))
def test_no_text_raises_anything_but_value_error(text):
    message = ""
    try:
        read_yaml(text)
    except ValueError as error:
        message = str(error)
    assert len(message) < 200
