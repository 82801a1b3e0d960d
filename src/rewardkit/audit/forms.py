"""Whether a reward is written for the form in which the trainer passes completions."""

from __future__ import annotations

from rewardkit._template import Row
from rewardkit.scorer import Term, rank_form


def dictate_form(term: Term, row: Row) -> Term | None:
    """Return the term with completions in the form that the trainer passes for the row's prompt.

    Those are messages if the prompt is, else plain text. None without a prompt, which leaves both.
    """
    if row.get("prompt") is None:
        return None
    return term._replace(chat=not isinstance(row["prompt"], str))


def explain_form(term: Term, row: Row, text: str, baseline: str) -> str:
    """Return why the form that the prompt dictates does not work and the other does, else "".

    A form works if the reward does not raise, pays `text` more than `baseline`, and pays several
    values; a reward for which both forms work alike has nothing to explain.
    """
    dictated = dictate_form(term, row)
    if dictated is None:
        return ""
    # Only a lost signal counts: more distinct values in the other form do not.
    ranks = [
        (works, above, distinct > 1)
        for form in (dictated, dictated._replace(chat=not dictated.chat))
        for works, above, distinct in [rank_form(form, row, text, baseline)]
    ]
    if ranks[0] >= ranks[1]:
        return ""
    written, passed = ("plain text", "messages") if dictated.chat else ("messages", "plain text")
    return f"written for {written}; the trainer passes {passed}, since the prompts are {passed}"
