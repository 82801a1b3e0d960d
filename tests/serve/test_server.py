"""The server over real connections: answers, limits, the token, and workers that hang or die."""

from __future__ import annotations

import asyncio
import base64
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

import rewardkit as rk
from processes import CTRL_C_WORKS, gone
from rewardkit.scorer import Scorer
from rewardkit.serve import make_app, protocol
from server import serving
from system_rows import GROUPED, YAML, write_rows

pytest.importorskip("starlette")
OWN = """\
import os, time

def fragile(completions, **_):
    for text in completions:
        if text == "sleep":
            time.sleep(60)
        if text == "die":
            os._exit(3)
        if text == "wait":
            time.sleep(1)
    return [float(len(text)) for text in completions]
"""


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    return write_rows(tmp_path_factory.mktemp("serve"))


@pytest.fixture(scope="module")
def client(rows):
    with serving(rows.yaml, openrlhf=True, max_body_bytes=100_000) as client:
        yield client


@pytest.fixture
def fragile(tmp_path, monkeypatch):
    """A reward that sleeps for a minute, or ends its process, when a completion says so."""
    (tmp_path / "fragile_rewards.py").write_text(OWN)
    monkeypatch.syspath_prepend(tmp_path)
    import fragile_rewards  # noqa: PLC0415 - made above

    yield fragile_rewards.fragile
    del sys.modules["fragile_rewards"]


def make_body(*texts):
    return {"rows": [{"completion": text, "answer": "42"} for text in texts]}


def test_rows_have_the_scores_of_score_by_column(rows, client):
    given = [
        {"completion": text, "answer": answer, "prompt": prompt}
        for text, answer, prompt in zip(rows.texts, rows.answers, rows.prompts, strict=True)
    ]
    found = client.score(*given)
    columns = {name: [row[name] for row in given] for name in given[0]}
    expected = Scorer(rows.yaml)(columns)
    assert [*found[0]] == [*expected][3:]
    for name in found[0]:
        assert [row[name] for row in found] == expected[name]
    assert [row["reward"] for row in found] == pytest.approx(rows.totals, abs=1e-9)


def test_a_row_that_is_no_row_has_an_error_and_the_others_are_scored(client):
    good = {"completion": "<answer>42</answer>", "answer": "42"}
    bad = [
        (5, "got 5 (int), expected an object"),
        ({"answer": "42"}, "no column 'completion' (columns: answer)"),
        ({"completion": 3, "answer": "4"}, "completion: got 3 (int), expected a text or messages"),
        ({"completion": [5], "answer": "4"}, "completion: got an array, expected a text or mess"),
        ({"completion": "x", "answr": "4"}, "no column 'answer' (columns: completion, answr); did"),
        ({**good, "answer": {"a": [True]}, "step": "two"}, "step: got 'two' (str)"),
        ({**good, "answer": True}, None),
        ([good], "got an array, expected an object"),
        (None, "got None"),
    ]
    found = client.score(*(row for pair in bad for row in (pair[0], good)))
    assert {row["reward"] for row in found[1::2]} == {found[1]["reward"]}
    for (_, problem), row in zip(bad, found[::2], strict=True):
        assert problem is None or problem in row["error"]


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"{", "the body is not JSON"),
        (b"\xff", "the body is not JSON"),
        (b"[" * 50_000, "the body is not JSON"),
        (b"[]", 'got an array, expected {"rows": ['),
        (b'{"rows": {"completion": "4"}}', 'got an object as rows, expected {"rows": ['),
        (b'{"completion": "4"}', 'got an object without rows, expected {"rows": ['),
    ],
)
def test_a_body_without_rows_says_what_is_expected(client, body, problem):
    reply = client.ask("POST", "/score", body)
    assert reply.status == 400
    assert problem in reply.body["error"]


def test_bodies_and_paths_that_are_refused(client):
    large = b" " * 200_000
    assert client.ask("POST", "/score", large).status == 413
    assert client.ask("POST", "/score", b"{}", Content_Type="text/plain").status == 415
    connection = http.client.HTTPConnection("127.0.0.1", client.port)
    parts = iter([large[:150_000]])
    sent = {"Content-Type": "application/json"}
    connection.request("POST", "/score", parts, sent, encode_chunked=True)
    assert connection.getresponse().status == 413
    connection.close()
    assert client.ask("GET", "/score").status == 405
    missing = client.ask("GET", "/scores")
    assert missing.status == 404
    assert "POST /score" in missing.body["error"]
    long = client.ask("GET", f"/{'a' * 50_000}")
    assert len(long.body["error"]) < 300


def test_an_empty_list_and_numbers_that_json_does_not_have(client):
    assert client.score() == []
    body = b'{"rows": [{"completion": "<answer>4</answer>\\ud800", "answer": NaN}]}'
    (row,) = client.ask("POST", "/score", body).body["scores"]
    assert row["rewards/right"] is None


def test_openrlhf_gets_its_own_form(rows, client):
    body = {
        "query": [
            f"{prompt}{text}<|im_end|>"
            for prompt, text in zip(rows.prompts, rows.texts, strict=True)
        ],
        "prompts": rows.prompts,
        "labels": rows.answers,
    }
    reply = client.ask("POST", "/get_reward", body)
    assert reply.body["rewards"] == pytest.approx(rows.totals, abs=1e-9)
    assert reply.body["scores"] == reply.body["rewards"]
    assert reply.body["extra_logs"]["bad_reference"] == [
        float(answer == "n/a") for answer in rows.answers
    ]
    body["query"][0] = "another text"
    again = client.ask("POST", "/get_reward", body).body
    assert again["extra_logs"]["failed"] == [1.0] + [0.0] * (len(rows.texts) - 1)
    assert again["rewards"][1:] == reply.body["rewards"][1:]
    bad = client.ask("POST", "/get_reward", {"query": ["a"], "prompts": []})
    assert (bad.status, "query, prompts, labels" in bad.body["error"]) == (400, True)


def test_rewards_health_and_metrics(rows):
    with serving(rows.yaml) as client:
        client.score({"completion": "<answer>42</answer>", "answer": "42"}, 5)
        assert client.ask("GET", "/health").body == {"status": "ok"}
        described = client.ask("GET", "/rewards").body
        assert [reward["name"] for reward in described["rewards"]] == [*rows.values]
        assert described["columns"] == ["answer"]
        assert "--openrlhf" in client.ask("POST", "/get_reward", {}).body["error"]
        text = client.ask("GET", "/metrics").body
    assert 'rewardkit_requests_total{path="/score",status="200"} 1\n' in text
    assert 'rewardkit_rows_total{result="scored"} 1\n' in text
    assert 'rewardkit_rows_total{result="failed"} 1\n' in text
    assert 'rewardkit_reward_sum{reward="right"} 1.0\n' in text
    assert "rewardkit_request_seconds_count 1\n" in text
    for line in text.splitlines():
        name, _, value = line.partition(" ") if line.startswith("#") else line.rpartition(" ")
        assert name == "#" or float(value) >= -1000, line


def test_200_clients_at_once_lose_no_row(rows, client):
    pairs = [*zip(rows.texts, rows.answers, strict=True)]
    expected = dict(zip(pairs, rows.totals, strict=True))

    async def ask(number):
        reader, writer = await asyncio.open_connection("127.0.0.1", client.port)
        for first in range(3):
            index = (number + 13 * first) % len(rows.texts)
            given = [
                (rows.texts[(index + k) % 40], rows.answers[(index + k) % 40]) for k in range(4)
            ]
            body = {"rows": [{"completion": text, "answer": answer} for text, answer in given]}
            data = json.dumps(body).encode()
            head = "POST /score HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
            writer.write(f"{head}Content-Length: {len(data)}\r\n\r\n".encode() + data)
            answer_head = await reader.readuntil(b"\r\n\r\n")
            length = int(answer_head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
            found = json.loads(await reader.readexactly(length))["scores"]
            assert [row["reward"] for row in found] == [expected[pair] for pair in given]
        writer.close()
        return 12

    async def ask_all():
        return await asyncio.gather(*map(ask, range(200)))

    assert sum(asyncio.run(ask_all())) == 2400


def test_the_token_is_asked_for_everywhere_but_at_health(rows):
    with serving(rows.yaml, token="hülle") as client:  # noqa: S106 - of this test
        assert client.ask("GET", "/health").status == 200
        for method, path in (("POST", "/score"), ("GET", "/rewards"), ("GET", "/metrics")):
            refused = client.ask(method, path, make_body("4"))
            assert (refused.status, refused.headers["www-authenticate"]) == (401, "Bearer")
        right = "hülle".encode().decode("latin-1")
        for header, status in (
            (f"Bearer {right}", 200),
            (f"bearer {right}", 200),
            ("Basic " + base64.b64encode("user:hülle".encode()).decode(), 200),
            ("Basic " + base64.b64encode("hülle:".encode()).decode(), 401),
            ("Basic ?", 401),
            ("Bearer ", 401),
            ("Bearer hulle", 401),
            (right, 401),
        ):
            reply = client.ask("POST", "/score", make_body("4"), Authorization=header)
            assert reply.status == status, header


def test_a_request_that_hangs_is_given_up_and_the_server_goes_on(fragile):
    with serving(fragile, timeout=2) as client:
        slow = client.ask("POST", "/score", make_body("four", "sleep"))
        assert slow.status == 504
        assert "2 seconds" in slow.body["error"]
        for _ in range(20):  # a busy machine takes a while to start the next worker
            reply = client.ask("POST", "/score", make_body("four"))
            if reply.status == 200:
                break
        assert reply.body["scores"] == [
            {"rewards/fragile": 4.0, "rewards/fragile/why": "", "reward": 4.0}
        ]
        assert "rewardkit_worker_restarts 1\n" in client.ask("GET", "/metrics").body


def test_a_row_that_ends_its_worker_costs_only_its_own_request(fragile):
    with serving(fragile) as client, ThreadPoolExecutor(8) as threads:
        # The first occupies the worker, so that the others wait together.
        texts = ["wait", "die", "four", "five!", "die", "sixsix"]
        replies = [*threads.map(lambda text: client.ask("POST", "/score", make_body(text)), texts)]
    assert [reply.status for reply in replies] == [200, 500, 200, 200, 500, 200]
    assert "has ended" in replies[1].body["error"]
    assert replies[5].body["scores"][0]["reward"] == 6.0


def test_requests_above_the_limit_are_refused_for_now(fragile):
    with serving(fragile, max_requests=1) as client:
        for _ in range(20):  # the first may be done before the second arrives
            arguments = ("POST", "/score", make_body("wait"))
            thread = threading.Thread(target=client.ask, args=arguments)
            thread.start()
            running = "rewardkit_requests_running 1\n"
            while thread.is_alive() and running not in client.ask("GET", "/metrics").body:
                pass
            reply = client.ask("POST", "/score", make_body("four"))
            thread.join()
            if reply.status == 503:
                break
        assert (reply.status, reply.headers["retry-after"]) == (503, "1")
        assert client.score({"completion": "four"})[0]["reward"] == 4.0


def test_groups_are_scored_by_request(tmp_path):
    path = tmp_path / "grouped.yaml"
    path.write_text(GROUPED)
    with pytest.raises(ValueError, match=r"varied: compares .* --groups \(groups=True\)"):
        make_app(path)
    texts = ["one two three", "one two three", "four five six"]
    group = [{"completion": text, "prompt": "?"} for text in texts]
    expected = Scorer(path)({"completion": texts, "prompt": ["?"] * 3})["reward"]
    with serving(path, groups=True) as client:
        assert [row["reward"] for row in client.score(*group)] == expected


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"columns": ["answers"]}, r"no column 'answer' \(columns: answers\); did you mean"),
        ({"columns": []}, r"no column 'answer' \(columns: none\)"),
        ({"openrlhf": True, "groups": True}, "OpenRLHF sends completions one by one"),
        ({"workers": 0}, "got workers=0, expected more than 0"),
        ({"timeout": 0}, "got timeout=0"),
    ],
)
def test_what_cannot_be_served_is_an_error_when_the_app_is_made(rows, options, problem):
    with pytest.raises(ValueError, match=problem):
        make_app(rows.yaml, **options)
    make_app(rows.yaml, columns=["answer", "task"])


def test_rewards_that_workers_cannot_import_are_an_error_at_the_start():
    def local(completions, **_):
        return [0.0] * len(completions)

    with pytest.raises(ValueError, match="importable"), serving(local):
        pass


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_the_command_serves_until_it_is_interrupted(number, code, tmp_path):
    (tmp_path / "rewards.yaml").write_text(YAML)
    run = 'import runpy; runpy.run_module("rewardkit", run_name="__main__", alter_sys=True)'
    options = ["serve", "rewards.yaml", "--port", "0", "--json"]
    command = [sys.executable, "-c", CTRL_C_WORKS + run, *options]
    environment = {**os.environ, "REWARDKIT_TOKEN": "secret"}
    with subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, text=True, env=environment
    ) as server:
        lines = [server.stdout.readline() for _ in range(4)]
        described = json.loads("".join(lines))
        assert described["token"] is True
        port = int(described["url"].rpartition(":")[2])
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        headers = {"Content-Type": "application/json", "Authorization": "Bearer secret"}
        connection.request("POST", "/score", json.dumps(make_body("4")), headers)
        assert connection.getresponse().status == 200
        connection.close()
        children = subprocess.run(
            ["pgrep", "-P", str(server.pid)],  # noqa: S607 - wherever it is
            capture_output=True,
            text=True,
        ).stdout.split()
        assert children
        server.send_signal(number)
        assert server.wait(timeout=30) == code
        assert server.stdout.read() == ""
    assert gone(children)


def test_the_command_explains_what_it_cannot_do_in_one_line(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rewards.yaml").write_text(YAML)
    (tmp_path / "grouped.yaml").write_text(GROUPED)
    from rewardkit.cli import main  # noqa: PLC0415 - imports typer

    for arguments, problem in (
        (["grouped.yaml"], "--groups"),
        (["rewards.yaml", "--columns", "answers,"], "no column 'answer'"),
        (["rewards.yaml", "--host", "192.0.2.1"], "192.0.2.1:8000: "),
        (["rewards.yaml", "--port", "99999"], "'--port'"),
    ):
        assert main(["serve", *arguments]) == 2
        error = capsys.readouterr().err
        assert problem in error
        assert error.count("\n") == 1


def test_rows_of_a_chat_are_scored_with_their_prompts(client):
    message = [{"role": "assistant", "content": "<answer>42</answer>"}]
    prompt = [{"role": "user", "content": "6 * 7?"}]
    (row,) = client.score({"completion": message, "prompt": prompt, "answer": "42"})
    assert (
        row["rewards/right"]
        == rk.build("correct", verifier="number")(completions=[message], answer=["42"])[0]
    )


def test_an_application_starts_again_after_its_end(rows):
    app = make_app(rows.yaml)

    async def start_twice():
        for _ in range(2):
            async with app.router.lifespan_context(app):
                pass

    asyncio.run(start_twice())


def send_raw(client, *parts):
    """Send bytes, and return what comes back until the connection is closed."""
    with socket.create_connection(("127.0.0.1", client.port), timeout=30) as connection:
        with suppress(ConnectionError):
            for part in parts:
                connection.sendall(part)
        with suppress(ConnectionError):
            return b"".join(iter(lambda: connection.recv(1 << 16), b""))
    return b""


POST = b"POST /score HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n"


def test_a_length_of_more_digits_than_python_reads(client):
    body = b'{"rows": []}'
    zeros = POST + b"Content-Length: " + b"0" * 5000 + b"12\r\n\r\n" + body
    assert send_raw(client, zeros).startswith(b"HTTP/1.1 200 ")
    many = POST + b"Content-Length: " + b"9" * 18 + b"\r\n\r\n" + body
    assert send_raw(client, many).startswith(b"HTTP/1.1 413 ")


def test_a_header_without_end_is_cut_off(client):
    parts = [b"a" * (1 << 16)] * 100
    assert send_raw(client, b"GET /health HTTP/1.1\r\nX: ", *parts, b"\r\n\r\n") == b""
    names = [f"X-{number}: y\r\n".encode() * 1000 for number in range(100)]
    assert send_raw(client, b"GET /health HTTP/1.1\r\n", *names, b"\r\n") == b""
    assert client.ask("GET", "/health").status == 200


def test_a_client_that_sends_nothing_is_cut_off(client, monkeypatch):
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.2)
    assert send_raw(client) == b""
    assert send_raw(client, b"GET /health HTTP/1.1\r\nX: ") == b""
    assert client.ask("GET", "/health").status == 200
