from __future__ import annotations

import json
import pickle
import socket
import sys
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

import rewardkit as rk
from rewardkit._workers import pool

INSTALL = "the schema extra is not installed: pip install -e '.[dev]'"
jsonschema_rs = pytest.importorskip("jsonschema_rs", reason=INSTALL)
# Another implementation of the standard, to compare with.
jsonschema = pytest.importorskip("jsonschema", reason=INSTALL)
_schema = pytest.importorskip("rewardkit.verify._schema")
PERSON = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer", "minimum": 0}},
    "required": ["name"],
    "additionalProperties": False,
}


def verdict(schema, answer, **fields):
    reference = schema if isinstance(schema, str) else json.dumps(schema)
    (found,) = rk.build("json_schema", **fields).verify([answer], [reference])
    return found


def outcome(schema, answer, **fields):
    return verdict(schema, answer, **fields).outcome.value


@pytest.mark.parametrize(
    ("schema", "right", "wrong"),
    [
        ({"type": "object"}, "{}", "[]"),
        ({"type": ["string", "null"]}, "null", "1"),
        ({"type": "integer"}, "1.0", "1.5"),
        ({"type": "integer"}, "1", "true"),
        ({"type": "number"}, "1e300", '"1"'),
        ({"const": 1}, "1.0", "true"),
        ({"const": {"a": [1, 2]}}, '{"a": [1, 2]}', '{"a": [2, 1]}'),
        ({"enum": ["a", None, 0]}, "null", "false"),
        ({"minimum": 2, "exclusiveMaximum": 3}, "2", "3"),
        ({"maximum": 10**30}, str(10**30), str(10**30 + 1)),
        ({"minLength": 2, "maxLength": 2}, '"\\ud83d\\ude00x"', '"\\ud83d\\ude00"'),
        ({"multipleOf": 0.01}, "0.07", "0.075"),
        ({"multipleOf": 0.1}, "4.3", "4.35"),
        ({"multipleOf": 3}, str(10**30 - 1), str(10**30)),
        ({"items": {"type": "string"}}, '["a"]', '["a", 1]'),
        ({"prefixItems": [{"type": "string"}], "items": False}, '["a"]', '["a", 1]'),
        ({"uniqueItems": True}, '[1, true, "1", [1], {"a": 1}]', '[{"a": 1}, {"a": 1.0}]'),
        ({"uniqueItems": True}, "[[1, 2], [2, 1]]", "[[1], [1]]"),
        ({"uniqueItems": False}, "[1, 1]", None),
        ({"contains": {"type": "null"}, "maxContains": 1}, "[null]", "[null, null]"),
        (PERSON, '{"name": "Ann", "age": 7}', '{"name": "Ann", "age": -1}'),
        (PERSON, '{"name": "Ann"}', '{"name": "Ann", "email": ""}'),
        (PERSON, '{"name": ""}', "{}"),
        ({"anyOf": [{"type": "string"}, {"minimum": 5}]}, "5", "4"),
        ({"oneOf": [{"type": "number"}, {"minimum": 5}]}, "4", "5"),
        ({"not": {"type": "string"}}, "1", '"1"'),
        ({"if": {"type": "string"}, "then": {"minLength": 1}}, '"a"', '""'),
        ({"dependentRequired": {"a": ["b"]}}, '{"b": 1}', '{"a": 1}'),
        ({"propertyNames": {"maxLength": 1}}, '{"a": 1}', '{"ab": 1}'),
        ({"pattern": "^[a-z]+$"}, '"abc"', '"abc\\n"'),
        ({"pattern": "b"}, '"abc"', '"ac"'),
        ({"pattern": "b"}, "1", '"a"'),
        ({"patternProperties": {"^x": {"type": "integer"}}}, '{"x1": 1, "y": ""}', '{"x1": ""}'),
        (
            {
                "properties": {"a": {}},
                "patternProperties": {"^x": {}},
                "additionalProperties": {"type": "null"},
            },
            '{"a": 1, "x": 1, "b": null}',
            '{"a": 1, "x": 1, "b": 1}',
        ),
        (
            {"allOf": [{"properties": {"a": {}}}], "unevaluatedProperties": False},
            '{"a":1}',
            '{"b":1}',
        ),
        ({"$ref": "#/$defs/n", "$defs": {"n": {"type": "null"}}}, "null", "1"),
        ({"$ref": "#/definitions/n", "definitions": {"n": {"type": "null"}}}, "null", "1"),
        ({"$ref": "#n", "$defs": {"n": {"$anchor": "n", "type": "null"}}}, "null", "1"),
        (
            {"properties": {"next": {"$ref": "#"}}, "required": ["v"]},
            '{"v":1}',
            '{"v":1,"next":{}}',
        ),
        ({"properties": {"$ref": {"type": "string"}}}, '{"$ref": "#/x"}', '{"$ref": 1}'),
        ({"properties": {"pattern": {"type": "string"}}}, '{"pattern": "("}', '{"pattern": 1}'),
        ({"const": {"$ref": "#/x"}}, '{"$ref": "#/x"}', "{}"),
        ({"format": "date"}, '"today"', None),
        ({"something": "else"}, "1", None),
        ("true", "1", None),
        ("{}", "1", None),
        ('{"not": {}}', None, "1"),
        (
            {"$schema": "http://json-schema.org/draft-07/schema#", "items": [{"type": "null"}]},
            "[null, 1]",
            "[1]",
        ),
        (
            {
                "$schema": "http://json-schema.org/draft-04/schema#",
                "minimum": 1,
                "exclusiveMinimum": True,
            },
            "2",
            "1",
        ),
    ],
    ids=str,
)
def test_verdicts(schema, right, wrong):
    assert right is None or outcome(schema, right) == "correct"
    assert wrong is None or outcome(schema, wrong) == "wrong"


SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 3), st.sampled_from([0.5, 1.0, "", "a"])
)
VALUES = st.recursive(
    SCALARS,
    lambda inside: st.one_of(
        st.lists(inside, max_size=3), st.dictionaries(st.sampled_from("ab"), inside, max_size=2)
    ),
    max_leaves=5,
)
TYPES = st.sampled_from(["null", "boolean", "integer", "number", "string", "array", "object"])
SCHEMAS = st.recursive(
    st.one_of(
        st.booleans(),
        st.fixed_dictionaries(
            {},
            optional={
                "type": st.one_of(TYPES, st.lists(TYPES, min_size=1, max_size=3, unique=True)),
                "const": VALUES,
                "enum": st.lists(VALUES, min_size=1, max_size=3),
                "minimum": st.integers(-2, 2),
                "maxLength": st.integers(0, 1),
                "minItems": st.integers(0, 2),
                "uniqueItems": st.booleans(),
                "minProperties": st.integers(0, 2),
                "required": st.lists(st.sampled_from("ab"), unique=True),
                "description": st.just("x"),
            },
        ),
    ),
    lambda inside: st.fixed_dictionaries(
        {},
        optional={
            "properties": st.dictionaries(st.sampled_from("ab"), inside),
            "additionalProperties": inside,
            "propertyNames": inside,
            "prefixItems": st.lists(inside, min_size=1, max_size=2),
            "items": inside,
            "contains": inside,
            "maxContains": st.integers(0, 2),
            "anyOf": st.lists(inside, min_size=1, max_size=2),
            "oneOf": st.lists(inside, min_size=1, max_size=2),
            "allOf": st.lists(inside, min_size=1, max_size=2),
            "not": inside,
            "if": inside,
            "then": inside,
            "dependentSchemas": st.dictionaries(st.sampled_from("ab"), inside),
        },
    ),
    max_leaves=5,
)


@given(schema=SCHEMAS, value=VALUES)
def test_verdicts_agree_with_another_implementation(schema, value):
    expected = jsonschema.Draft202012Validator(schema).is_valid(value)
    assert outcome(schema, json.dumps(value)) == ("correct" if expected else "wrong")


@pytest.mark.parametrize(
    "pattern",
    [
        r"^\d+$",
        r"^\w+$",
        r"^[\w-]+$",
        r"^\$\d$",
        r"^[$]$",
        r"^\p{L}+$",
        r"a|b$",
        r"^\S+@\S+$",
        "^.$",
    ],
)
@pytest.mark.parametrize(
    "text", ["42", "42\n", "٤٢", "é", "a_1", "a-1", "$", "$1", "a", "b\n", "x@y", "", "😀", "a$"]
)
def test_patterns_are_those_of_ecma_262(pattern, text):
    # jsonschema-rs translates them from ECMA 262 for an engine of its own
    expected = jsonschema_rs.Draft202012Validator({"pattern": pattern}).is_valid(text)
    assert outcome({"pattern": pattern}, json.dumps(text)) == ("correct" if expected else "wrong")


META = "https://json-schema.org/draft/2020-12/schema"  # which jsonschema-rs brings
DYNAMIC = {"$dynamicRef": "#n", "$defs": {"a": {"$dynamicAnchor": "n", "type": "null"}}}
TREE = {"properties": {"left": {"$ref": "#"}, "right": {"$ref": "#"}}}
PAIR_OF_PAIRS = {
    "$ref": "#/$defs/b",
    "$defs": {"a": {"maxItems": 2}, "b": {"items": {"$ref": "#/$defs/a"}, "maxItems": 2}},
}


@pytest.mark.parametrize(
    ("schema", "bounded"),
    [
        (True, True),
        ({"items": {"const": 1}}, True),
        ({"pattern": "^a+$"}, True),
        (PAIR_OF_PAIRS, True),
        ({"pattern": r"^(a|b)\1$"}, False),
        ({"patternProperties": {"(?=a)": {}}}, False),
        (TREE, False),
        ({"unevaluatedItems": False}, False),
        (DYNAMIC, False),
        ({"$defs": {"a": {"$id": "a", "items": {"$ref": "#"}}}, "$ref": "a"}, False),
    ],
    ids=str,
)
def test_which_schemas_take_time_bounded_by_their_size(schema, bounded):
    cost = _schema.read_schema(json.dumps(schema)).cost
    assert (cost < 1000) is bounded
    assert bounded or cost == float("inf")


def test_the_cost_of_a_schema_counts_each_use_of_a_reference():
    doubled = {
        f"d{level}": {"allOf": [{"$ref": f"#/$defs/d{level - 1}"}] * 2} for level in range(1, 30)
    }
    schema = {"$ref": "#/$defs/d29", "$defs": {"d0": {"type": "null"}, **doubled}}
    assert _schema.read_schema(json.dumps(schema)).cost > 2**29


@pytest.mark.parametrize(
    ("schema", "right", "wrong"),
    [
        (TREE, '{"left": {"right": {}}}', None),
        (
            {**TREE, "maxProperties": 1},
            '{"left": {"right": {}}}',
            '{"left": {"left": 1, "right": 2}}',
        ),
        ({"pattern": r"^(a|b)\1$"}, '"aa"', '"ab"'),
        ({"$ref": "b", "$defs": {"a": {"$id": "b", "type": "null"}}}, "null", "1"),
        (
            {"$dynamicRef": "#n", "$defs": {"a": {"$dynamicAnchor": "n", "type": "null"}}},
            "null",
            "1",
        ),
    ],
    ids=str,
)
def test_verdicts_of_a_worker(schema, right, wrong):
    assert outcome(schema, right, timeout=30.0) == "correct"
    assert wrong is None or outcome(schema, wrong, timeout=30.0) == "wrong"


def test_a_schema_that_only_a_worker_compiles_may_be_bad():
    schema = {"$defs": {"a": {"$id": "a", "type": "whole"}}}
    assert _schema.read_schema(json.dumps(schema)).validator is None
    found = verdict(schema, "1", timeout=30.0)
    assert found.outcome is rk.Outcome.BAD_REFERENCE
    assert "'whole' is not valid" in found.detail.replace('"', "'")


def test_prose_around_the_json_does_not_count(monkeypatch):
    monkeypatch.setattr(pool, "run", lambda *_, **__: pytest.fail("this process can decide it"))
    schema = {"enum": list(range(1000)), "description": "x" * 10_000}
    assert outcome(schema, "Let me think. " * 10_000 + "[1]") == "wrong"


def test_equal_pairs_are_decided_once(monkeypatch):
    asked = []
    run = pool.run
    monkeypatch.setattr(
        pool, "run", lambda name, rows, **k: asked.extend(rows) or run(name, rows, **k)
    )
    verifier = rk.build("json_schema", json_schema=TREE, timeout=30.0)
    verdicts = verifier.verify(["{}", "[]", "{}", "{}"], [None] * 4)
    assert [each.outcome.value for each in verdicts] == ["correct"] * 4
    assert len(asked) == 2


@pytest.mark.parametrize(
    ("answer", "first", "whole"),
    [
        ('{"a": 1}', "correct", "correct"),
        (' \n{"a": 1}\n', "correct", "correct"),
        ('Here: {"a": 1}.', "correct", "wrong"),
        ('{"a": 1} {"a": 2}', "correct", "wrong"),
        ('{"a": 2} {"a": 1}', "wrong", "wrong"),
        ('```json\n{"a": 1}\n```', "correct", "wrong"),
        ('So {"a": 2}?\n```json\n{"a": 1}\n```\nand ```json\n{"a": 2}\n```', "correct", "wrong"),
        ('```JSON {"a": 1}', "correct", "wrong"),
        ('```json\n{"a": 1} or so\n```', "wrong", "wrong"),
        ('```json\nno\n```\n{"a": 1}', "wrong", "wrong"),
        ('```\n{"a": 1}\n```', "correct", "wrong"),
        ('```json\n{"b": "```", "a": 1}\n```', "correct", "wrong"),
        ("{this} [is] {'not': [1]} but {\"a\": 1}", "correct", "wrong"),
        ('{this} [is] \\frac{a}{b} but {"a": 1}', "correct", "wrong"),
        ('{"b": [1, 2}, {"a": 1}', "correct", "wrong"),
        ('{"b": {"a": 1}, ...', "wrong", "wrong"),
        ('[1] says so. {"a": 1}', "correct", "wrong"),
        ('["b"] and [{"a": 2}], so {"a": 1}', "correct", "wrong"),
        ('```python\nx = {}\n```\n{"a": 1}', "correct", "wrong"),
        ('```python\nx = {"a": 2}\n```\nso\n```json\n{"a": 1}\n```', "correct", "wrong"),
        ('```json\n[1]\n```\n```json\n{"a": 1}\n```', "correct", "wrong"),
        ('Here: {"b": "```json\\n{}\\n```", "a": 1}', "correct", "wrong"),
        ('Here: {"b": "as in\\n```ts\\nx\\n```", "a": 1}, done', "correct", "wrong"),
        ('~~~json\n{"a": 1}\n~~~', "correct", "wrong"),
        ('```json\n{"a": 1}', "correct", "wrong"),
        ("[1] and [2]", "wrong", "wrong"),
        ("1", "wrong", "wrong"),
        ("no JSON here", "wrong", "wrong"),
        ("[", "wrong", "wrong"),
    ],
)
def test_where_the_json_is_found(answer, first, whole):
    schema = {"type": "object", "properties": {"a": {"const": 1}}, "required": ["a"]}
    assert outcome(schema, answer) == first
    assert outcome(schema, answer, which="whole") == whole


@given(
    value=VALUES.filter(lambda value: isinstance(value, list | dict)),
    before=st.text("ab .:", max_size=9),
)
def test_the_first_object_or_array_is_found_in_prose(value, before):
    answer = f"{before}! {json.dumps(value)} and [1]"
    assert outcome({"const": value}, answer) == "correct"


def test_all_of_the_text_may_be_a_scalar():
    assert outcome({"type": "integer"}, " 42 ") == "correct"
    assert outcome({"type": "string"}, "42") == "wrong"
    assert verdict({"type": "integer"}, "so 42").detail == "not JSON"


@pytest.mark.parametrize(
    ("answer", "detail"),
    [
        ('{"a": NaN}', "not JSON: NaN is not a number"),
        ("[-Infinity]", "not JSON: -Infinity is not a number"),
        ('{"a": 1, "a": 2}', "not JSON: a key is repeated"),
        ('[{"a": 1, "\\u0061": 2}]', "not JSON: a key is repeated"),
        ("[1e999]", "not JSON: too large a number"),
        ("[" + "7" * 301 + "]", "not JSON: too large a number"),
        ("[01]", "not JSON"),
        ("[1,]", "not JSON"),
        ("['a']", "not JSON"),
        ('["\n"]', "not JSON"),
        ("[1] // one", "not JSON"),
    ],
)
def test_json_is_strict(answer, detail):
    assert verdict("{}", answer, which="whole") == rk.Verdict(rk.Outcome.WRONG, detail)


@pytest.mark.parametrize(
    ("schema", "detail"),
    [
        ("no schema", "not a schema: Expecting value: line 1 column 1 (char 0)"),
        ("42", "not a schema: got 42, expected an object, true or false"),
        ('"true"', 'not a schema: got "true", expected an object, true or false'),
        (
            '{"type": "whole"}',
            'not a schema: $.type: "whole" is not valid under any of the schemas',
        ),
        ('{"minimum": NaN}', "not a schema: NaN is not a number"),
        ('{"type": "string", "type": "null"}', "not a schema: a key is repeated"),
        ('{"pattern": "("}', 'not a schema: $.pattern: "(" is not a "regex"'),
        (
            '{"properties": {"a": {"$ref": "#/$defs/b"}}}',
            "not a schema: $ref '#/$defs/b' has",
        ),
        (
            '{"$ref": "#/definitions/a", "definitions": {"a": {"$ref": "#b"}}}',
            "not a schema: $ref '#b'",
        ),
        ('{"$ref": "other.json"}', "not a schema: Resource 'other.json' is not present"),
        ('{"$ref": "#"}', "not a schema: a $ref leads back to itself"),
        (
            '{"anyOf": [{"type": "null"}, {"$ref": "#"}]}',
            "not a schema: a $ref leads back to itself",
        ),
        (
            '{"properties": {"a": {"not": {"$ref": "#/properties/a"}}}}',
            "not a schema: a $ref leads back to itself",
        ),
        (
            json.dumps(
                {
                    "items": {"$ref": "#/$defs/k"},
                    "allOf": [{"$ref": "#/$defs/k"}],
                    "$defs": {"k": {"allOf": [{"$ref": "#"}]}},
                }
            ),
            "not a schema: a $ref leads back to itself",
        ),
        ('{"not": ' * 3000 + "{}" + "}" * 3000, "not a schema: nested too deep"),
        ('{"const": "\\ud800"}', "not a schema: "),
        ('{"$schema": "https://example.com/my"}', "not a schema: "),
        ('{"$schema": "http://json-schema.org/draft-03/schema#"}', "not a schema: "),
        ('{"$schema": 7}', 'not a schema: $.$schema: 7 is not of type "string"'),
        (
            json.dumps(
                {
                    "allOf": [{"$ref": f"#/$defs/{n}"} for n in range(3001)],
                    "$defs": {str(n): {} for n in range(3001)},
                }
            ),
            "not a schema: more than 3000 references",
        ),
    ],
    ids=lambda text: text[:30],
)
def test_a_bad_schema_is_a_bad_reference(schema, detail):
    for answer in ("{}", "1", "no JSON", None, ""):
        found = verdict(schema, answer)
        assert found.outcome is rk.Outcome.BAD_REFERENCE
        assert found.detail.startswith(detail)


KEYWORDS = [
    *("type", "const", "enum", "required", "properties", "items", "prefixItems", "additionalItems"),
    *("pattern", "patternProperties", "additionalProperties", "unevaluatedProperties", "minimum"),
    *("multipleOf", "uniqueItems", "maxLength", "anyOf", "not", "if", "then", "contains", "title"),
    *("dependentSchemas", "dependencies", "$ref", "$dynamicRef", "$id", "$anchor", "$defs", "id"),
    *("definitions", "extends", "disallow", "divisibleBy", "format", "default"),
]
DIALECTS = [
    "https://json-schema.org/draft/2020-12/schema",
    "https://json-schema.org/draft/2019-09/schema",
    *(f"http://json-schema.org/draft-0{number}/schema#" for number in (3, 4, 6, 7)),
]
WILD = st.recursive(
    st.sampled_from(
        [
            *(None, True, False, 0, 1, -1, 0.5, 1e300, 10**299, "", "a", "[", "string", "integer"),
            *("#", "#/title", "#/const", "#/$defs/a", "#/definitions/a", "#/properties/a", "#a"),
        ]
    ),
    lambda inside: st.one_of(
        st.lists(inside, max_size=3),
        st.dictionaries(st.sampled_from([*KEYWORDS, "a"]), inside, max_size=4),
    ),
    max_leaves=12,
)


@given(
    schema=st.dictionaries(st.sampled_from(KEYWORDS), WILD, max_size=5),
    dialect=st.sampled_from(DIALECTS),
    value=WILD,
)
def test_any_object_is_a_schema_or_a_bad_reference(schema, dialect, value):
    found = verdict({**schema, "$schema": dialect}, json.dumps(value), timeout=20.0)
    assert found.outcome.value in ("correct", "wrong", "bad_reference")


def test_nothing_is_fetched():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(0.2)
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/schema"
        assert outcome({"$ref": url}, "1") == "bad_reference"
        with pytest.raises(TimeoutError):
            listening.accept()


def test_the_detail_of_a_fault_is_short():
    assert verdict(PERSON, '{"name": "Ann", "age": -1}').detail == (
        "$.age: -1 is less than the minimum of 0"
    )
    assert verdict(PERSON, "{}").detail == '$: "name" is a required property'
    long = verdict({"items": {"type": "null"}}, json.dumps(["x" * 10**6])).detail
    assert long.endswith('xxx" is not of type "null"')
    assert len(long) < 200


def test_references_in_every_shape():
    verifier = rk.build("json_schema")
    null, number = {"type": "null"}, {"type": "number"}
    references = [null, json.dumps(null), [number, null], [json.dumps(number), "no schema"]]
    outcomes = [each.outcome.value for each in verifier.verify(["null"] * 4, references)]
    assert outcomes == ["correct", "correct", "correct", "wrong"]
    bad = [None, "", " ", [], {1, 2}, 7, True, 0.5, {"type": {1}}, {"minimum": float("nan")}, b"{}"]
    for reference in bad:
        assert verifier.verify(["null"], [reference])[0].outcome is rk.Outcome.BAD_REFERENCE
    assert [each.outcome.value for each in verifier.verify([None, " "], [null, null])] == [
        "no_answer",
        "no_answer",
    ]
    with pytest.raises(ValueError, match="got 1 answers for 2 references"):
        verifier.verify(["null"], [null, null])


def test_a_schema_in_a_field_is_that_of_every_row():
    verifier = rk.build("json_schema", json_schema=PERSON)
    outcomes = verifier.verify(['{"name": ""}', "{}", None], [None, {"type": "object"}, "42"])
    assert [each.outcome.value for each in outcomes] == ["correct", "wrong", "no_answer"]
    again = rk.load(rk.dump(verifier))
    assert again == verifier == pickle.loads(pickle.dumps(verifier))
    assert hash(again) == hash(verifier)
    with pytest.raises(TypeError):
        verifier.json_schema["properties"]["name"]["type"] = "null"


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ({"type": "whole"}, 'json_schema: not a schema: $.type: "whole" is not valid'),
        ({"const": {1, 2}}, "JSON cannot hold it: got {1, 2} (set)"),
        ({"$ref": "#/a"}, "json_schema: not a schema: $ref '#/a' has no target"),
        ("{}", "json_schema: got '{}' (str), expected a mapping"),
    ],
)
def test_an_invalid_schema_in_the_field_raises(schema, message):
    with pytest.raises(ValueError) as error:  # noqa: PT011 - the text is looked at below
        rk.build("json_schema", json_schema=schema)
    assert message in str(error.value)


def test_correct_reads_the_column_or_needs_none():
    text = '<answer>{"name": "Ann"}</answer>'
    by_column = rk.build("correct", verifier="json_schema")
    assert by_column(completions=[text] * 3, answer=[PERSON, '{"type": "null"}', None]) == [
        1.0,
        0.0,
        None,
    ]
    own = {"type": "json_schema", "json_schema": PERSON}
    alone = rk.build("correct", verifier=own, reference=None)
    assert alone(completions=[text, "<answer>{}</answer>", "?"]) == [1.0, 0.0, 0.0]
    assert rk.load(rk.dump(alone)) == alone
    assert rk.build("correct", verifier="number", reference=None)(completions=[text]) == [None]


def nested(depth, inside="1"):
    return "[" * depth + inside + "]" * depth


MIXED = json.dumps([[n] if n % 2 else {"a": n} for n in range(20_000)])
TWICE = {
    "anyOf": [
        {"items": {"$ref": "#"}, "type": "array"},
        {"items": {"$ref": "#"}, "type": ["array"], "minItems": 1},
    ]
}


@pytest.mark.parametrize(
    ("schema", "answer", "expected"),
    [
        ({}, "[" * 100_000, "wrong"),
        ({}, nested(100_000), "wrong"),
        ({"items": {"$ref": "#"}}, nested(900), "correct"),
        ({"uniqueItems": True}, f"[{nested(900)}, {nested(900)}]", "wrong"),
        ({}, '{"a":' * 100_000, "wrong"),
        ({}, "7" * 1_000_000, "wrong"),
        ({}, "[" + "7" * 1_000_000 + "]", "wrong"),
        ({"items": {"multipleOf": 0.5}}, "[0." + "7" * 1_000_000 + "]", "wrong"),
        ({"multipleOf": 1e-300}, "1e300", "correct"),
        ({}, '["' * 500_000, "wrong"),
        ({}, "[x" * 500_000, "wrong"),
        ({}, '{"' * 500_000, "wrong"),
        ({}, "[1 " * 300_000, "wrong"),
        ({}, '["\\' * 300_000, "wrong"),
        ({}, "[ " * 500_000, "wrong"),
        ({}, "[" + " " * 1_000_000, "wrong"),
        ({}, "```json " * 120_000, "wrong"),
        ({}, "a" * 1_000_000, "wrong"),
        ({"minProperties": 1}, "{}" * 500_000, "wrong"),
        ({"pattern": "^(a|aa)+$"}, json.dumps("a" * 40 + "!"), "wrong"),
        ({"pattern": r"^(a|aa)+\1$"}, json.dumps("a" * 60 + "!"), "timeout"),
        ({"not": {"pattern": r"^(a|aa)+\1$"}}, json.dumps("a" * 60 + "!"), "timeout"),
        ({"patternProperties": {"^(a|aa)+$": {}}}, json.dumps({"a" * 40 + "!": 1}), "correct"),
        (
            {"patternProperties": {"^(a|aa)+$": {}}, "additionalProperties": False},
            json.dumps({"a" * 40 + "!": 1}),
            "wrong",
        ),
        (
            {"patternProperties": {r"^(a|aa)+\1$": {}}, "additionalProperties": False},
            json.dumps({"a" * 60 + "!": 1}),
            "timeout",
        ),
        (
            {"anyOf": [{"items": {"enum": [[n] for n in range(2000)]}}]},
            json.dumps([[-n] for n in range(1, 5000)]),
            "wrong",
        ),
        (TWICE, nested(40), "timeout"),
        ({"uniqueItems": True}, MIXED, "correct"),
        ({"uniqueItems": True}, json.dumps([2**61 * n - n for n in range(20_000)]), "correct"),
        ({"contains": {"type": "null"}}, MIXED, "wrong"),
        ({"type": "string"}, '"\\ud800"', "correct"),
        ({"additionalProperties": False}, '{"\\ud800": 1}', "wrong"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_hostile_answers_are_decided(schema, answer, expected):
    # Minutes or hours where nothing bounds it.
    found = verdict(schema, answer, timeout=0.2 if expected == "timeout" else 60.0)
    assert found.outcome.value == expected
    found.detail.encode()


def test_a_timeout_affects_only_one_answer():
    verifier = rk.build("json_schema", json_schema=TWICE, timeout=2.0)
    found = verifier.verify([nested(40), "[]", "1"], [None] * 3)
    assert found[0] == rk.Verdict(rk.Outcome.TIMEOUT, "not decided within 2 s")
    assert [each.outcome.value for each in found[1:]] == ["correct", "wrong"]


def test_a_thread_waiting_for_a_worker_does_not_block_others():
    endless = rk.build("json_schema", json_schema=TWICE, timeout=2.0)
    found = []
    thread = threading.Thread(target=lambda: found.extend(endless.verify([nested(40)], [None])))
    thread.start()
    assert outcome({"pattern": "a"}, '"a"') == "correct"
    assert thread.is_alive()
    thread.join()
    assert found[0].outcome is rk.Outcome.TIMEOUT


def test_without_jsonschema_rs_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "jsonschema_rs", None)
    monkeypatch.delitem(sys.modules, "rewardkit.verify._schema")
    with pytest.raises(ImportError, match=r"pip install 'rewardkit\[schema\]'"):
        rk.build("json_schema").verify(["1"], ["{}"])


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [("As in [2], it is [7, 8].", "correct"), ("[2]", "wrong"), ('In [2]: ["a"]', "wrong")],
)
def test_a_citation_before_an_array_is_not_the_answer(answer, outcome):
    schema = {"type": "array", "items": {"type": "integer"}, "minItems": 2}
    [verdict] = rk.build("json_schema").verify([answer], [schema])
    assert verdict.outcome.value == outcome
