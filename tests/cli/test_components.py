from __future__ import annotations

import json
import re
import sys
from typing import Any

import pytest

import rewardkit as rk
from cli.commands import run
from rewardkit.cli.components import describe_component
from rewardkit.registry import lookup


def show(name: str) -> Any:
    return json.loads(run("show", name, "--json"))


def test_list_prints_one_name_per_line_if_not_in_a_terminal():
    assert run("list", "verifier").split() == rk.names("verifier")


def test_list_as_json():
    listed = json.loads(run("list", "--json"))
    assert [row["name"] for row in listed] == rk.names()
    # other tests register components, not all of them with a docstring
    classes = {row["name"]: lookup(row["name"]) for row in listed}
    own = [
        row
        for row in listed
        if (cls := classes[row["name"]]).__module__.startswith("rewardkit.")
        # a docstring's example registers classes too, which are no attribute of its module
        and hasattr(sys.modules[cls.__module__], cls.__name__)
    ]
    assert len(own) > 20
    assert all(row["kind"] and row["summary"].endswith((".", ":")) for row in own)


@pytest.mark.parametrize("name", rk.names())
def test_show_documents_every_field(name):
    page = show(name)
    assert all(field["doc"] for field in page["fields"])
    assert page["example"].startswith(">>>")
    # types in words, not in Python's own notation
    for field in page["fields"]:
        assert not re.search(r"[\[\]`]|FieldInfo|NoneType", field["type"]), field
    shown = run("show", name)
    assert name in shown
    assert all(field["name"] in shown for field in page["fields"])


@pytest.mark.sandbox
def test_show_says_what_answers_run_in():
    assert show("code")["sandbox"].startswith("bubblewrap, ")
    assert "\nsandbox bubblewrap, " in run("show", "code")
    assert show("exact")["sandbox"] is None


def test_show_says_why_nothing_can_run(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert describe_component("code")["sandbox"].startswith("nothing: ")


def test_show_marks_required_fields():
    fields = {field["name"]: field for field in show("length")["fields"]}
    assert fields["target"]["required"]
    assert (fields["penalty"]["required"], fields["penalty"]["default"]) == (False, 1.0)
    assert fields["unit"]["default"] == "characters"


def test_show_describes_types_in_words():
    types = {field["name"]: field["type"] for field in show("ratio_match")["fields"]}
    assert types["bands"] == "list of (float above 0, float)"
    assert types["extractor"] == "extractor"
    assert types["reference"] == "name of a column"
    assert types["exact"] == "float or None"
    # the default is wrapped, between the lines of its description
    assert re.search(r"= \(\(0\.1, 2\.0\), \(0\.2,\s.*\n\s+1\.5\)\)\s", run("show", "ratio_match"))


def test_show_names_the_columns_of_a_component_with_required_fields():
    assert show("correct")["columns"] == ["answer"]


def test_show_has_bounds_and_source():
    page = show("xml_count")
    assert (page["bounds"], page["pointwise"]) == ([0.0, 0.5], True)
    assert "min 0, max 0.5" in run("show", "xml_count")
    assert show("diversity")["pointwise"] is False
    # rewards with required fields, whose class must say it
    for name in ("relative", "difficulty", "best_of", "standardize", "relative_judge"):
        assert show(name)["pointwise"] is False
    assert "each row depends on its group" in run("show", "relative")
    # one that scores rows as the reward in it does
    assert show("where")["pointwise"] is None
    assert show("regex_match")["pointwise"] is True
    assert "DAPO" in run("show", "overlong")
    assert show("correct")["source"]
