"""The commands on registered components: list and show."""

from __future__ import annotations

import inspect
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from rewardkit.cli.arguments import ImportOption, JsonOption, complete_name
from rewardkit.cli.printing import print_component, print_json
from rewardkit.registry import KINDS, build, lookup, names

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rewardkit.cli.info import FieldInfo
    from rewardkit.component import Component


KindArgument = Annotated[
    str | None,
    typer.Argument(help="reward, verifier or extractor.", autocompletion=lambda: [*KINDS]),
]
NameArgument = Annotated[str, typer.Argument(autocompletion=complete_name)]


def list_components(
    kind: KindArgument = None,
    *,
    _: ImportOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the registered components, including those of plugins."""
    from rewardkit.cli.info import component_info  # noqa: PLC0415 - slow, and not for --help

    rows = [
        {"name": name, "kind": cls.component_kind, "summary": component_info(cls).summary}
        for name in names(kind and kind.removesuffix("s"))
        for cls in [lookup(name)]
    ]
    console = Console()
    if as_json:
        print_json(rows)
    elif not console.is_terminal:  # one name per line, for grep and xargs
        typer.echo("\n".join(row["name"] for row in rows))
    else:
        table = Table("name", "kind", "summary", box=None, header_style="bold")
        for row in rows:
            table.add_row(f"[cyan]{row['name']}", row["kind"], escape(row["summary"]))
        console.print(table)


def show_component(
    name: NameArgument,
    *,
    _: ImportOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show a component: fields and defaults, min and max, the columns it reads, an example."""
    page = describe_component(name)
    if as_json:
        print_json(page)
    else:
        print_component(page)


def describe_component(name: str) -> dict[str, Any]:
    """Return everything that `rewardkit show` prints about a component, as plain data."""
    from rewardkit.cli.info import component_info  # noqa: PLC0415 - slow, and not for --help
    from rewardkit.component import columns  # noqa: PLC0415 - the same
    from rewardkit.reward import Reward  # noqa: PLC0415 - the same
    from rewardkit.verify.code import Code  # noqa: PLC0415 - the same

    cls = lookup(name)
    info = component_info(cls)
    # an instance with default values knows its bounds and columns; the class only has rules
    try:
        instance = build(name)
    except ValueError:  # it has required fields, so only the class can be described
        instance = None
    if instance is None:
        read = [field.default for field in info.fields if field.reads_column]
    else:
        read = [*columns(instance)]
    bounds = getattr(instance, "bounds", None)
    rule = cls.bounds.__doc__ if issubclass(cls, Reward) else None
    # the first paragraph of a module's docstring is its title; the paper or library follows
    module_doc = inspect.cleandoc(sys.modules[cls.__module__].__doc__ or "")
    source = module_doc.partition("\n\n")[2]
    return {
        "name": name,
        "kind": cls.component_kind,
        "module": cls.__module__,
        "doc": info.text,
        "fields": [
            {
                "name": field.name,
                "type": field.type.replace("`", ""),
                "required": field.required,
                "default": field.default,
                "doc": field.doc,
            }
            for field in info.fields
        ],
        "bounds": bounds,
        "bounds_rule": rule and inspect.cleandoc(rule),
        "pointwise": _scores_rows_alone(instance or cls, info.fields),
        "columns": [str(column) for column in read if column is not None],
        "sandbox": instance.describe_sandbox() if isinstance(instance, Code) else None,
        "source": " ".join(source.split()),
        "example": info.example,
    }


def _scores_rows_alone(
    component: Component | type[Component], fields: Sequence[FieldInfo]
) -> bool | None:
    """Return whether rows are scored alone; None if that is up to the rewards in the fields."""
    from rewardkit.reward import Reward  # noqa: PLC0415 - slow, and not for --help

    declared = getattr(component, "pointwise", True)
    if isinstance(declared, bool) or not isinstance(component, type):
        return bool(declared)
    if declared is Reward.pointwise:
        return None if any("reward" in field.type for field in fields) else True
    # a property of the class's own says it without the required fields too
    return bool(declared.fget(component.model_construct()))
