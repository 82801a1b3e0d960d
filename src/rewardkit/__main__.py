"""`python -m rewardkit` runs the command `rewardkit`, which needs the extra `cli`."""

import sys

from rewardkit._optional import require

INTERRUPTED = 130  # as a shell has it: 128 and the number of SIGINT


def main() -> int:
    """Run the command and return its exit code; 2 if the extra is not installed."""
    try:
        for package in ("typer", "rich"):
            require(package, install="rewardkit[cli]")
    except ImportError as error:
        sys.stderr.write(f"rewardkit: {error}\n")
        return 2
    except KeyboardInterrupt:
        return INTERRUPTED
    try:
        from rewardkit import cli  # noqa: PLC0415 - it imports them
    except KeyboardInterrupt:  # it takes a third of a second, and a traceback would say nothing
        return INTERRUPTED
    return cli.main()


if __name__ == "__main__":
    sys.exit(main())
