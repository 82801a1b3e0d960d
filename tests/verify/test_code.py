from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st

import rewardkit as rk
from programs import RIGHT
from rewardkit.verify import code
from rewardkit.verify._sandbox import guest, host, process, reading

DOUBLE = "def double(x):\n    return x + x"
ECHO = "print(int(input()) * 2)"


@pytest.fixture
def judge(sandboxed):
    def verdict(answer, reference, **fields):
        fields = {"timeout": 30.0, **sandboxed, **fields}  # however busy the machine
        (found,) = rk.build("code", **fields).verify([answer], [reference])
        return found

    return verdict


@pytest.mark.parametrize("name", RIGHT)
def test_a_right_answer_passes(judge, name):
    verdict = judge(*RIGHT[name])
    assert verdict.outcome == "correct", verdict


USED_WITHOUT_IMPORT = """
from collections import Counter, OrderedDict, deque
from decimal import Decimal
from fractions import Fraction
from math import isclose
"""


@pytest.mark.parametrize("name", RIGHT)
def test_right_answers_are_right_in_plain_python(name):
    answer, tests = RIGHT[name]
    if "solution" in tests:
        return
    names = {"__name__": "__main__"}
    exec(USED_WITHOUT_IMPORT, names)  # noqa: S102 - ours
    exec(compile(answer.replace("__main__", "main"), "<answer>", "exec"), names)  # noqa: S102 - ours
    exec("import math\n" + tests, names)  # noqa: S102 - ours


def test_annotations_are_not_evaluated(judge):
    answer = "def f(x: List[int]) -> Missing: return 2"
    assert judge(answer, "assert f([1]) == 2").outcome == "correct"
    assert judge(f"{answer}\nprint(f(1))", [{"input": "", "output": "2"}]).outcome == "correct"


@pytest.mark.parametrize(
    "tests",
    [
        ["assert double(2) == 4", "assert double('a') == 'aa'"],
        json.dumps(["assert double(2) == 4", "assert double([]) == []"]),
        ("def check(f):\n    assert f(2) == 4", "check(double)"),
    ],
)
def test_a_list_is_one_text(judge, tests):
    assert judge(DOUBLE, tests).outcome == "correct"
    assert judge(DOUBLE.replace("+", "-"), tests).outcome == "wrong"


@pytest.mark.parametrize(
    ("answer", "tests", "detail"),
    [
        (DOUBLE, "assert double(2) == 5", "0 of 1 tests; AssertionError: assert double(2) == 5"),
        (DOUBLE, "assert double(2) == 4\nassert double(2) == 5, 'no'\nassert 0",
         "1 of 3 tests; AssertionError: no"),
        (DOUBLE, "def check(f):\n    assert f(2) == 5\ncheck(double)",
         "0 of 1 tests; AssertionError: assert f(2) == 5"),
        (DOUBLE, "assert triple(1) == 3",
         "0 of 1 tests; NameError: name 'triple' is not defined"),
        (DOUBLE, "x = double(None)\nassert True",
         "0 of 1 tests; TypeError: unsupported operand type(s) for +: 'NoneType' and 'NoneType'"),
        ("def f(:", "assert f(1)", "0 of 1 tests; SyntaxError: invalid syntax (<answer>, line 1)"),
        ("1 / 0", "assert f(1)", "0 of 1 tests; ZeroDivisionError: division by zero"),
        ("I cannot.", "assert f(1)",
         "0 of 1 tests; SyntaxError: invalid syntax (<answer>, line 1)"),
        (DOUBLE, "class Own: pass\nassert double(Own())",
         "0 of 1 tests; TypeError: tests can hand over plain data and functions, no object of Own"),
        (DOUBLE, "import sys\nassert double(1) == 2\nsys.exit(0)\nassert double(1) == 2",
         "1 of 2 tests; SystemExit: 0"),
        (DOUBLE, "import os\nassert double(1) == 2\nos._exit(0)\nassert double(1) == 2",
         "1 of 2 tests; the tests ended early"),
        ("print(3)", [{"input": "", "output": "4"}, {"input": "", "output": "3"}],
         "0 of 2 tests; wrong output"),
        ("1 / 0", [{"input": "", "output": "4"}], "0 of 1 tests; exit code 1"),
        ("print(4)\nexit(3)", [{"input": "", "output": "4"}], "0 of 1 tests; exit code 3"),
    ],
)  # fmt: skip
def test_a_wrong_answer_names_what_failed(judge, answer, tests, detail):
    assert judge(answer, tests) == rk.Verdict(rk.Outcome.WRONG, detail)


@pytest.mark.parametrize(
    ("answer", "tests", "detail"),
    [
        (DOUBLE, "assert double(2) == 4", ""),
        (f"{DOUBLE}\ndef half(x):\n    return x // 2", "assert half(double(2)) == 2",
         "on the answer's word: double, half"),
        ("class P:\n    def __eq__(self, other):\n        return True",
         "assert P() == P()", "on the answer's word: == of its objects"),
        (("class P:\n    def __bool__(self):\n        return True\n    def __lt__(self, other):\n"
          "        return True\ndef make(): return P()"),
         "assert make() < make()\nassert P()",
         "on the answer's word: P, make; <, bool() of its objects"),
        ("def f(xs):\n    xs.clear()\n    return []",
         "xs = [3, 1]\nfound = f(xs)\nassert found == sorted(xs)",
         "on the answer's word: arguments that it changed"),
        ("def f(xs): xs.sort()", "xs = [3, 1]\nf(xs)\nassert xs == [1, 3]", ""),
    ],
)  # fmt: skip
def test_what_is_taken_on_the_answers_word_is_named(judge, answer, tests, detail):
    assert judge(answer, tests) == rk.Verdict(rk.Outcome.CORRECT, detail)
    assert judge(answer, tests, partial=True) == rk.Verdict(rk.Outcome.CORRECT, detail, 1.0)


@pytest.mark.parametrize("way", ["SystemExit(3)", "KeyboardInterrupt", "GeneratorExit", "Odd"])
def test_an_answer_that_ends_or_interrupts_fails_one_test(judge, way):
    answer = f"class Odd(BaseException): pass\ndef f(x):\n    if x: raise {way}\n    return 0"
    tests = "assert f(0) == 0\nassert f(1) == 0\nassert f(0) == 0"
    verdict = judge(answer, tests, partial=True)
    assert verdict.share == pytest.approx(2 / 3)
    name = way.partition("(")[0]
    assert verdict.detail.startswith(f"2 of 3 tests; RuntimeError: {name}:")


def test_an_invalid_escape_is_read_alike_where_warnings_are_errors(judge):
    tests = "import re\nassert digits('a1') == re.sub('\\D', '', 'a1')"
    answer = "import re\ndef digits(text):\n    return re.sub('\\D', '', text)"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert judge(answer, tests).outcome == "correct"
        assert judge(f"```python\n{answer}\n```\n```python\nx = 1\n```", tests).outcome == "correct"


PAIRS = [("1", "2"), ("5\n", "10\n")]


@pytest.mark.parametrize(
    "reference",
    [
        [{"input": given, "output": wanted} for given, wanted in PAIRS],
        {"inputs": ["1", "5\n"], "outputs": ["2", "10\n"]},
        {"input": ["1", "5\n"], "output": ["2", "10\n"]},
        {"inputs": [["1"], ["5", ""]], "outputs": [["2"], ["10", ""]]},
        {"input": "1", "output": "2"},
        {
            "language": "python",
            "test_cases": [{"input": "1\n", "output": "2\n", "type": "stdin_stdout"}],
        },
    ],
)
def test_pairs_in_the_forms_of_datasets(judge, reference):
    assert judge(ECHO, reference).outcome == "correct"
    assert judge(ECHO, json.dumps(reference)).outcome == "correct"
    assert judge("print(int(input()) * 3)", reference).outcome == "wrong"


@pytest.mark.parametrize(
    ("written", "wanted", "expected"),
    [
        ("1 2 \n3\n\n", "1 2\n3", "correct"),
        ("1 2\r\n3", "1 2\n3\n", "correct"),
        ("1 2\n\n3", "1 2\n3", "wrong"),
        ("1  2", "1 2", "wrong"),
        ("1", "1.0", "correct"),
        ("1.0", "1", "wrong"),
        ("0.30000000000000004", "0.3", "correct"),
        ("sum: 1.23456789e2 m", "sum: 123.456789 m", "correct"),
        ("0.333333", "0.33333333333", "correct"),
        ("0.33333", "0.33333333333", "wrong"),
        ("0.0000004", "0.0", "correct"),
        ("-0.5", "0.5", "wrong"),
        ("nan", "0.5", "wrong"),
        ("1_0.5", "10.5", "wrong"),
        ("0.5  7", "0.5 7", "wrong"),
        ("9" * 350, "1" * 340 + ".5", "wrong"),
        ("123456789012", "123456789011", "wrong"),
        ("x0.5", "x0.50", "wrong"),
        ("é", "é", "correct"),
    ],
)
def test_outputs_are_compared_by_line(judge, written, wanted, expected):
    program = f"print({written!r}, end='')"
    assert judge(program, [{"input": "", "output": wanted}]).outcome == expected


@pytest.mark.parametrize(
    "reference",
    [
        *(None, "", " \n", [], {}, 7, 1.5, True, b"assert f()", ["", " "], [None], [[]], "[]"),
        *("hello", "4", "x = 1", "def f(): pass", "assert f(", "assert f(1) ==", "(" * 500),
        *("print(f(1))", "f(1)", "import random\nrandom.seed(7)", "9" * 5000, "\x00", "\ud800"),
        *(["assert f(1)", 2], ["assert f(1)", {"input": "", "output": "1"}], [1, 2]),
        *({"input": "1"}, {"output": "1"}, {"input": "1", "output": None}, "{}"),
        {"inputs": 3, "outputs": 4},
        *({"inputs": ["1", "2"], "outputs": ["1"]}, {"input": [1], "output": [2]}),
        *({"input": "1", "output": " \n"}, [{"input": "1", "output": ""}] * 2, {"test_cases": []}),
        {"fn_name": "f", "inputs": [[1]], "outputs": [2]},
        {"language": "cpp", "test_cases": [{"input": "1", "output": "2"}]},
        {"test_cases": [{"input": "1", "output": "2", "type": "function_call"}]},
        [{"input": "1", "output": "2", "testtype": "functional"}],
    ],
)  # fmt: skip
def test_a_reference_without_tests_is_bad(reference, monkeypatch):
    monkeypatch.setattr(host, "find_bubblewrap", lambda: pytest.fail("nothing should run"))
    code = rk.build("code")
    for answer in (None, "", DOUBLE):
        assert code.verify([answer], [reference])[0].outcome == "bad_reference"


def test_a_reference_that_contains_itself_is_a_bad_one():
    reference = []
    reference.append(reference)
    assert rk.build("code").verify(["x"], [reference])[0].outcome == "bad_reference"


@pytest.mark.parametrize("answer", [None, "", " \n", "```python\n\n```", "So:\n```python\n \n```"])
def test_no_code_is_no_answer(answer, monkeypatch):
    monkeypatch.setattr(host, "find_bubblewrap", lambda: pytest.fail("nothing should run"))
    (verdict,) = rk.build("code").verify([answer], ["assert f(1) == 1"])
    assert verdict.outcome == "no_answer"


@pytest.mark.parametrize(
    ("answer", "fields", "printed"),
    [
        ("print(1)", {}, "1"),
        ("So:\n```python\nprint(1)\n```\nThat is it.", {}, "1"),
        ("```python\nprint(1)\n```\nor\n```Python3\nprint(2)\n```", {}, "2"),
        ("```python\nprint(1)\n```\nor\n```py\nprint(2)\n```", {"which": "first"}, "1"),
        ("```\nprint(1)\n```\nRun it:\n```bash\npython x.py\n```", {}, "1"),
        ("```python\nprint(1)\n```\nIt prints\n```\n1\n```", {}, "1"),
        ("```python\nprint(1)```", {}, "1"),
        ("```py3\nprint(1)\n```", {}, "1"),
        ("```{python}\nprint(1)\n```", {}, "1"),
        ("```{.python .numberLines}\nprint(1)\n```", {}, "1"),
        ('```python title="one.py"\nprint(1)\n```', {}, "1"),
        ("```python:one.py\nprint(1)\n```", {}, "1"),
        ("~~~python\nprint(1)\n~~~", {}, "1"),
        ("````python\nprint('```'[:0] + '1')\n````", {}, "1"),
        ("~~~\nprint('```'[:0] + '1')\n~~~", {}, "1"),
        ("Sure! ```python\nprint(1)\n```", {}, "1"),
        ("> ```python\nprint(1)\n```", {}, "1"),
        ("```python\nprint(1)", {}, "1"),
        ("So:\n```\nprint(1)", {}, "1"),
        ("print(1)\n```\nThis prints one.", {}, "1"),
        ("print(1)\n```", {}, "1"),
        ("```python\nprint(1)\n\n```bash\npython one.py\n```", {}, "1"),
        ("```js\nconsole.log(2)\n```\n```python\nprint(1)\n```", {}, "1"),
        ("See ```x```.\n```python\nprint(1)\n```", {}, "1"),
        ("```python\r\nprint(1)\r\n```", {}, "1"),
        ("1. So:\n   ```python\n   if 1:\n       print(1)\n   ```", {}, "1"),
    ],
)
def test_the_program_is_found_in_the_answer(judge, answer, fields, printed):
    assert judge(answer, [{"input": "", "output": printed}], **fields).outcome == "correct"


ADD = "def add(a, b):\n    return a + b"
ADDS = "assert add(1, 2) == 3"
SUM_OF_INPUT = "print(sum(map(int, input().split())))"


@pytest.mark.parametrize(
    ("blocks", "tests"),
    [
        ([ADD, "print(add(1, 2))"], ADDS),
        ([ADD, "print(add(1, 2))", "add(3, 4)"], ADDS),
        (["def add(a, b):\n    return a - b", ADD], ADDS),  # of equals the last
        (["import os", ADD, "from solution import add"], "from solution import add\n" + ADDS),
        ([ADD + "\n\ndef twice(a):\n    return add(a, a)", ADD], ADDS + "\nassert twice(2) == 4"),
        (["add = lambda a, b: a + b", "assert add(1, 1) == 2"], ADDS),
        (
            ["class Adder:\n    def add(self, a):\n        return a", "x = 1"],
            "assert Adder().add(3) == 3",
        ),
        ([ADD, "$ python add.py"], ADDS),
        ([SUM_OF_INPUT, "print(3)"], {"input": "4 5", "output": "9"}),
        (["print(2)", "print(9)"], {"input": "", "output": "9"}),
    ],
)
def test_of_several_blocks_the_one_counts_that_the_tests_need(judge, blocks, tests):
    answer = "\nThen:\n".join(f"```python\n{block}\n```" for block in blocks)
    assert judge(answer, tests).outcome == "correct"


def test_a_program_may_print_long_integers(judge):
    assert judge("print(10**5000)", {"input": "", "output": "1" + "0" * 5000}).outcome == "correct"


def test_partial_gives_the_share_that_passes(judge):
    tests = "assert f(1) == 1\nassert f(2) == 2\nassert f(3) == 9\nassert f(4) == 4"
    assert judge("def f(x): return x", tests, partial=True) == rk.Verdict(
        rk.Outcome.WRONG, "3 of 4 tests; AssertionError: assert f(3) == 9", 0.75
    )
    pairs = {"inputs": ["1", "2"], "outputs": ["1", "4"]}
    assert judge("print(int(input()) ** 2)", pairs, partial=True).share == 1.0
    assert judge("print(1)", pairs, partial=True).share == 0.5
    assert judge("print(2)", pairs).share is None


def test_a_share_that_fails_to_prepare_is_not_right(judge):
    verdict = judge("def f(x): return x", "y = f()\nassert f(1) == 1", partial=True)
    assert verdict.outcome == "wrong"


def test_time_is_of_all_tests_together(judge):
    verdict = judge("def f(): \n    while True: pass", "assert f() == 1", timeout=0.5)
    assert verdict == rk.Verdict(rk.Outcome.TIMEOUT, "no result after 0.5 s")
    nap = "import time\ntime.sleep(0.4)\nprint(input())"
    pairs = {"inputs": list("abc"), "outputs": list("abc")}
    assert judge(nap, pairs, timeout=1.0).outcome == "timeout"


def test_memory_is_bounded(judge):
    verdict = judge("print(len(bytearray(10**9)))", [{"input": "", "output": "1000000000"}])
    assert verdict.detail == "0 of 1 tests; exit code 1"
    assert judge("print(1)", [{"input": "", "output": "1"}], memory=64).outcome == "correct"


def test_tests_that_never_begin_are_not_passed(judge):
    tests = f"assert f() == '{'x' * 30_000_000}'"
    assert judge("def f(): return []", tests, memory=64).detail.endswith("the tests ended early")


def test_installed_packages_only_where_asked(judge):
    program = "import pydantic\nprint(1)"
    assert judge(program, [{"input": "", "output": "1"}]).outcome == "wrong"
    assert judge(program, [{"input": "", "output": "1"}], packages=True).outcome == "correct"
    tests = "import pydantic\nassert f(1) == 1"
    assert judge("def f(x): return x", tests, packages=True).outcome == "correct"


NUMPY = [
    ("f = lambda x: np.int64(x + 1)", "assert f(1) == 2 and not isinstance(f(1), int)"),
    ("f = lambda x: np.mean([x, x + 1])", "assert f(1) == 1.5 and isinstance(f(1), float)"),
    ("f = lambda x: np.bool_(x > 0)", "assert f(1) == True and not f(-1)"),
    ("f = lambda x: [np.int64(1), {np.int64(2): np.float32(0.5)}]", "assert f(1) == [1, {2: 0.5}]"),
    ("f = lambda x: np.array(x) * 2", "assert (f([[1, 2]]) == np.array([[2, 4]])).all()"),
    ("f = lambda x: np.array(x)[::-1]", "assert f([1, 2, 3]).tolist() == [3, 2, 1]"),
    ("f = lambda x: np.array([], 'int8')", "assert f(1).size == 0 and f(1).dtype == 'int8'"),
    ("f = lambda x: np.array(7)", "assert f(1).shape == () and f(1) == 7"),
    ("f = lambda x: np.array(x) > 1", "assert f([1, 2]).tolist() == [False, True]"),
    ("f = lambda x: np.array([None, x], object)", "assert f(3)[1] == 3"),
    ("f = lambda x: np.str_('ab')", "assert f(1) == 'ab'"),
    ("f = lambda array: array.sum()", "import numpy as np\nassert f(np.arange(4)) == 6"),
    (
        "def f(array): array[0] = 9",
        "import numpy as np\na = np.zeros(2)\nf(a)\nassert a.tolist() == [9, 0]",
    ),
]

LIAR = """
class All(np.ndarray):
    __eq__ = lambda self, other: True
f = lambda x: np.zeros(1).view(All)
"""


def test_values_of_numpy_are_judged_as_in_one_process(sandboxed):
    wrong = [
        ("f = lambda x: np.int64(3)", "assert f(1) == 2"),
        ("f = lambda x: np.array([1, 3])", "assert (f(1) == np.array([1, 2])).all()"),
        ("f = lambda x: np.array([1, 2])", "assert f(1) == [1, 2]"),  # numpy refuses its truth
        (LIAR, "assert f(1) == 2"),
    ]
    answers = [f"import numpy as np\n{answer}" for answer, _ in (*NUMPY, *wrong)]
    verifier = rk.build("code", packages=True, timeout=60.0, **sandboxed)
    verdicts = verifier.verify(answers, [tests for _, tests in (*NUMPY, *wrong)])
    assert [each for each in verdicts[: len(NUMPY)] if each.outcome != "correct"] == []
    assert {each.outcome for each in verdicts[len(NUMPY) :]} == {"wrong"}


FORGED_ARRAYS = """
import sys
def f(number):
    frame = sys._getframe()
    while type(frame.f_locals.get("self")).__name__ != "Link":
        frame = frame.f_back
    forged = [["|b1", None, "02"], ["|O", None, "00" * 8], ["O,O", None, "00" * 16],
              ["<f8", [9], ""], ["<f8", [-1], "00" * 8], ["<i8", None, 7]][number]
    frame.f_locals["self"]._send_message("value", [{"numpy": forged}, []])
"""


@pytest.mark.parametrize("number", range(6))
def test_a_forged_array_equals_nothing_else(judge, number):
    tests = f"found = f({number})\nassert (found == 2) or (found == True and found == False)"
    verdict = judge(FORGED_ARRAYS, tests, packages=True)
    assert verdict.outcome == "wrong"


def test_a_wrong_verdict_names_an_object_that_is_not_plain_data(judge):
    answer = "class Money:\n    __eq__ = lambda self, other: True\nf = lambda x: Money()"
    verdict = judge(answer, "assert f(1) == 2")
    assert verdict.detail.endswith(
        "assert f(1) == 2; the answer's solution.Money is not plain data, so it equals no value"
    )
    # an object that no test compared is not the reason
    assert "Money" not in judge(answer, "assert f(1) == 2 if not f(1) else 1 == 2").detail


def test_rows_keep_their_order_and_equal_ones_run_once(sandboxed, monkeypatch):
    calls = []
    run_tests = host.Sandbox.run_tests
    monkeypatch.setattr(
        host.Sandbox, "run_tests", lambda *a, **k: calls.append(a) or run_tests(*a, **k)
    )
    answers = [DOUBLE, None, "x", DOUBLE, f"```python\n{DOUBLE}\n```"]
    references = ["assert double(1) == 2"] * 3 + ["assert double(1) == 2", None]
    verdicts = rk.build("code", workers=2, **sandboxed).verify(answers, references)
    assert [v.outcome for v in verdicts] == [
        *("correct", "no_answer", "wrong", "correct", "bad_reference"),
    ]
    assert len(calls) == 2


def test_from_a_thread_and_an_event_loop(sandboxed):
    code = rk.build("code", **sandboxed)
    found = []

    def work():
        found.extend(code.verify([DOUBLE] * 2, ["assert double(1) == 2", "assert double(1) == 3"]))

    async def loop():
        work()
        await asyncio.to_thread(work)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    asyncio.run(loop())
    assert [v.outcome for v in found] == ["correct", "wrong"] * 3


def test_correct_pays_the_share(sandboxed):
    verifier = rk.build("code", partial=True, **sandboxed)
    reward = rk.build("correct", verifier=verifier, extractor="whole", wrong=-1.0, correct=3.0)
    tests = "assert f(1) == 1\nassert f(2) == 2\nassert f(3) == 9\nassert f(4) == 16"
    programs = [
        f"def f(x): return {body}" for body in ("x", "x * x", "0", "1 if x == 1 else x * x")
    ]
    assert reward(completions=programs, answer=[tests] * 4) == [1.0, 2.0, -1.0, 2.0]
    assert reward.bounds == (-1.0, 3.0)
    abstaining = rk.build("correct", verifier=verifier, extractor="whole", wrong=None)
    assert abstaining(completions=programs[:1], answer=[tests]) == [None]


def test_a_reference_column_may_hold_mappings(sandboxed):
    reward = rk.build("correct", verifier=rk.build("code", **sandboxed), extractor="whole")
    assert reward(completions=[ECHO], answer=[{"input": "2", "output": "4"}]) == [1.0]


@pytest.mark.parametrize("script", [None, "#!/bin/sh\necho no namespaces here >&2\nexit 1\n"])
def test_without_bubblewrap_it_refuses(tmp_path, monkeypatch, script):
    if script:
        (tmp_path / "bwrap").write_text(script)
        (tmp_path / "bwrap").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RuntimeError) as raised:
        rk.build("code").verify([DOUBLE], ["assert double(1) == 2"])
    message = str(raised.value)
    assert "apt-get install bubblewrap" in message
    assert "unsafe_subprocess=True" in message
    assert ("no namespaces here" if script else "not installed") in message
    unsafe = rk.build("code", unsafe_subprocess=True)
    assert unsafe.verify([DOUBLE], ["assert double(1) == 2"])[0].outcome == "correct"


@pytest.mark.sandbox
@pytest.mark.parametrize("tests", ["assert double(1) == 2", {"input": "1", "output": "2"}])
def test_a_sandbox_that_does_not_start_is_not_a_wrong_answer(monkeypatch, tmp_path, tests):
    broken = tmp_path / "bwrap"
    broken.write_text(f'#!/bin/sh\nexec {host.find_bubblewrap()} "$@"\n')
    broken.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    code = rk.build("code")
    assert code.verify([DOUBLE], ["assert double(1) == 2"])[0].outcome == "correct"
    broken.write_text("#!/bin/sh\necho no memory >&2\nexit 1\n")
    process.end_waiting_processes()
    (verdict,) = code.verify([DOUBLE], [tests])
    assert verdict.outcome == "timeout"
    assert verdict.detail == "the machine could not run it: no memory"


# The link between the two processes, both ends in this one.

PLAIN = st.recursive(
    st.one_of(
        *(st.none(), st.booleans(), st.integers(), st.floats(), st.binary(max_size=9)),
        *(st.text(max_size=9), st.just("\ud800"), st.complex_numbers()),
        st.sampled_from([int, list, ValueError]),
    ),
    lambda inner: st.one_of(
        *(st.lists(inner, max_size=3), st.lists(inner, max_size=3).map(tuple)),
        st.dictionaries(st.one_of(st.text(max_size=3), st.integers()), inner, max_size=3),
        *(st.sets(st.integers(), max_size=3), st.frozensets(st.text(max_size=3), max_size=3)),
        st.binary(max_size=3).map(bytearray),
    ),
    max_leaves=12,
)


@pytest.fixture
def link(monkeypatch):
    reading, writing = os.pipe()
    end = guest.Link(reading, writing, {"call": guest.call})
    yield end
    end._lines.close()
    os.close(writing)


def same(left, right):
    """Return whether two values are equal, including types and the sign of zero."""
    if type(left) is not type(right):
        return False
    if isinstance(left, (list, tuple)):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict):
        return same([*left.items()], [*right.items()])
    return left == right if isinstance(left, (set, frozenset)) else repr(left) == repr(right)


@given(value=PLAIN)
def test_plain_data_arrives_unchanged(link, value):
    link._send_message("value", link._encode_value(value))
    kind, (received,) = link._receive_message()
    assert kind == "value"
    assert same(received, value)


@given(
    line=st.one_of(st.binary(max_size=60), PLAIN.map(lambda v: repr(v).encode("utf-8", "replace")))
)
def test_anything_else_that_arrives_closes_the_link(link, line):
    line = line.replace(b"\n", b" ")
    try:
        well = isinstance(json.loads(line), list)
    except ValueError:
        well = False
    os.write(link._outgoing, line + b"\n")
    if not well:
        with pytest.raises(guest.PeerClosed):
            link._receive_message()
        assert link.is_closed
    else:
        link._lines.readline()


@pytest.mark.parametrize(
    "forged",
    [
        *({"type": ["eval"]}, {"yours": [0]}, {"yours": [-1]}, {"tuple": 5}, {"bytes": 10**12}),
        *({"set": [[1]]}, {"dict": [1]}, {"list": "abc"}, {"complex": "1"}, {"a": [], "b": []}, {}),
    ],
)
def test_a_forged_tag_closes_the_link(link, forged):
    os.write(link._outgoing, json.dumps(["value", forged]).encode() + b"\n")
    with pytest.raises(guest.PeerClosed):
        link._receive_message()


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (KeyError, KeyError),
        (UnicodeDecodeError, ValueError),
        (SystemExit, RuntimeError),
        (StopIteration, RuntimeError),
        (StopAsyncIteration, RuntimeError),
    ],
)
def test_an_error_arrives_as_a_built_in_exception(kind, expected):
    error = guest._rebuild_error([each.__name__ for each in kind.__mro__], "so", ends_loops=False)
    assert type(error) is expected


def test_the_tests_of_a_group_are_compiled_once(sandboxed):
    reading.compile_tests.cache_clear()
    answers = [f"{DOUBLE}  # {number}" for number in range(3)]
    verdicts = rk.build("code", **sandboxed).verify(answers, ["assert double(1) == 2"] * 3)
    assert [verdict.outcome for verdict in verdicts] == ["correct"] * 3
    assert reading.compile_tests.cache_info().misses == 1


@pytest.mark.parametrize("tests", ["assert double(1) == 2\nreturn", "x = 1\nassert await x"])
def test_what_cannot_be_compiled_is_a_bad_reference(judge, tests):
    assert judge(DOUBLE, tests).outcome == "bad_reference"


@pytest.mark.sandbox
def test_the_callers_own_options_of_python_do_not_change_tests():
    script = """
import rewardkit as rk
answers, tests = ["def f(x): return x"] * 2, ["assert f(1) == 2", "assert (f(1) is 1, 'always')"]
print(*[str(each.outcome) for each in rk.build("code").verify(answers, tests)])
"""
    # -O leaves out assertions, and both warnings of the second test would be errors
    command = [sys.executable, "-O", "-W", "error::SyntaxWarning", "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "wrong correct\n"


def test_a_batch_has_its_own_deadline(sandboxed):
    endless = [f"def f():\n    while True: {number}" for number in range(40)]
    verifier = rk.build("code", timeout=1.0, batch_timeout=1.5, workers=2, **sandboxed)
    verdicts = verifier.verify(endless, ["assert f() == 1"] * 40)
    assert {verdict.outcome for verdict in verdicts} == {rk.Outcome.TIMEOUT}
    assert verdicts[-1].detail == "the batch's limit of 1.5 s has passed"


@pytest.mark.sandbox
@pytest.mark.parametrize(
    ("blocks", "right"),
    [
        (["def half(x):\n    return x / 2", "def area(a, h):\n    return half(a * h)"], True),
        (
            [
                "def half(x):\n    return x / 2",
                "def double(x):\n    return x * 2",
                "def area(a, h):\n    return half(double(half(a * h)))",
            ],
            True,
        ),
        # a version before the last one adds nothing to it
        (["def area(a, h):\n    return a * h / 2", "def area(a, h):\n    return a * h"], False),
    ],
)
def test_a_helper_in_an_earlier_block_counts(blocks, right):
    answer = "\n".join(f"```python\n{block}\n```" for block in blocks)
    [verdict] = rk.build("code").verify([answer], [["assert area(3, 4) == 6"]])
    assert (verdict.outcome.value == "correct") is right


def test_each_block_is_parsed_a_few_times_at_most(monkeypatch):
    parsed = []
    parse = reading.parse_quietly
    monkeypatch.setattr(reading, "parse_quietly", lambda text: parsed.append(text) or parse(text))
    blocks = [f"z{number} = 1" for number in range(200)]
    blocks.append("def f(x):\n    return x\n" + "y = 1\n" * 100)
    answer = "\n".join(f"```python\n{block}\n```" for block in blocks)
    program = code._find_program(answer, "last", reading.compile_tests("assert f(1) == 1"))
    assert program.strip() == blocks[-1].strip()
    assert sum(map(len, parsed)) < 4 * len(answer)


def test_a_huge_block_is_not_parsed_before_it_runs(monkeypatch):
    huge = "x;" * 100_000
    answer = f"```python\n{DOUBLE}\n```\n```python\n{huge}\n```"
    parse = reading.parse_quietly
    monkeypatch.setattr(
        reading,
        "parse_quietly",
        lambda text: pytest.fail("too long") if ";" in text else parse(text),
    )
    tests = reading.compile_tests("assert double(1) == 2")
    assert code._find_program(answer, "last", tests).strip() == DOUBLE


def test_the_parsed_blocks_have_a_length_in_all(monkeypatch):
    parsed = []
    parse = reading.parse_quietly
    monkeypatch.setattr(reading, "parse_quietly", lambda text: parsed.append(text) or parse(text))
    blocks = [f"y{number} = 1\n" * 1000 for number in range(100)]
    for which, index in (("last", -1), ("first", 0)):
        ordered = [DOUBLE, *blocks] if which == "first" else [*blocks, DOUBLE]
        answer = "\n".join(f"```python\n{block}\n```" for block in ordered)
        program = code._find_program(answer, which, reading.compile_tests("assert double(1) == 2"))
        assert program.strip() == ordered[index]
        assert sum(map(len, parsed)) < 400_000 < len(answer)
        parsed.clear()
