"""What an extractor must find, and must not, where nothing was said about it."""

from __future__ import annotations

import re

import pytest

import rewardkit as rk
from rewardkit import testing as kit

LAWS = ["finds_answer", "finds_nothing"]


def first_group(pattern, missing=None, flags=re.DOTALL):
    compiled = re.compile(pattern, flags)

    def extract(text):
        found = compiled.search(text)
        return found[1].strip() if found else missing

    return extract


def after_the_tag(text):
    return text.split("<final>")[-1].split("</final>")[0].strip()


@pytest.mark.parametrize(
    ("extract", "law"),
    [
        (first_group(r"\\boxed\{([^}]*)\}"), "finds_answer"),
        (first_group(r"<final>(.*)</final>"), "finds_answer"),
        (first_group(r"<final>(.*?)</final>", flags=0), "finds_answer"),
        (first_group(r"<final>([^<]*)</final>", missing=""), "finds_nothing"),
        (first_group(r"(\d+)", missing="0"), "finds_nothing"),
        (after_the_tag, "finds_nothing"),
    ],
)
def test_answers_that_are_cut_lost_or_made_up(extract, law):
    with pytest.raises(kit.LawBroken) as raised:
        kit.check_extractor(extract, laws=LAWS)
    (finding,) = raised.value.findings
    assert finding.law == law
    assert finding.code.splitlines()[-1] == f"assert {finding.expected}"


@pytest.mark.parametrize(
    "extract",
    [
        first_group(r"<final>\s*([^<]*)</final>"),
        first_group(r"(\d+)"),
        str.strip,
        rk.build("tag", tag="final"),
        rk.build("boxed"),
        rk.build("whole"),
    ],
)
def test_an_extractor_that_is_right_keeps_both_laws(extract):
    checked = kit.check_extractor(extract, laws=LAWS)
    assert "finds_nothing" in checked.held
    assert {*checked.skipped} <= {"finds_answer"}
