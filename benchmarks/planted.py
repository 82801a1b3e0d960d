"""Measure how many planted bugs check and audit find, and what they say of right rewards.

    python benchmarks/planted.py [--only WORD ...] [--limit SECONDS] [--list] [--json FILE]
        [--write]

The bugs are in `benchmarks/planted_bugs/`, written by somebody who had not read the laws or the
audit's entries: mechanical bugs of TRL's reward functions, verifiers, extractors, and rewards that
work and can be hacked. Beside them are rewards that are right and the rewards of public notebooks.
Each runs in a process of its own with a limit, through the command line with no options; an audit
gets the rows and the template that a user has. A bug counts as found if a finding is about it: a
law or an entry that the plant's reason allows. Processor seconds are without the imports.

`--write` puts the tables into docs/how-far-to-trust.md. The exit code is 1 if a command hung.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import json
import os
import re
import resource
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

BUGS = Path(__file__).parent / "planted_bugs"
PAGE = Path(__file__).parents[1] / "docs" / "how-far-to-trust.md"
MEMORY_LIMIT = 6 << 30
MECHANICAL = ("rows", "raising", "tensors", "time_and_threads", "arguments")

# The laws whose failure is about a reason, by their names and by those that they had before.
_ROWS = "deterministic stateless pointwise row_order order groups thread_safe"
_RAISES = "never_raises total"
LAWS = {
    "rows": f"{_ROWS} one_value_per_row length",
    "process": "deterministic picklable pickles",
    "columns": f"extra_columns columns {_RAISES}",
    "raises": f"{_RAISES} one_value_per_row length",
    "length": f"one_value_per_row length {_RAISES}",
    "finite": f"finite bounds {_RAISES}",
    "inputs": "no_mutation inputs",
    "forms": "input_formats forms",
    "pickles": "picklable pickles",
    "time": f"linear_time linear terminates {_RAISES}",
    "threads": f"thread_safe deterministic {_RAISES}",
    "loop": f"{_ROWS} {_RAISES}",
    "wrong": "near_misses wrong_answers",
    "right": "accepts_reference right_answers right reflexive",
    "outcome": "no_answer bad_reference accepts_reference reflexive",
    "found": "finds_answer found",
    "missing": "finds_nothing",
    "several": "finds_answer finds_nothing found",
}
# The kinds of an audit's findings that are about a reason, for bugs that are not exploits.
AUDIT_KINDS = {
    "raises": {"raises", "wrong_form"},
    "columns": {"raises"},
    "length": {"raises"},
    "finite": {"raises"},
    "forms": {"wrong_form"},
    "time": {"slow"},
    "threads": {"raises"},
    "loop": {"raises"},
}


class Plant(NamedTuple):
    """A planted bug, or a right reward, as the commands are given it."""

    name: str
    """The name of the row in the table's list."""
    kind: str
    """mechanical, verifier, extractor, hackable, right or public."""
    targets: tuple[str, ...]
    """module:attribute or path.py:attribute."""
    reason: str
    """A key of LAWS, or the pattern of an audit's entries that are about it."""
    source: str
    """What it is modelled on."""
    data: tuple[list[dict[str, Any]], str] | None = None
    """The rows and the template of an audit."""


class Run(NamedTuple):
    """What a command printed, and what it took."""

    findings: list[dict[str, Any]]
    processor_s: float
    wall_s: float
    status: str
    """ok, hung, or the last line of its error."""


# The plants ---------------------------------------------------------------------------------------


def read_plants() -> Iterator[Plant]:
    """Yield the plants of all modules."""
    sys.path.append(str(BUGS))
    for module in (*MECHANICAL, "answers"):
        if module == "tensors" and not has_module("torch"):
            continue
        items = importlib.import_module(module).PLANTS.items()
        for name, (reason, source) in items:
            kind = "mechanical" if module in MECHANICAL else find_kind(module, name)
            yield Plant(name, kind, (f"{BUGS}/{module}.py:{name}",), reason, source)
    hackable = importlib.import_module("hackable")
    for name, (reason, rows, template, source) in hackable.HACKABLE.items():
        target = f"{BUGS}/hackable.py:{name}"
        yield Plant(name, "hackable", (target,), reason, source, (rows, template))
    for name, source in importlib.import_module("right").RIGHT.items():
        target = name if ":" in name else f"{BUGS}/right.py:{name}"
        yield Plant(name, "right", (target,), "", source)
    public = importlib.import_module("public")
    for name, (rewards, rows, template) in public.SETS.items():
        targets = tuple(f"{BUGS}/public.py:{reward}" for reward, _ in rewards)
        yield Plant(name, "public", targets, "", "a public set", (rows, template))


def has_module(name: str) -> bool:
    """Whether a module can be imported."""
    return importlib.util.find_spec(name) is not None


def find_kind(module: str, name: str) -> str:
    """Return whether a component is a verifier or an extractor."""
    kind: str = getattr(importlib.import_module(module), name).component_kind
    return kind


# Running a command --------------------------------------------------------------------------------


def run_command(arguments: list[str], limit_s: float) -> Run:
    """Run a command of rewardkit in a forked process, and kill it after a limit."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out"
        started = time.monotonic()
        child = os.fork()
        if child == 0:
            run_in_child(arguments, out, folder, limit_s)
        hung = not wait_for(child, started + limit_s * processes_per_core())
        if hung:
            os.killpg(child, signal.SIGKILL)
        _, _, usage = os.wait4(child, 0)
        text = out.read_text(encoding="utf-8", errors="replace") if out.exists() else ""
    status, findings = read_findings(text)
    processor_s = usage.ru_utime + usage.ru_stime
    return Run(findings, processor_s, time.monotonic() - started, "hung" if hung else status)


def run_in_child(arguments: list[str], out: Path, folder: str, limit_s: float) -> None:
    """Run a command with its output in a file, and end the process."""
    code = 3
    try:
        os.setsid()
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT, MEMORY_LIMIT))
        resource.setrlimit(resource.RLIMIT_CPU, (int(2 * limit_s), int(2 * limit_s) + 5))
        os.chdir(folder)
        os.environ["PYTHONPATH"] = str(BUGS)
        file = os.open(out, os.O_WRONLY | os.O_CREAT, 0o600)
        os.dup2(file, 1)
        os.dup2(file, 2)
        from rewardkit.cli.application import main  # noqa: PLC0415 - imported before the fork

        code = main(arguments)
        sys.stdout.flush()
    finally:
        os._exit(code)


def processes_per_core() -> float:
    """Return by how much a busy machine stretches a time, at least 1."""
    return max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


def wait_for(child: int, deadline: float) -> bool:
    """Wait until a child has ended, which stays to be reaped; False after the deadline."""
    while time.monotonic() < deadline:
        ended = os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        if ended is not None:
            return True
        time.sleep(0.02)
    return False


def read_findings(text: str) -> tuple[str, list[dict[str, Any]]]:
    """Return the status and the findings of what a command printed with --json."""
    for start in [match.start() for match in re.finditer(r"^[\[{]", text, re.MULTILINE)]:
        try:
            data, _ = json.JSONDecoder().raw_decode(text[start:])
        except ValueError:
            continue
        results = data if isinstance(data, list) else [data]
        return "ok", [finding for result in results for finding in result.get("findings", ())]
    return (text.strip().splitlines() or ["no output"])[-1][:200], []


# Judging ------------------------------------------------------------------------------------------


def check_plant(plant: Plant, limit_s: float) -> tuple[bool, Run]:
    """Check a plant; return whether a finding is about its reason."""
    run = run_command(["check", "--json", *plant.targets], limit_s)
    laws = LAWS.get(plant.reason, "").split()
    return any(finding.get("law") in laws for finding in run.findings), run


def audit_plant(plant: Plant, limit_s: float) -> tuple[bool, Run]:
    """Audit a plant; return whether a finding is about its reason."""
    options = []
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl", encoding="utf-8") as file:
        if plant.data:
            rows, template = plant.data
            file.writelines(json.dumps(row) + "\n" for row in rows)
            file.flush()
            options = ["--data", file.name, "--template", template]
        run = run_command(["audit", "--json", *plant.targets, *options], limit_s)
    if plant.kind == "hackable":
        words = re.compile(plant.reason)
        found = any(words.search(describe_entry(finding)) for finding in run.findings)
    else:
        kinds = AUDIT_KINDS.get(plant.reason, set())
        found = any(finding.get("kind") in kinds for finding in run.findings)
    return found, run


def describe_entry(finding: dict[str, Any]) -> str:
    """Return what the audit calls a finding, its entry and its family."""
    return f"{finding.get('entry', '')} {finding.get('family', '')}".lower()


def find_false_exploits(plant: Plant, run: Run) -> list[dict[str, Any]]:
    """Return the exploits of a public set that are valid completions by the set's own rules."""
    public = importlib.import_module("public")
    about = dict(public.SETS[plant.name][0])
    assert plant.data is not None  # noqa: S101 - a public set has rows
    rows, template = plant.data
    is_false: dict[str, Callable[[str, dict[str, Any]], bool]] = {
        "layout": lambda text, _row: keeps_layout(text, template),
        "answer": lambda text, row: gives_answer(text, template, row["answer"]),
        "total": lambda text, row: (
            keeps_layout(text, template) and gives_answer(text, template, row["answer"])
        ),
    }
    return [
        finding
        for finding in run.findings
        if finding.get("kind") == "exploit"
        and (judge := is_false.get(about.get(finding["reward"], finding["reward"]))) is not None
        and judge(finding["completion"], rows[finding.get("row", 0)])
    ]


SPECIAL_TOKEN = re.compile(r"<[|\uff5c][^<>]*[|\uff5c]>|</?s>|<(?:eos|bos|pad|unk)>|<end_of_turn>")


def keeps_layout(text: str, template: str) -> bool:
    """Whether a text has the template's tags, once and in order, with a thought and an answer.

    A special token is no content: a part that holds one is as good as empty.
    """
    tags = re.findall(r"</?[\w_]+>|\\boxed\{|```\w*|####", template)
    positions = [text.find(tag) for tag in tags]
    in_order = -1 not in positions and sorted(positions) == positions
    if not in_order or any(text.count(tag) != template.count(tag) for tag in tags):
        return False
    before = template.partition("{answer}")[0]
    thought = text[: text.rfind(tags[-2] if len(tags) > 1 else before)]
    words = set(re.findall(r"[a-z]{2,}", re.sub(r"</?\w+>", " ", thought.lower())))
    ends = template.rstrip().endswith("{answer}") or text.rstrip().endswith(template.rstrip()[-3:])
    answered = re.search(r"\w", find_answer(text, template)) is not None
    return ends and answered and len(words) > 2 and SPECIAL_TOKEN.search(text) is None  # noqa: PLR2004


def gives_answer(text: str, template: str, answer: str) -> bool:
    """Whether the text between the template's marks is the answer, and nothing else is."""
    given = find_answer(text, template).rstrip(".").replace(",", "").casefold()
    try:
        return float(given) == float(answer)
    except ValueError:
        return given == answer.strip().casefold()


def find_answer(text: str, template: str) -> str:
    """Return what is between the template's marks around the answer; empty if they are repeated."""
    before, _, after = template.partition("{answer}")
    mark = (re.findall(r"<\w+>|\\boxed\{|```\w*\n|####|Answer:|\S+$", before.strip()) or [""])[-1]
    end = (re.findall(r"^\s*(</\w+>|\}|\n```)", after) or [""])[0]
    if mark and text.count(mark) != before.count(mark):
        return ""
    given = text.rpartition(mark)[2] if mark else text
    return (given.partition(end)[0] if end else given).strip()


# The measurement ----------------------------------------------------------------------------------


class Result(NamedTuple):
    """What the commands said of a plant."""

    plant: Plant
    by_check: bool
    by_audit: bool
    processor_s: float
    hung: bool
    notes: str


def measure_plant(plant: Plant, limit_s: float) -> Result:
    """Check a plant, and audit it if the check did not find it."""
    hung, seconds, notes = False, 0.0, []
    by_check = by_audit = False
    if plant.kind not in {"hackable", "public"}:
        by_check, run = check_plant(plant, limit_s)
        hung, seconds = run.status == "hung", run.processor_s
        laws = [str(finding.get("law")) for finding in run.findings]
        notes.append(f"check: {', '.join(dict.fromkeys(laws)) or run.status}")
        if plant.kind == "right":
            by_check = bool(run.findings) or run.status not in {"ok", "hung"}
    if plant.kind in {"hackable", "public"} or (plant.kind == "mechanical" and not by_check):
        by_audit, run = audit_plant(plant, limit_s)
        hung = hung or run.status == "hung"
        seconds += run.processor_s
        if plant.kind == "public":
            false = find_false_exploits(plant, run)
            by_audit = len(false) > 1
            named = [f"{finding['reward']}: {finding['entry']}" for finding in false]
            notes.append(
                f"audit: {len(run.findings)} findings, false: {', '.join(named) or 'none'}"
            )
        else:
            entries = dict.fromkeys(str(f.get("entry")) for f in run.findings)
            notes.append(f"audit: {', '.join([*entries][:8]) or run.status}")
    return Result(plant, by_check, by_audit, seconds, hung, "; ".join(notes))


def summarise(results: list[Result]) -> dict[str, Any]:
    """Return the figures of the table."""

    def of(*kinds: str) -> list[Result]:
        return [result for result in results if result.plant.kind in kinds]

    bugs = of("mechanical", "verifier", "extractor", "hackable")
    found = [result for result in bugs if result.by_check or result.by_audit]
    seconds = [result.processor_s for result in found]
    return {
        "mechanical, by check": count(of("mechanical"), lambda r: r.by_check),
        "mechanical, by either": count(of("mechanical"), lambda r: r.by_check or r.by_audit),
        "verifiers, by check": count(of("verifier"), lambda r: r.by_check),
        "extractors, by check": count(of("extractor"), lambda r: r.by_check),
        "hackable rewards, by audit": count(of("hackable"), lambda r: r.by_audit),
        "all bugs, by either": count(bugs, lambda r: r.by_check or r.by_audit),
        "right rewards with a failing law": count(of("right"), lambda r: r.by_check),
        "public sets with more than one false exploit": count(of("public"), lambda r: r.by_audit),
        "commands that hung": count(results, lambda r: r.hung),
        "median processor seconds of a find": round(statistics.median(seconds), 1)
        if seconds
        else None,
    }


def count(results: list[Result], holds: Callable[[Result], bool]) -> str:
    """Return how many of some results are so, and of how many."""
    return f"{sum(map(holds, results))} of {len(results)}"


def write_page(figures: dict[str, Any], results: list[Result]) -> None:
    """Put the tables into the page, between its marks."""
    lines = [
        "| | |",
        "| --- | --- |",
        *(f"| {name} | {value} |" for name, value in figures.items()),
    ]
    missed = [
        result
        for result in results
        if result.plant.kind in {"mechanical", "verifier", "extractor", "hackable"}
        and not (result.by_check or result.by_audit)
    ]
    lines += ["", "Not found:", "", "| bug | kind |", "| --- | --- |"]
    lines += [f"| {result.plant.source} | {result.plant.kind} |" for result in missed]
    text = PAGE.read_text(encoding="utf-8")
    begin, end = "<!-- planted -->\n", "<!-- end of planted -->"
    head, tail = text.partition(begin)[0], text.partition(end)[2]
    PAGE.write_text(f"{head}{begin}\n" + "\n".join(lines) + f"\n\n{end}{tail}", encoding="utf-8")


def print_result(result: Result, *, every: bool) -> None:
    """Print a plant that was missed, a right reward with a finding, or every one."""
    named = result.by_check or result.by_audit
    is_bug = result.plant.kind not in {"right", "public"}
    if every or result.hung or named != is_bug:
        mark = "hung" if result.hung else "found" if named else "not found"
        plant, seconds = result.plant, f"{result.processor_s:5.1f} s"
        print(f"{plant.kind:10} {plant.name:32} {mark:9} {seconds}  {result.notes}", flush=True)


def read_results(path: Path | None, plants: list[Plant]) -> dict[tuple[str, ...], Result]:
    """Return the results of earlier runs for these plants, so that a run may measure a part."""
    if path is None or not path.exists():
        return {}
    kept = {tuple(row["targets"]): row for row in json.loads(path.read_text(encoding="utf-8"))}
    results = {}
    for plant in plants:
        if (row := kept.get(plant.targets)) is not None:
            results[plant.targets] = Result(plant, **{k: row[k] for k in Result._fields[1:]})
    return results


def write_results(path: Path, results: Iterable[Result]) -> None:
    """Write what was found of each plant."""
    rows = [
        {
            "targets": result.plant.targets,
            "kind": result.plant.kind,
            **dict(zip(Result._fields[1:], result[1:], strict=True)),
        }
        for result in results
    ]
    path.write_text(json.dumps(rows, indent=1), encoding="utf-8")


def main() -> int:
    """Measure, print, and write what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", action="append", help="a word in the kinds or files to measure")
    parser.add_argument("--limit", type=float, default=60.0, help="seconds for each command")
    parser.add_argument(
        "--list", action="store_true", help="print each plant, not the misses alone"
    )
    parser.add_argument("--json", type=Path, help="a file of results, which keeps earlier ones")
    parser.add_argument("--write", action="store_true", help="write the page of the docs")
    options = parser.parse_args()
    for module in ("rewardkit.cli.application", "rewardkit.testing", "rewardkit.audit"):
        importlib.import_module(module)  # before the forks, so that each has them
    plants = [*read_plants()]
    results = read_results(options.json, plants)
    for plant in plants:
        if not any(word in f"{plant.kind} {plant.targets[0]}" for word in options.only or [""]):
            continue
        result = measure_plant(plant, options.limit)
        results[plant.targets] = result
        print_result(result, every=options.list)
        if options.json:
            write_results(options.json, results.values())
    figures = summarise([*results.values()])
    print()
    for name, value in figures.items():
        print(f"{name:46} {value}")
    if options.write:
        write_page(figures, [*results.values()])
    return int(any(result.hung for result in results.values()))


if __name__ == "__main__":
    sys.exit(main())
