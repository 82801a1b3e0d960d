"""Completion templates: a text in which "{column}" is replaced by a row's value, or a function.

A template is a text or a function of the row; either writes the row's completion.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from rewardkit._messages import did_you_mean, list_names

Row: TypeAlias = Mapping[str, Any]
"""A dataset's row: values by column."""
WriteCompletion: TypeAlias = Callable[[Row], str]
"""A function that writes a row's completion."""
Template: TypeAlias = str | WriteCompletion
"""A text with `{column}` for the row's value, or a function of the row."""

# No braces inside: in `\boxed{{answer}}` the inner pair is the column, the outer one LaTeX's.
_COLUMN = re.compile(r"\{([^{}]+)\}")


def fill(template: str, row: Row) -> str:
    """Return the template with each `{column}` replaced by the row's value; other braces stay.

    >>> fill("<answer>{answer}</answer> {x}", {"answer": 4})
    '<answer>4</answer> {x}'
    """
    # Not str.format: it raises at other braces, of which LaTeX and code are full.
    return _COLUMN.sub(lambda match: str(row.get(match[1], match[0])), template)


def check_template(template: Template, rows: Sequence[Row]) -> None:
    """Raise ValueError for a `{name}` that looks like a misspelt column of the rows.

    >>> check_template("<answer>{anser}</answer>", [{"answer": 4}])
    Traceback (most recent call last):
    ValueError: template: no column for {anser} (columns: answer); did you mean 'answer'?
    """
    if callable(template):
        return
    present = dict.fromkeys(name for row in rows for name in row)
    for name in _COLUMN.findall(template):
        # others are LaTeX's or a program's own
        if name not in present and (hint := did_you_mean(name, present)):
            columns = list_names(present)
            raise ValueError(f"template: no column for {{{name}}} (columns: {columns}){hint}")


def as_function(template: Template) -> WriteCompletion:
    """Return the function that writes a row's completion.

    >>> as_function("#### {answer}")({"answer": 4})
    '#### 4'
    """
    return template if callable(template) else lambda row: fill(template, row)
