from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

import rewardkit as rk


@pytest.mark.parametrize(
    ("where", "values"),
    [("search", [1.0, 1.0, 1.0]), ("match", [1.0, 0.0, 1.0]), ("fullmatch", [1.0, 0.0, 0.0])],
)
def test_where_it_may_match(where, values):
    reward = rk.build("regex_match", pattern=r"\d+", where=where, otherwise=0.0)
    assert reward(completions=["42", "so 42", "42 it is"]) == values


@given(st.text(".ab", max_size=4), st.lists(st.text(".ab", max_size=8)))
def test_a_plain_text_is_found_as_the_pattern_of_it(part, texts):
    plain = rk.build("regex_match", pattern=f"<{part}".replace(".", "-"))
    escaped = rk.build("regex_match", pattern=f"<{re.escape(part)}".replace(r"\.", "[-]"))
    texts = [f"so <{text.replace('.', '-')}" for text in texts]
    assert plain(completions=texts) == escaped(completions=texts)


def test_catastrophic_backtracking_stops_at_the_timeout():
    reward = rk.build(
        "regex_match", pattern=r"(a|aa)+$", where="fullmatch", otherwise=-1.0, timeout=0.05
    )
    start = time.monotonic()
    batch = rk.Batch.of("a" * 60 + "!")
    assert reward.score(batch) == [rk.Score(-1.0, "no match within 0.05 s")]
    assert time.monotonic() - start < 5


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("Step 1: add. Step 2: check.", 2),
        ("1. add\n2. check\n3. done\n4. more", 3),
        ("- add\n* check", 2),
        ("First, add. Second, check. Finally, done. Next, more.", 3),
        ("Firstly add, 1.5 of it", 0),
        ("- add\n- add\n1. add\n1. check", 3),  # a line that is there twice counts once
        ("First, First, Step 1: Step 1:", 2),
        ("-\n-\n***\n**bold**\n-5\n- ---\n1.\n2. .", 0),  # marks of nothing
        ("", 0),
    ],
)
def test_reasoning_steps(text, steps):
    reward = rk.build("reasoning_steps", value=3.0)
    assert reward(completions=[text]) == pytest.approx([steps])


MARKS = ["Step 1:", "Step 2:", "1.", "\n- we add", "\n* check", "First,", "Next,", " so ", "x"]
PARTS = st.lists(st.sampled_from(MARKS), unique=True)


@given(parts=PARTS)
def test_reasoning_steps_finds_what_open_r1_finds(parts):
    text = "So " + "".join(parts)
    pattern = r"(Step \d+:|^\d+\.|\n-|\n\*|First,|Second,|Next,|Finally,)"
    theirs = min(1.0, len(re.findall(pattern, text)) / 3)
    joined = re.search(r"\w(First|Next),", text)  # theirs counts a word's end too
    ours = rk.build("reasoning_steps")(completions=[text])[0]
    assert joined or ours == pytest.approx(theirs)


@pytest.mark.parametrize(
    "text",
    [
        "1) Read.\n2) Add.\n3) Check.",
        "(1) Read.\n(2) Add.\n(3) Check.",
        "   1. Read.\n   2. Add.\n\t3. Check.",
        "**1.** Read.\n**2.** Add.\n**3.** Check.",
        "Step 1 - read\nStep 2 – add\nStep 3 — check",
        "Step 1. Read\nStep 2) Add\nSTEP 3: Check",
        "## Step 1\nread\n## Step 2\nadd\n**Step 3**\ncheck",
        "> Step 1: read\n> Step 2: add\n> Step 3: check",
        "步骤1：读题\n步骤2：相加\n步骤3：检查",
        "步骤 1 读题\n步骤 2 相加\n步骤 3 检查",
        "步骤一、读题\n步骤二、相加\n步骤三、检查",
        "第一步，读题\n第二步，相加\n第三步，检查",
        "第1步：读题\n第2步：相加\n第3步：检查",
        "ステップ1：読む\nステップ2：足す\nステップ3：確認",
        "手順１．読む\n手順２．足す\n手順３．確認",
        "1단계: 읽기\n2단계: 더하기\n3단계: 확인",
        "단계 1: 읽기\n단계 2: 더하기\n단계 3: 확인",
        "الخطوة 1: نقرأ\nالخطوة 2: نجمع\nالخطوة 3: نتحقق",
        "चरण 1: पढ़ें\nचरण 2: जोड़ें\nचरण 3: जाँचें",
        "Langkah 1: baca\nLangkah 2: jumlahkan\nLangkah 3: periksa",
        "Schritt 1: lesen\nSchritt 2: rechnen\nSchritt 3: prüfen",
        "Étape 1 : lire\nÉtape 2 : calculer\nÉtape 3 : vérifier",
        "Paso 1: leer\nPaso 2: sumar\nPaso 3: revisar",
        "Шаг 1. Читаем\nШаг 2. Считаем\nШаг 3. Проверяем",
        "①读题\n②相加\n③检查",
        "1、读题\n2、相加\n3、检查",
        "• read\n• add\n• check",
    ],
)
def test_marks_of_steps(text):
    assert rk.build("reasoning_steps")(completions=[text, text.replace("\n", "\n\n")]) == [1.0, 1.0]


@pytest.mark.parametrize(
    "text",
    [
        "3.5 apples\n4.5 apples",
        "-5 + 3\n-4 + 2",
        "as I said in step 2 of it",
        "1)\n2)\n3)",
        "步骤很多",
        "It is so 1) and so 2) here",
    ],
)
def test_what_marks_no_step(text):
    assert rk.build("reasoning_steps")(completions=[text]) == [0.0]


@pytest.mark.parametrize(
    "text", ["Step 1: a\nAs in Step 1: b", "- Step 1: a\n* Step 1 - b", "步骤1：甲\n步骤1：乙"]
)
def test_a_step_named_again_counts_once(text):
    assert rk.build("reasoning_steps", steps=2)(completions=[text]) == [0.5]


def test_a_pattern_of_the_users_own():
    reward = rk.build("reasoning_steps", steps=2, value=4.0, pattern=r"Etapp \d+")
    texts = ["Etapp 1, Etapp 2", "Etapp 1, Etapp 1", "Step 1:\nStep 2:", ""]
    assert reward(completions=texts) == [4.0, 2.0, 0.0, 0.0]
    assert rk.build("reasoning_steps", pattern="x*")(completions=["aaa"]) == [0.0]
    with pytest.raises(ValueError, match="pattern"):
        rk.build("reasoning_steps", pattern="(")


def test_a_pattern_that_takes_too_long_counts_what_it_found():
    reward = rk.build("reasoning_steps", steps=1, pattern=r"Go|(x+x+)+y", timeout=0.05)
    assert reward(completions=["Go " + "x" * 5_000]) == [1.0]
