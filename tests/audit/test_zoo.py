from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from rewardkit.audit import SAMPLES, ZOO, fill
from rewardkit.audit.ablations import PARTS, SLOT, ReferenceCompletion


def test_the_zoo_is_large_and_its_names_are_unique() -> None:
    names = [entry.name for entry in ZOO]
    assert len(names) == len(set(names)) >= 140
    assert all(re.fullmatch(r"[a-z0-9-]+", name) for name in names)
    assert len({entry.family for entry in ZOO}) >= 15
    assert all({*entry.missing} <= {*PARTS} and entry.missing for entry in ZOO)


def all_references() -> list[ReferenceCompletion]:
    """Return the reference completion of each row of each sample, a negative number and a box."""
    found = [
        ReferenceCompletion(
            "<a>so</a><b>\ue000</b>", answer, prompt="3 and 4", other_completion="<a>x</a><b>1</b>"
        )
        for answer in ("-7", "[10, 10, 30, 30]")
    ]
    for sample in SAMPLES.values():
        for row in sample.rows:
            skeleton = fill(sample.template, {**row, sample.answer: SLOT})
            found.append(
                ReferenceCompletion(
                    skeleton, str(row[sample.answer]), prompt="1 2", other_completion="?"
                )
            )
    return found


def test_each_entry_is_made_for_some_sample() -> None:
    references = all_references()
    for entry in ZOO:
        assert any(entry.make(reference) is not None for reference in references), entry.name


@given(
    st.text(st.characters(exclude_characters=SLOT), max_size=30),
    st.sampled_from(
        [
            SLOT,
            f"<think>So.</think>{SLOT}",
            f"<a>{SLOT}</a>",
            rf"It is \boxed{{{SLOT}}}.",
            f"<x>\n{SLOT}\n</x> <y>\n{SLOT}\n</y>",
        ]
    ),
)
def test_entries_are_made_of_any_answer_and_differ_from_the_reference(
    answer: str, layout: str
) -> None:
    reference = ReferenceCompletion(layout, answer or "0", prompt="2 and 3", other_completion="x")
    assert reference.text == layout.replace(SLOT, answer or "0")
    for entry in ZOO:
        made = entry.make(reference)
        assert made is None or (made != reference.text and SLOT not in made)
    for texts in reference.ablations().values():
        assert all(SLOT not in text for text in texts)


def test_the_last_occurrence_of_the_answer_is_replaced() -> None:
    reference = ReferenceCompletion(f"<a>\nI get {SLOT}.\n</a>\n<b>\n{SLOT}\n</b>", "4")
    assert reference.with_answer("5") == "<a>\nI get 4.\n</a>\n<b>\n5\n</b>"
    assert reference.with_all_text("") == "<a>\n\n</a>\n<b>\n\n</b>"
    assert reference.with_reasoning("Hm.") == "<a>\nHm.\n</a>\n<b>\n4\n</b>"
    assert reference.ablations()["block_order"] == ["<b>\n4\n</b>\n<a>\nI get 4.\n</a>"]
