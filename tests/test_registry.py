"""Registering, building and looking up names."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest

import rewardkit as rk


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


def test_a_notebook_cell_that_runs_again_replaces_its_class():
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


def test_the_decorator_needs_a_name():
    with pytest.raises(TypeError, match=r"write @rk.register\(\"name\"\) above the class"):

        @rk.register
        class Mine(rk.Extractor):
            def extract(self, text: str) -> str | None:
                return text


def test_a_function_is_no_class_to_register():
    def shouts(completions, **columns):
        return [float(text.isupper()) for text in completions]

    with pytest.raises(TypeError, match=r"^got the function shouts, .*rk.wrap\(shouts, bounds="):
        rk.register("shouts")(shouts)


@pytest.mark.parametrize("field", ["json", "copy", "schema", "extract", "replace"])
def test_a_field_cannot_hide_what_a_component_has(field):
    body = {"__annotations__": {field: str}, field: "a", "__module__": __name__}
    if field != "extract":
        body["extract"] = lambda self, text: text
    with pytest.warns(UserWarning, match="shadows"):
        hiding = type("Hiding", (rk.Extractor,), body)
    with pytest.raises(
        ValueError, match=f"a field cannot be called '{field}': .* has an attribute"
    ):
        rk.register("hiding")(hiding)


def test_a_name_is_reserved_only_where_it_is_taken():
    class Bounded(rk.Extractor):
        bounds: int = 3  # an attribute of rewards alone
        score: float = 1.0

        def extract(self, text: str) -> str | None:
            return text[: self.bounds]

    rk.register("bounded_for_a_test")(Bounded)
    assert rk.build("bounded_for_a_test", bounds=1).extract("ab") == "a"
