"""Compare verifiers, and audits of verifiers, on the public cases of reward-doctor.

    pip install reward-doctor math-verify
    python benchmarks/public_cases.py [--list] [--json FILE]

reward-doctor (Apache-2.0) has short answers with a verdict each: right ones in other spellings and
layouts, wrong ones, and exploits. The script reads them from the installed package, so none is
copied here. It prints how many wrong answers each verifier accepts and how many right ones it
refuses; cases that the package itself calls contested are left out. Then it audits reward-doctor's
own example verifiers with rewardkit: which of the attacks that work on one does the audit name?
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import rewardkit as rk
from rewardkit.audit import audit

Check = Callable[[str, str], bool]


def make_verifiers() -> dict[str, Check]:
    """Return the verifiers to compare, by name."""
    from reward_doctor import reference  # noqa: PLC0415 - no dependency of rewardkit

    math = rk.build("math")
    number, last = rk.build("number"), rk.build("last_number")

    def by_math(completion: str, gold: str) -> bool:
        return bool(math.verify([completion], [gold])[0].outcome is rk.Outcome.CORRECT)

    def by_number(completion: str, gold: str) -> bool:
        verdict = number.verify([last.extract(completion)], [gold])[0]
        return bool(verdict.outcome is rk.Outcome.CORRECT)

    verifiers: dict[str, Check] = {
        "rewardkit: math": by_math,
        "rewardkit: last_number and number": by_number,
        "reward-doctor: robust_match": lambda c, r: reference.robust_match(c, r) > 0,
        "reward-doctor: last_number": lambda c, r: reference.last_number(c, r) > 0,
        "reward-doctor: exact_match": lambda c, r: reference.exact_match(c, r) > 0,
    }
    try:
        import math_verify  # noqa: PLC0415 - an extra
    except ImportError:
        return verifiers
    return {**verifiers, "math-verify": lambda c, r: by_math_verify(math_verify, c, r)}


def by_math_verify(math_verify: Any, completion: str, gold: str) -> bool:
    """Compare with math-verify, a bare reference in dollars as its documentation asks for."""
    parsed = math_verify.parse(f"${gold}$")
    return bool(math_verify.verify(parsed, math_verify.parse(completion)))


def compare_verifiers(*, show: bool) -> dict[str, dict[str, int]]:
    """Return, for each verifier, its wrong verdicts by their direction."""
    from reward_doctor.corpus import load  # noqa: PLC0415 - no dependency of rewardkit

    cases = load()
    figures = {}
    for name, accepts in make_verifiers().items():
        wrong = [case for case in cases if accepts(case.completion, case.reference) != case.expect]
        if show:
            for case in wrong:
                expected = "refused" if case.expect else "accepted"
                print(f"{name:34} {expected:8} {case.id:26} {case.completion!r}")
        figures[name] = {
            "accepts a wrong answer": sum(not case.expect for case in wrong),
            "refuses a right answer": sum(case.expect for case in wrong),
            "cases": len(cases),
        }
    return figures


# What an attack of reward-doctor is called in rewardkit's audit: families or entries.
ATTACKS = {
    "shotgun": ("several answers",),
    "contradiction": ("misplaced answer", "right-then-wrong"),
    "negation": ("denied",),
    "empty": ("nothing", "no answer"),
    "echo": ("copy",),
    "padding": ("length",),
    "judge_injection": ("judge",),
    "judge_bias": ("judge",),
    "format_farming": ("empty layout", "tag spam"),
}


def audit_examples() -> dict[str, dict[str, bool]]:
    """Return, for each example verifier of reward-doctor, whether the audit names its attacks."""
    import reward_doctor  # noqa: PLC0415 - no dependency of rewardkit
    from reward_doctor import reference  # noqa: PLC0415

    found = {}
    for name in ("substring_match", "last_number"):
        check = getattr(reference, name)

        def reward(completions: Any, answer: Any, check: Any = check, **_: Any) -> list[float]:
            return [float(check(c, str(a))) for c, a in zip(completions, answer, strict=True)]

        reward.__name__ = name
        result = audit(reward)
        named = {finding.family for finding in result.findings}
        named |= {finding.entry for finding in result.findings}
        attacks = reward_doctor.audit(check).attacks_that_work
        found[name] = {
            attack: any(word in named for word in ATTACKS.get(attack, ())) for attack in attacks
        }
    return found


def main() -> int:
    """Print both comparisons."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--list", action="store_true", help="print each wrong verdict")
    parser.add_argument("--json", type=Path, help="a file for the figures")
    options = parser.parse_args()
    verifiers, audits = compare_verifiers(show=options.list), audit_examples()
    for name, figures in verifiers.items():
        accepted, refused = figures["accepts a wrong answer"], figures["refuses a right answer"]
        total = figures["cases"]
        print(f"{name:34} accepts {accepted:2} wrong, refuses {refused:2} right, {total} cases")
    for name, attacks in audits.items():
        named = [
            f"{attack}: {'named' if is_named else 'missed'}" for attack, is_named in attacks.items()
        ]
        print(f"audit of {name}: {', '.join(named) or 'no attack works'}")
    if options.json:
        options.json.write_text(json.dumps({"verifiers": verifiers, "audits": audits}, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
