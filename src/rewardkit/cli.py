"""The command `rewardkit`: what is registered, and what a component's fields are."""

from __future__ import annotations

import argparse
import sys
from importlib.metadata import version

from rewardkit.component import field_docs, lookup, names


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return its exit code: 0, or 2 where the name is unknown."""
    parser = argparse.ArgumentParser(prog="rewardkit", description="Rewards for GRPO.")
    parser.add_argument("--version", action="version", version=f"rewardkit {version('rewardkit')}")
    commands = parser.add_subparsers(dest="command", required=True)
    listing = commands.add_parser("list", help="list the registered components")
    listing.add_argument("kind", nargs="?", choices=("reward", "verifier", "extractor"))
    show = commands.add_parser("show", help="show a component's fields, defaults and example")
    show.add_argument("name")
    given = parser.parse_args(arguments)
    if given.command == "list":
        print("\n".join(names(given.kind)))
        return 0
    try:
        print(_shown(given.name))
    except ValueError as error:
        print(f"rewardkit: {error}", file=sys.stderr)
        return 2
    return 0


def _shown(name: str) -> str:
    """Return a component's page as text."""
    cls = lookup(name)
    lines = [f"{name} ({cls.component_kind})", "", (cls.__doc__ or "").strip(), "", "fields:"]
    docs = field_docs(cls)
    for field, info in cls.model_fields.items():
        default = "required" if info.is_required() else f"default {info.default!r}"
        lines.append(f"  {field}: {default}. {docs.get(field, '')}")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
