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
from rewardkit.rewards import _langid

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
    # a quarter of a million words, which would take an hour in the square of their number
    text = opening + "so " * 250_000 + end
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
