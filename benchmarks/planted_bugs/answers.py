"""Planted: verifiers whose equality is wrong, and extractors that find the wrong thing."""

import re

import rewardkit as rk

RIGHT, WRONG = rk.Outcome.CORRECT, rk.Outcome.WRONG


def judge(answers, references, equal):
    """Return the verdicts of an equality: the order of the outcomes is as it should be."""
    verdicts = []
    for answer, reference in zip(answers, references, strict=True):
        gold = "" if reference is None else str(reference)
        if not gold.strip():
            verdicts.append(rk.Verdict(rk.Outcome.BAD_REFERENCE))
        elif not (answer or "").strip():
            verdicts.append(rk.Verdict(rk.Outcome.NO_ANSWER))
        else:
            verdicts.append(rk.Verdict(RIGHT if equal(str(answer), gold) else WRONG))
    return verdicts


def number_in(text):
    found = re.search(r"-?\d+(?:\.\d+)?", text.replace(",", "")[:500])
    return float(found.group()) if found else None


# Too loose ----------------------------------------------------------------------------------------


@rk.register("planted_within_one")
class WithinOne(rk.Verifier):
    def verify(self, answers, references):
        def equal(answer, gold):
            left, right = number_in(answer), number_in(gold)
            if left is None or right is None:
                return answer.strip() == gold.strip()
            return abs(left - right) <= 1.0

        return judge(answers, references, equal)


@rk.register("planted_no_sign")
class NoSign(rk.Verifier):
    def verify(self, answers, references):
        def equal(answer, gold):
            return re.sub(r"[^\w.]", "", answer) == re.sub(r"[^\w.]", "", gold)

        return judge(answers, references, equal)


@rk.register("planted_rounded")
class Rounded(rk.Verifier):
    def verify(self, answers, references):
        def equal(answer, gold):
            try:
                return round(float(answer)) == round(float(gold))
            except (ValueError, OverflowError):
                return answer.strip() == gold.strip()

        return judge(answers, references, equal)


@rk.register("planted_starts_with")
class StartsWith(rk.Verifier):
    def verify(self, answers, references):
        return judge(answers, references, lambda a, g: a.strip().startswith(g.strip()))


@rk.register("planted_contained")
class Contained(rk.Verifier):
    def verify(self, answers, references):
        return judge(answers, references, lambda a, g: g.strip() in a)


@rk.register("planted_prefix_of_it")
class PrefixOfIt(rk.Verifier):
    def verify(self, answers, references):
        return judge(answers, references, lambda a, g: g.strip().startswith(a.strip()))


@rk.register("planted_zeros_stripped")
class ZerosStripped(rk.Verifier):
    def verify(self, answers, references):
        # meant for 2.50 and 2.5; 250 and 25 are equal too
        return judge(
            answers, references, lambda a, g: a.strip().rstrip("0.") == g.strip().rstrip("0.")
        )


@rk.register("planted_digits_only")
class DigitsOnly(rk.Verifier):
    def verify(self, answers, references):
        def equal(answer, gold):
            left, right = re.sub(r"\D", "", answer), re.sub(r"\D", "", gold)
            return left == right if right else answer.strip() == gold.strip()

        return judge(answers, references, equal)


@rk.register("planted_relative")
class Relative(rk.Verifier):
    def verify(self, answers, references):
        def equal(answer, gold):
            left, right = number_in(answer), number_in(gold)
            if left is None or right is None:
                return answer.strip() == gold.strip()
            return abs(left - right) <= 0.1 * max(abs(left), abs(right))

        return judge(answers, references, equal)


@rk.register("planted_nan")
class NotLess(rk.Verifier):
    def verify(self, answers, references):
        def equal(answer, gold):
            try:
                left, right = float(answer), float(gold)
            except ValueError:
                return answer.strip() == gold.strip()
            return not (left < right or left > right)  # NaN is neither

        return judge(answers, references, equal)


@rk.register("planted_same_characters")
class SameCharacters(rk.Verifier):
    def verify(self, answers, references):
        return judge(answers, references, lambda a, g: sorted(a.strip()) == sorted(g.strip()))


@rk.register("planted_last_wins")
class LastNumber(rk.Verifier):
    def verify(self, answers, references):
        def equal(answer, gold):
            found = re.findall(r"\d+", answer[:500])
            return gold.strip() in found if found else answer.strip() == gold.strip()

        return judge(answers, references, equal)


# Too strict, and wrong outcomes -------------------------------------------------------------------


@rk.register("planted_one_side")
class OneSide(rk.Verifier):
    def verify(self, answers, references):
        # commas and case are dropped in the answer alone
        return judge(answers, references, lambda a, g: a.strip().replace(",", "").lower() == g)


@rk.register("planted_identity")
class Identity(rk.Verifier):
    def verify(self, answers, references):
        return judge(answers, references, lambda a, g: a.strip().rstrip(".").title() == g)


@rk.register("planted_integers_only")
class IntegersOnly(rk.Verifier):
    def verify(self, answers, references):
        def equal(answer, gold):
            return answer.strip().isdigit() and gold.strip().isdigit() and int(answer) == int(gold)

        return judge(answers, references, equal)


@rk.register("planted_blank_is_right")
class BlankIsRight(rk.Verifier):
    def verify(self, answers, references):
        return [
            rk.Verdict(RIGHT if (a or "").strip() == str(r or "").strip() else WRONG)
            for a, r in zip(answers, references, strict=True)
        ]


@rk.register("planted_no_answer_is_wrong")
class NoAnswerIsWrong(rk.Verifier):
    def verify(self, answers, references):
        return [
            rk.Verdict(rk.Outcome.BAD_REFERENCE)
            if not str(r if r is not None else "").strip()
            else rk.Verdict(RIGHT if (a or "").strip() == str(r).strip() else WRONG)
            for a, r in zip(answers, references, strict=True)
        ]


@rk.register("planted_first_reference")
class FirstReference(rk.Verifier):
    def verify(self, answers, references):
        return judge(
            answers, [references[0]] * len(answers) if references else [], lambda a, g: a == g
        )


within_one, no_sign, rounded = WithinOne(), NoSign(), Rounded()
starts_with, contained, prefix_of_it = StartsWith(), Contained(), PrefixOfIt()
zeros_stripped, digits_only, relative = ZerosStripped(), DigitsOnly(), Relative()
not_less, same_characters, any_number = NotLess(), SameCharacters(), LastNumber()
one_side, identity, integers_only = OneSide(), Identity(), IntegersOnly()
blank_is_right, no_answer_is_wrong = BlankIsRight(), NoAnswerIsWrong()
first_reference = FirstReference()

# Extractors ---------------------------------------------------------------------------------------


@rk.register("planted_group_of_none")
class GroupOfNone(rk.Extractor):
    def extract(self, text):
        return re.search(r"<answer>([^<]*)</answer>", text).group(1).strip()


@rk.register("planted_flat_box")
class FlatBox(rk.Extractor):
    def extract(self, text):
        found = re.findall(r"\\boxed\{([^}]*)\}", text)
        return found[-1] if found else None


@rk.register("planted_whole_if_missing")
class WholeIfMissing(rk.Extractor):
    def extract(self, text):
        return text.split("<answer>")[-1].split("</answer>")[0].strip()


@rk.register("planted_empty_if_missing")
class EmptyIfMissing(rk.Extractor):
    def extract(self, text):
        found = re.findall(r"<answer>([^<]*)</answer>", text)
        return found[-1].strip() if found else ""


@rk.register("planted_number_or_zero")
class NumberOrZero(rk.Extractor):
    def extract(self, text):
        found = re.findall(r"-?\d+", text)
        return found[-1] if found else "0"


@rk.register("planted_lower_tags")
class FirstGreedy(rk.Extractor):
    def extract(self, text):
        # greedy: from the first opening tag to the last closing one
        found = re.search(r"<answer>(.*)</answer>", text, re.DOTALL)
        return found.group(1).strip() if found else None


@rk.register("planted_returns_a_number")
class ReturnsANumber(rk.Extractor):
    def extract(self, text):
        found = re.findall(r"-?\d{1,9}", text)
        return int(found[-1]) if found else None


@rk.register("planted_slow_boxes")
class SlowBoxes(rk.Extractor):
    def extract(self, text):
        answer = None
        for start in range(len(text)):
            if text[start:].startswith("\\boxed{"):
                answer = text[start:].split("{", 1)[1].rsplit("}", 1)[0]
        return answer


_last = {"answer": None}


@rk.register("planted_last_seen")
class LastSeen(rk.Extractor):
    def extract(self, text):
        found = re.findall(r"<answer>([^<]*)</answer>", text)
        if found:
            _last["answer"] = found[-1].strip()
        return _last["answer"]


group_of_none, flat_box, whole_if_missing = GroupOfNone(), FlatBox(), WholeIfMissing()
empty_if_missing, number_or_zero, first_greedy = EmptyIfMissing(), NumberOrZero(), FirstGreedy()
returns_a_number, slow_boxes, last_seen = ReturnsANumber(), SlowBoxes(), LastSeen()

PLANTS = {
    "within_one": ("wrong", "an absolute tolerance of 1"),
    "no_sign": ("wrong", "punctuation dropped, with the sign"),
    "rounded": ("wrong", "both sides rounded to whole numbers"),
    "starts_with": ("wrong", "answer.startswith(reference): 42 and 425"),
    "contained": ("wrong", "reference in answer: 42 and 142"),
    "prefix_of_it": ("wrong", "reference.startswith(answer): 4 for 42"),
    "zeros_stripped": ("wrong", "rstrip('0') of whole numbers: 25 for 250"),
    "digits_only": ("wrong", "all but digits dropped: 1.5 and 15"),
    "relative": ("wrong", "a relative tolerance of a tenth"),
    "not_less": ("wrong", "neither less nor greater: NaN equals everything"),
    "same_characters": ("wrong", "sorted characters: 12 and 21"),
    "any_number": ("wrong", "any number of the answer may be the reference"),
    "one_side": ("right", "the reference is not normalised as the answer is"),
    "identity": ("right", "title case in the answer alone"),
    "integers_only": ("right", "isdigit() in an equality of numbers and words"),
    "blank_is_right": ("outcome", "an empty answer equals an empty reference"),
    "no_answer_is_wrong": ("outcome", "a missing answer is judged wrong"),
    "first_reference": ("rows", "the first reference for all rows"),
    "group_of_none": ("raises", "group() of no match"),
    "flat_box": ("found", "no braces within a box"),
    "whole_if_missing": ("missing", "the whole text where there is no tag"),
    "empty_if_missing": ("missing", "an empty text rather than None"),
    "number_or_zero": ("missing", "0 where there is no number"),
    "first_greedy": ("several", "a greedy pattern over two answers"),
    "returns_a_number": ("raises", "a number rather than a text"),
    "slow_boxes": ("time", "a copy of the text at each position"),
    "last_seen": ("rows", "the answer of the last text that had one"),
}
