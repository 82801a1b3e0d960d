from __future__ import annotations

import random
import sys
import threading
from functools import partial
from types import SimpleNamespace
from unicodedata import normalize

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langid.langid import LanguageIdentifier, model

import rewardkit as rk
from rewardkit.rewards import _langid, _sentences
from rewardkit.rewards._frequent_words import FREQUENT_WORDS

ID = "Saya menghitung jumlah apel yang ada di dalam keranjang itu"
EN = "I count the number of apples that are in the basket"
DE = "Ich zähle die Äpfel, die in dem Korb liegen"
TEXT = st.lists(st.sampled_from([ID, EN, DE, "4", ". ", "\n", "你好", "²"]), max_size=5).map(
    " ".join
)


@pytest.fixture(params=["langid", "py3langid"], scope="module")
def backend(request):
    return request.param


@pytest.fixture(scope="module")
def own_label(backend):
    """The backend's own label of a text."""
    if backend == "langid":
        whole = LanguageIdentifier.from_modelstring(model)
        return lambda text: whole.classify(text)[0]
    py3langid = pytest.importorskip("py3langid.langid")
    identifier = py3langid.LanguageIdentifier.from_model_file(py3langid.MODEL_FILE)
    return lambda text: identifier.classify(text)[0]


@settings(max_examples=settings.default.max_examples // 3)
@given(text=st.one_of(TEXT, TEXT.map(str.upper), TEXT.map(partial(normalize, "NFD"))))
def test_unmasked_labels_are_the_backends_own(backend, own_label, text):
    label = own_label(text)
    reward = rk.build(
        "language",
        backend=backend,
        scores={label: 1.0},
        other=-1.0,
        no_letters=-2.0,
        mask=False,
        candidates="all",
    )
    assert reward(completions=[text]) == [1.0 if text.strip() else -2.0]


def test_labels_of_every_script_are_the_backends_own(backend, own_label):
    draw = random.Random(3)  # noqa: S311 - made-up words
    lows = [0x41, 0xE0, 0x3B1, 0x410, 0x5D0, 0x627, 0x905, 0xE01, 0x10D0, 0x1F00, 0x3042, 0x4E00]
    texts = [
        "".join(chr(low + draw.randrange(26)) for _ in range(draw.randrange(1, 40)))
        for low in lows * 20
    ]
    labels = [*map(own_label, texts)]
    scores = {label: float(index) for index, label in enumerate(sorted({*labels}))}
    reward = rk.build("language", backend=backend, scores=scores, mask=False)
    assert reward(completions=texts) == [scores[label] for label in labels]


PARTS = st.one_of(
    st.lists(st.sampled_from([*ID.split(), *EN.split(), *DE.split()]), min_size=1).map(" ".join),
    st.text(min_size=1, max_size=6).filter(lambda text: any(map(str.isalpha, text))),
)


@settings(max_examples=settings.default.max_examples // 2)
@given(parts=st.lists(PARTS, min_size=1, max_size=8), repeats=st.sampled_from([1, 2, 300]))
def test_texts_side_by_side_get_the_backends_own_labels(backend, own_label, parts, repeats):
    model = _langid.load_identifier(backend, None)
    labels = [own_label(part) for part in parts]
    assert model.classify(parts * repeats) == labels * repeats  # the longest: several blocks


def test_a_long_text_gets_the_backends_own_label(backend, own_label):
    text = " ".join([ID, EN, DE] * 400)
    assert len(text) > 3 * _langid.MAX_BLOCK_BYTES
    reward = rk.build(
        "language", backend=backend, scores={own_label(text): 1.0}, mask=False, candidates="all"
    )
    assert reward(completions=[text, DE, text]) == [1.0, float(own_label(DE) == own_label(text)), 1]


def test_the_share_of_sentences_in_the_target():
    share = rk.build("language", target="id")
    assert share(completions=[f"{ID}. {EN}!", f"{ID}.\n{ID}?", EN, "4. 5."]) == [
        0.5,
        1.0,
        0.0,
        None,
    ]
    assert share.bounds == (0.0, 1.0)


def test_a_score_for_each_label():
    reward = rk.build("language", scores={"id": 5, "en": -3}, other=-5, no_letters=-5)
    assert reward(completions=[ID, EN, DE, "42", ""]) == [5.0, -3.0, -5.0, -5.0, -5.0]


@pytest.mark.parametrize(
    "markup",
    [
        "<reasoning>{}</reasoning>",
        "```python\nfor the_number in all_of_the_numbers: print(the_number)\n``` {}",
        r"{} \[ \text{{the sum of all numbers}} \]",
        r"{} \(the_number_of_apples\) $the + number + of + apples$ $$the = number$$",
        "{} `the_number_of_apples_that_are_there`",
        r"\boxed{{{}}}",
    ],
)
def test_tags_code_and_latex_do_not_count(markup):
    reward = rk.build("language", target="id", candidates=("en", "id"))
    assert reward(completions=[markup.format(ID)]) == [1.0]


def test_money_is_not_latex():
    reward = rk.build("language", target="id", candidates=("en", "id"))
    assert reward(completions=[f"$5 {ID} $7"]) == [1.0]
    assert reward(completions=[f"$5 {EN} $7"]) == [0.0]


def test_markup_without_prose_has_no_letters():
    reward = rk.build("language", target="id", no_letters=-1.0)
    assert (
        reward(completions=["<answer>42</answer>", "```\nid\n```", r"$\frac{1}{2}$", "²"])
        == [-1.0] * 4
    )


@pytest.mark.parametrize("closing", ["</think>", "</reasoning>"])
def test_scopes(closing):
    text = f"<think>{EN}{closing}{ID}"
    for scope, expected in (("reasoning", 0.0), ("answer", 1.0)):
        reward = rk.build("language", target="id", scope=scope, no_letters=-1.0)
        assert reward(completions=[text]) == [expected]
    assert rk.build("language", target="id", scope="reasoning")(completions=[EN]) == [0.0]
    assert rk.build("language", target="id", scope="answer")(completions=[EN]) == [None]


def test_two_candidate_sets_do_not_disturb_each_other():
    malay = "Saya mengira bilangan epal yang ada di dalam bakul itu"
    all_labels = rk.build("language", scores={"id": 1.0, "ms": 2.0})
    without = rk.build("language", scores={"id": 1.0}, candidates=("id", "en"))
    before = all_labels(completions=[malay])
    assert without(completions=[malay]) == [1.0]
    assert all_labels(completions=[malay]) == before


def test_either_backend_chooses_among_the_candidates(backend):
    reward = rk.build("language", target="id", backend=backend, candidates=("en", "id"))
    assert reward(completions=[f"{ID}. {EN}. {DE}."]) == [pytest.approx(1 / 3)]


def test_a_release_of_py3langid_with_another_model_is_named(monkeypatch):
    py3langid = pytest.importorskip("py3langid.langid")
    _langid._load_model.cache_clear()
    _langid.load_identifier.cache_clear()
    other = SimpleNamespace(LanguageIdentifier=LanguageIdentifier, MODEL_FILE=None)
    monkeypatch.setitem(sys.modules, py3langid.__name__, other)
    with pytest.raises(ImportError, match=r"another model; pip install 'py3langid==0\.4\.\*'"):
        rk.build("language", target="id", backend="py3langid")(completions=["a"])


def test_unknown_labels_are_named(backend):
    with pytest.raises(ValueError, match=f"{backend} has no label xx; it has"):
        rk.build("language", target="xx", backend=backend)(completions=["a"])
    with pytest.raises(ValueError, match=f"{backend} has no label xx; it has"):
        rk.build("language", target="id", candidates=["id", "xx"], backend=backend)(
            completions=["a"]
        )


def test_a_missing_backend_names_the_extra(monkeypatch):
    _langid.load_identifier.cache_clear()
    _langid._load_model.cache_clear()
    for name in [name for name in sys.modules if name.startswith("langid")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "path", [])
    with pytest.raises(ImportError, match=r"pip install 'rewardkit\[language\]'"):
        rk.build("language", target="id")(completions=["a"])


def test_threads_share_one_identifier():
    reward = rk.build("language", target="id", candidates=("en", "id", "de"))
    values = []
    threads = [
        threading.Thread(target=lambda: values.append(reward(completions=[ID, EN])))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert values == [[1.0, 0.0]] * 8


ENGLISH = "First I read the question with care, and then I add up the numbers one by one."


@pytest.mark.parametrize(
    "hidden",
    [f"```\n{ENGLISH}\n```", f"${ENGLISH} x$", f"<i {ENGLISH}>", rf"\[ {ENGLISH} \]"],
    ids=["fence", "dollars", "tag", "display"],
)
def test_prose_hidden_in_markup_is_looked_at(hidden: str) -> None:
    pytest.importorskip("langid")
    share = rk.build("language", target="id", candidates=["en", "id"])
    indonesian = "Pertama saya membaca soal ini, kemudian saya menghitung hasilnya."
    code = "```python\nfor number in range(10):\n    print(number, number * number)\n```"
    assert share(completions=[f"{indonesian} {code}", f"{indonesian} {hidden}"]) == [1.0, 0.5]


@pytest.mark.parametrize("opening", ["```\n", "`", "$$", r"\[", "<i "])
@pytest.mark.parametrize("end", ["", "1", "so", "so,", ".\n```"])
def test_prose_in_markup_is_looked_for_in_linear_time(opening: str, end: str) -> None:
    # a hundred thousand words, which would take ten minutes in the square of their number
    text = opening + "so " * 100_000 + end
    reward = rk.build("language", scores={"en": 1.0}, candidates=["en", "id"], no_letters=-1.0)
    assert len(reward(completions=[text])) == 1


def test_eight_words_in_a_row_are_prose_whatever_follows() -> None:
    share = rk.build("language", target="id", candidates=["en", "id"], no_letters=-1.0)
    seven, eight = "that I read the question with care", "and that I read the question with care"
    for after in ("", " ", " 1", ", 1", "; 1x"):
        texts = [f"```\n{words}{after}\n```" for words in (seven, eight)]
        assert share(completions=texts) == [-1.0, 0.0]


def test_a_target_is_a_language_code() -> None:
    for target in ("", "Indonesian", "ID"):
        with pytest.raises(ValueError, match=r"(?s)target.*a-z"):
            rk.build("language", target=target)


def test_an_invisible_letter_does_not_count() -> None:
    pytest.importorskip("langid")
    share = rk.build("language", target="id", candidates=["en", "id"])
    assert share(completions=["\u3164", "<think>\u115f\u1160</think>\uffa0"]) == [None, None]


def share(text, target, **fields):
    return rk.build("language", target=target, **fields)(completions=[text])[0]


@pytest.mark.parametrize(
    ("target", "text"),
    [
        ("es", "Sumamos los números pares.\n2 + 4 = 6\n6 + 8 = 14\nLa suma es catorce."),
        ("ko", "연필의 개수를 n이라고 둡시다.\n3n - 4 = 11\nn = 5\n연필은 다섯 자루입니다."),
        ("ja", "鉛筆の数を n とします。\n3n - 4 = 11\nn = 5\n鉛筆は五本です。"),
        ("zh", "令 a = 2.5，b = 4。\na * b = 10\n于是乘积等于十。"),
        ("ar", "نحسب الآن مساحة المستطيل.\nA = 3.5 * 2\nA = 7\nالمساحة تساوي سبعة أمتار."),
        ("hi", "आयत का क्षेत्रफल निकालिए।\nA = 3.5 * 2\nA = 7\nक्षेत्रफल सात है।"),
        ("fr", "On a, p. ex., 3.5 km et 2.5 km, etc., soit 6 km en tout."),
        ("de", "Er läuft z. B. 3.5 km, d. h. ca. 40 min. Danach ruht er sich bzw. sein Hund aus."),
        ("id", "Bu Tuti, S.Pd. membawa 1.5 kg gula, 2.5 kg beras, dll. untuk dua hari."),
        ("es", "El Dr. Ruiz y la Sra. Vega corren p. ej. 3.5 km por día."),
        ("en", "Mr. Hill of St. Louis paid No. 5 vs. No. 6, i.e. $3.50 in all."),
        ("de", "Also x = 4.\nDaraus folgt die gesuchte Zahl sofort."),
        ("id", "Jadi y = 4.\nJawaban: 4\nHasilnya sudah kita periksa dua kali."),
        ("fr", "sin(2x) = 2 sin(x) cos(x)\nlim f(x) = log 2\nOn trouve ainsi la limite cherchée."),
        ("id", "α + β = γ\n𝑥² + ½ = ℝ\nJumlah sudut segitiga itu sama dengan dua sudut siku-siku."),
        ("de", "Siehe https://example.org/some/english/page/about/numbers und rechne nach."),
        ("fr", "max_value = total_count\nuser.name.first(text)\nVoici le résultat du calcul."),
        ("zh", "<|channel|>analysis<|message|>我们把两个数相加。<|end|>"),
        ("ja", "<思考>二と三を足します。</思考>五です。"),
    ],
)
def test_what_has_no_words_does_not_count(target, text):
    assert share(text, target) == 1.0
    assert share(text, target, candidates=("en", "de", target)[target in ("en", "de") :]) == 1.0


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("We add 3.5 and 4.5. The sum is eight.", 2),
        ("Dr. No met Prof. Lee. They talked.", 2),
        ("The proof is by induction on n. Here we begin.", 2),
        ("La preuve est par récurrence sur n. D'abord, on commence.", 2),
        ("See J. R. Smith. He knows.", 2),
        ("He sold pens, ink, etc. Then he left. He sold pens etc. there too.", 3),
        ("Is it five? Yes! It is five…\nReally", 4),
        ("There are 5! = 120 orders of them.", 1),
        ("It is true (see above.) We leave now.", 2),
        ("我们开始。然后呢？结束！", 3),
        ("यह सही है। वह भी सही है।", 2),
        ("هل هذا صحيح؟ نعم هو صحيح.", 2),
        ("Das gilt u. a. Auch hier gilt es.", 1),
        ("We sum over all n. A proof is not needed.", 2),
        ("Der Turm steht 5 m. über dem Weg.", 1),
        ("Высота башни 90 м. Потом она ниже.", 2),
        ("Она стоит в 90 м. от реки, см. план.", 1),
        ("Это роман Л. Н. Толстого.", 1),
        ("문제는 여기서 끝. 다음으로 갑시다.", 2),
    ],
)
def test_where_sentences_end(text, sentences):
    assert len(_sentences.split_sentences(text)) == sentences


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("x + y = 12", 0),
        ("km kg", 0),
        ("ABC", 1),
        ("x = 5", 0),
        ("数 = 5", 1),
        ("ab, cd", 0),
        ('["aaa", "bbb"] -> {"ccc": 1}', 0),
        ("f(x) = log(x)", 0),
        ("² ½ ① Ⅻ", 0),
        ("résumé", 1),
        ("re\u0301sume\u0301", 1),
        ("\u3164\uffa0\u115f", 0),
    ],
)
def test_a_word_has_three_letters_of_a_latin_script_or_one_of_another(text, found):
    assert len(_sentences.split_sentences(text)) == found


def test_comments_of_code_do_not_count_unless_there_are_more_of_them_than_sentences():
    comment = "# go over all of the numbers in the list and add them up\n"
    for mark in ("# ", "    // ", "-- "):
        code = f"```\n{comment.replace('# ', mark)}total = sum(x)\n```"
        assert share(f"Wir addieren alle Zahlen.\n{code}", "de") == 1.0
    assert share(f"Wir addieren alle Zahlen.\n```\n{3 * comment}```", "de") == 0.25


@pytest.mark.parametrize(
    ("opening", "closing"),
    [
        ("<think>", "</think>"),
        ("<thinking>", "</thinking>"),
        ("<seed:think>", "</seed:think>"),
        ("<denken>", "</denken>"),
        ("<추론>", "</추론>"),
        ("[THINK]", "[/THINK]"),
        ("<start_working_out>", "<end_working_out>"),
        ("", "</thinking>"),
        ("◁think▷", "◁/think▷"),
    ],
)
def test_reasoning_ends_where_its_block_does(opening, closing):
    text = f"{opening}{DE}.{closing}{EN}."
    fields = {"candidates": ("de", "en")}
    assert share(text, "de", scope="reasoning", **fields) == 1.0
    assert share(text, "en", scope="answer", **fields) == 1.0
    assert share(f"{opening}{DE}.", "de", scope="reasoning", **fields) == 1.0  # cut off


def test_an_answer_is_no_reasoning():
    assert share(f"<answer>{EN}</answer>", "en", scope="answer") is None
    assert share(f"{DE}.</think><answer>{EN}</answer>", "en", scope="answer") == 1.0


@pytest.mark.parametrize("tag", ["plan", ("[PLAN]", "[/PLAN]"), ("<plan>", "<done>")])
def test_any_tag_is_a_scope(tag):
    opening, closing = (f"<{tag}>", f"</{tag}>") if isinstance(tag, str) else tag
    fields = {"scope": tag, "candidates": ("de", "en")}
    assert share(f"{EN}. {opening}{DE}.{closing} {EN}.", "de", **fields) == 1.0
    assert share(f"{DE}.{closing} {EN}.", "de", **fields) == 1.0  # opened in the prompt
    assert share(f"{EN}. {opening}{DE}.", "de", **fields) == 1.0  # cut off
    assert share(f"{EN}.", "de", **fields) is None


def test_a_malformed_tag_is_refused():
    with pytest.raises(ValueError, match=r"language\.scope.*equal|language\.scope.*differ"):
        rk.build("language", target="de", scope=("<x>", "<x>"))


@pytest.mark.parametrize(
    ("target", "text", "expected"),
    [
        ("zh", "先 add 两个 numbers", 3 / 5),
        ("zh", "先把 x = 5 和 y = 7 相加", 1.0),
        ("ko", "숫자를 더하고 then 결과를 check 합니다", 4 / 6),
        ("en", "The sum 总和 is twelve", 4 / 6),
        ("ja", "まず足します。Then we stop.", 6 / 9),
        ("ru", "Складываем числа and смотрим", 3 / 4),
        ("zh", "12 + 30 = 42", None),
    ],
)
def test_the_share_of_words(target, text, expected):
    value = share(text, target, by="words")
    assert value == (expected if expected is None else pytest.approx(expected))


def test_words_of_another_language_inside_of_a_sentence(backend):
    words = "Wir zählen heute die roten Äpfel in dem großen Korb und ziehen davon die grünen ab"
    foreign = "then we calculate the total number of apples in the basket"
    mixed = f"{words} {foreign} {words}"
    expected = 30 / (30 + len(foreign.split()))  # by hand: 15 German words, twice
    value = share(mixed, "de", by="words", backend=backend)
    assert value == pytest.approx(expected, abs=0.08)
    assert share(f"{words} {words}", "de", by="words", backend=backend) >= 0.95


def test_words_need_a_target():
    with pytest.raises(ValueError, match="by='words' is a share, which needs target"):
        rk.build("language", scores={"en": 1.0}, by="words")


def test_a_short_sentence_is_identified_within_its_text(backend):
    spanish = "La lista tiene cinco números enteros. El mayor de los números es doce. Pagó 3 €."
    assert share(spanish, "es", backend=backend) == 1.0


def test_the_default_candidates_have_no_twins_of_the_target():
    malay = "Saya mengira bilangan epal yang ada di dalam bakul itu dengan teliti."
    assert share(malay, "ms") == 1.0
    assert share(malay, "ms", candidates=("id", "ms")) == 0.0


@pytest.mark.parametrize(
    ("target", "text"),
    [
        (
            "id",
            "Sudah pasti. Itu benar sekali. Coba lagi. Hasilnya sama saja. Cukup sampai di sini.",
        ),
        ("fr", "C'est juste. Je recommence. Rien ne change. Il en reste deux. Voilà tout."),
        ("de", "Gut so. Das geht nicht auf. Noch einmal von vorn. Es bleibt dabei. Also nein."),
        ("nl", "Dat is het. Het antwoord is 6. Even kijken. Dat kan niet. Nu nog een keer."),
        ("pt", "Está certo. Não muda nada. Só falta um. Vamos de novo. É isso."),
        ("ru", "Всё верно. Теперь проще. Осталось немного. Ещё раз. Вот и всё."),
    ],
)
def test_short_sentences(backend, target, text):
    assert share(text, target, backend=backend) == 1.0
    assert share(f"{text} {EN}. {EN}. {EN}.", target, backend=backend) == 5 / 8


def test_a_language_without_a_list_of_words_loses_nothing_by_the_lists():
    model = _langid.load_identifier("langid", ("en", "id", "ms", "ja"))
    weights = model._weigh_frequent_words([" tidak ada yang lain ", " xyzzy ", " of the "])
    english, indonesian, malay = (model.labels.index(label) for label in ("en", "id", "ms"))
    assert weights[0, indonesian] == weights[0, malay] == 4 * _langid.WORD_WEIGHT
    assert weights[0, english] == 0
    assert not weights[1].any()
    assert weights[2, english] == weights[2, malay] == 2 * _langid.WORD_WEIGHT
    assert weights[2, indonesian] == 0


def test_ascii_is_of_no_other_script(backend):
    candidates = ("id", "ja", "ru", "zh")
    for word in ("Terbukti", "Qed", "Sesuai"):
        assert share(word, "id", candidates=candidates, backend=backend) == 1.0


def test_texts_without_parts_and_a_single_candidate(backend):
    model = _langid.load_identifier(backend, ("de", "en"))
    assert model.classify_parts([]) == []
    assert model.classify_parts([[], [DE], [], [EN, DE], []]) == [[], ["de"], [], ["en", "de"], []]
    assert _langid.load_identifier(backend, ("de",)).classify_parts([[EN]]) == [["de"]]


@pytest.mark.parametrize(("label", "words"), FREQUENT_WORDS.items(), ids=FREQUENT_WORDS)
def test_the_lists_of_frequent_words(label, words):
    found = words.split()
    assert found == sorted({*found})
    for word in found:
        assert word == normalize("NFC", word.lower())
        assert word.isalpha()
        assert len(word) > 1 or not word.isascii()  # could be a variable
    for name in ("langid", "py3langid"):
        pytest.importorskip(name)
        _langid.load_identifier(name, None).check([label])


@pytest.mark.parametrize(
    ("target", "text", "expected"),
    [
        # French letters are not Korean, whatever the sign for the currency
        (
            "ko",
            "\ube75\uac12\uc740 6600\uc6d0\uc785\ub2c8\ub2e4. Le riz co\u00fbte 3,60 \u20ac.",
            0.5,
        ),
        # without kana a sentence is Chinese, also in a Japanese text
        (
            "ja",
            "\u5e74\u9f62\u306e\u5dee\u306f\u4e5d\u6b73\u3067\u3059\u3002\u76d2\u5b50\u91cc\u8fd8\u5269\u4e0b\u4e03\u5757\u3002",
            0.5,
        ),
        (
            "zh",
            "\u5e74\u9f62\u306e\u5dee\u306f\u4e5d\u6b73\u3067\u3059\u3002\u76d2\u5b50\u91cc\u8fd8\u5269\u4e0b\u4e03\u5757\u3002",
            0.5,
        ),
    ],
)
def test_a_sentence_has_no_label_of_a_script_that_it_is_not_written_in(target, text, expected):
    reward = rk.build("language", target=target)
    assert reward(completions=[text]) == [expected]
