"""The command that scores rows over HTTP."""

from __future__ import annotations

import ipaddress
import os
import signal
import socket
import sys
from types import FrameType
from typing import Annotated, Any

import typer

from rewardkit._optional import require
from rewardkit.cli.arguments import (
    INTERRUPTED,
    ImportOption,
    JsonOption,
    RewardArguments,
    load_rewards,
)
from rewardkit.cli.printing import print_json

TOKEN_VARIABLE = "REWARDKIT_TOKEN"  # noqa: S105 - a variable's name


HostOption = Annotated[
    str, typer.Option(help="The address to listen at; 0.0.0.0 is every one of this machine.")
]
PortOption = Annotated[
    int, typer.Option("--port", "-p", min=0, max=65535, help="The port; 0 is any free one.")
]
ColumnsOption = Annotated[
    str | None,
    typer.Option(
        metavar="NAMES",
        help="The columns that rows will bring beside the completion, with commas between"
        " them. A reward that reads another is then an error at the start.",
    ),
]
GroupsOption = Annotated[
    bool,
    typer.Option(
        "--groups",
        help="Each request holds whole groups, for rewards that compare the completions of a"
        " prompt.",
    ),
]
OpenRlhfOption = Annotated[
    bool,
    typer.Option("--openrlhf", help="Also answer OpenRLHF's requests, at POST /get_reward."),
]
ProcessesOption = Annotated[
    int, typer.Option("--workers", "-w", help="Number of processes that score.")
]
TimeoutOption = Annotated[float, typer.Option(help="Seconds for a request, waiting included.")]
MaxBodyOption = Annotated[float, typer.Option(help="MiB that a request may have.")]
MaxRequestsOption = Annotated[int, typer.Option(help="Requests answered at the same time.")]


def serve_rewards(  # noqa: PLR0913 - one argument per option
    rewards: RewardArguments,
    *,
    host: HostOption = "127.0.0.1",
    port: PortOption = 8000,
    columns: ColumnsOption = None,
    groups: GroupsOption = False,
    openrlhf: OpenRlhfOption = False,
    workers: ProcessesOption = 1,
    timeout: TimeoutOption = 120,
    max_body: MaxBodyOption = 16,
    max_requests: MaxRequestsOption = 512,
    _: ImportOption = None,
    as_json: JsonOption = False,
) -> None:
    """Score rows over HTTP: POST /score, GET /rewards, GET /health, GET /metrics.

    If REWARDKIT_TOKEN is set, requests must send it: `Authorization: Bearer TOKEN`.
    """
    from rewardkit.serve import make_app  # noqa: PLC0415 - only this command needs it
    from rewardkit.serve.app import EXTRA, MEBIBYTE  # noqa: PLC0415 - the same

    require("uvicorn", install=EXTRA)  # before a reward is loaded
    token = os.environ.get(TOKEN_VARIABLE)
    app = make_app(
        load_rewards(rewards),
        columns=None if columns is None else [name.strip() for name in columns.split(",") if name],
        groups=groups,
        openrlhf=openrlhf,
        workers=workers,
        timeout=timeout,
        max_body_bytes=int(max_body * MEBIBYTE),
        max_requests=max_requests,
        token=token,
    )
    with _open_socket(host, port) as listening:
        if not token and not _is_loopback(host):
            message = f"anyone who reaches {host} can use this server; set {TOKEN_VARIABLE}"
            sys.stderr.write(f"rewardkit: {message}\n")
        address = f"[{host}]" if ":" in host else host
        url = f"http://{address}:{listening.getsockname()[1]}"
        start = {"url": url, "token": bool(token)}
        _answer_requests(app, listening, start, as_json=as_json)


def _answer_requests(
    app: Any, listening: socket.socket, start: dict[str, Any], *, as_json: bool
) -> None:
    """Print the start, and answer until the process is interrupted."""
    import asyncio  # noqa: PLC0415 - the help of no command loads it

    from rewardkit.serve.app import EXTRA  # noqa: PLC0415 - only this command needs it
    from rewardkit.serve.protocol import make_protocol  # noqa: PLC0415 - the same

    uvicorn = require("uvicorn", install=EXTRA)
    config = uvicorn.Config(
        app,
        http=make_protocol(),
        log_level="warning",
        lifespan="off",
        timeout_graceful_shutdown=10,
    )

    async def run() -> None:
        # Not by uvicorn, which would log the traceback of rewards that cannot be imported.
        async with app.router.lifespan_context(app):
            if as_json:
                print_json(start)
            else:
                typer.echo(f"rewardkit: serving on {start['url']}", err=True)
            await uvicorn.Server(config).serve(sockets=[listening])

    # The default ends the process at once, and leaves a worker that hangs behind.
    signal.signal(signal.SIGTERM, _exit_by_signal)
    try:
        with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
            runner.run(run())
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None


def _exit_by_signal(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


def _open_socket(host: str, port: int) -> socket.socket:
    """Return a socket that listens. Raises OSError, with the address, if that cannot be."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=1024)
    except OSError as error:
        problem = error.strerror or str(error)
        raise ValueError(
            f"{host}:{port}: {problem.lower()}; give others with --host, --port"
        ) from None


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
