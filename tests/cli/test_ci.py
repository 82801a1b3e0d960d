from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

import rewardkit as rk
from rewardkit.cli import ci, main


def read_xml(path: Path) -> ET.Element:
    return ET.fromstring(path.read_text("utf-8"))  # noqa: S314 - of its own making


def test_a_file_of_junit_has_a_case_per_law(folder):
    pytest.importorskip("hypothesis")
    code = "def first(completions, **_):\n    return [float(t[0] == 'a') for t in completions]\n"
    Path("first.py").write_text(f"\n\n{code}", "utf-8")
    given = ["--law", "total", "--law", "length", "--form", "text", "--junit", "out.xml"]
    assert main(["check", "first.py:first", *given]) == 1
    suite = read_xml(Path("out.xml"))[0]
    assert suite.attrib == {
        "name": "rewardkit check",
        "tests": "2",
        "failures": "1",
        "skipped": "0",
        "errors": "0",
    }
    failed = suite.find("testcase[failure]")
    assert failed is not None
    assert failed.attrib == {
        "classname": "first",
        "name": "never_raises",
        "file": "first.py",
        "line": "3",
    }
    assert "IndexError" in failed[0].attrib["message"]
    assert "import first as reward" in failed[0].text


def test_an_audit_is_a_case_per_exploit(folder, capsys):
    soft = "rewardkit.presets.published.soft_format_reward_func"
    given = ["--junit", "out.xml", "--github", "--json"]
    assert main(["audit", soft, "xml_soft", "--sample", "xml_line", *given]) == 1
    printed = capsys.readouterr()
    exploits = json.loads(printed.out)["findings"]  # annotations do not break the JSON
    cases = [*read_xml(Path("out.xml"))[0]]
    # xml_soft and the total have no exploit, and a case each that says so
    assert len(cases) == len(exploits) + 2
    assert {c.attrib["name"] for c in cases} >= {found["entry"] for found in exploits}
    errors = [line for line in printed.err.splitlines() if line.startswith("::error ")]
    assert len(errors) == ci.MAX_ANNOTATIONS
    more = len(exploits) - ci.MAX_ANNOTATIONS
    assert f"::notice title=rewardkit audit::{more} more findings in the log" in printed.err


def test_any_text_is_valid_xml(tmp_path):
    text = "".join(map(chr, [*range(0x300), 0xD800, 0xFFFE, 0xFFFF, 0x1F600])) + "]]>&<\"'"
    ci.write_junit(tmp_path / "out.xml", "s", [ci.Case("a", "b", problem=text, detail=text)])
    failure = read_xml(tmp_path / "out.xml")[0][0][0]
    assert failure.text.endswith("]]>&<\"'")
    assert "\\x00" in failure.text
    assert "\\ud800" in failure.text


def test_annotations_escape_what_ends_a_command(capsys):
    case = ci.Case("own:a", "x,y", problem="100 %\nnext", file="a,b.py", line=3)
    ci.print_annotations("check", [case, ci.Case("b", "held")], err=False)
    assert capsys.readouterr().out == (
        "::error file=a%2Cb.py,line=3,title=check%3A own%3Aa%2C x%2Cy::100 %25%0Anext\n"
    )


def test_built_in_rewards_and_functions_of_a_prompt_have_no_place():
    assert ci.locate(rk.build("xml_soft")) == ("", 1)
    namespace: dict = {}
    exec("def typed(completions): return []", namespace)  # noqa: S102 - as at a prompt
    assert ci.locate(namespace["typed"]) == ("", 1)
    file, line = ci.locate(test_any_text_is_valid_xml)
    assert Path(file).name == "test_ci.py"
    assert line > 1
