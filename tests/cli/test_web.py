"""`asynq web`: a real one, asked over HTTP."""

import asyncio
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from contextlib import contextmanager

import pytest

from asynq.cli import web
from tests.pages import ROOT
from tests.waiting import until

TOKEN = "a-token-that-is-long-enough"


@contextmanager
def started(project, *words, **environment):
    """`asynq -A shop web …` in a process of its own, with what it writes in a file."""
    output = project.directory / "said"
    with output.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "asynq", "-A", "shop", "web", "--port", "0", *words],
            cwd=project.directory,
            env={**os.environ, "PYTHONPATH": f"{project.directory}:{ROOT}", **environment},
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    try:
        yield process, output.read_text
    finally:
        process.kill()
        process.wait()


async def listening(process, said):
    """Its URL, once it says so."""
    line = re.compile(r"asynq web: (\S+)\n")
    await until(lambda: line.search(said()) or process.poll() is not None)
    assert process.poll() is None, said()
    return line.search(said())[1]


async def asked(url, **headers):
    """The status and the text of an answer; redirects are followed."""

    def ask():
        try:
            with urllib.request.urlopen(urllib.request.Request(url, headers=headers)) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    return await asyncio.to_thread(ask)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_it_says_where_it_is_and_ends_when_it_is_told_to(project, number):
    with started(project) as (process, said):
        url = await listening(process, said)
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/", url)
        status, text = await asked(url)
        assert (status, "Read-only." in text) == (200, True)
        assert (await asked(url, Host="evil.example"))[0] == 421
        news = asyncio.create_task(asked(f"{url}live"))  # a page that is open does not hold it up
        process.send_signal(number)
        await until(lambda: process.poll() is not None, within=10)
        assert process.returncode == 0
        assert said() == f"asynq web: {url}\n"
        await asyncio.gather(news, return_exceptions=True)


async def test_others_are_let_in_with_the_token(project):
    words = ("--host", "0.0.0.0", "--write", "--allow-host", "tasks.example.com")
    with started(project, *words, ASYNQ_WEB_TOKEN=TOKEN) as (process, said):
        here = (await listening(process, said)).replace("0.0.0.0", "127.0.0.1")
        assert "asks for the token" in (await asked(here))[1]
        token = {"Authorization": f"Bearer {TOKEN}"}
        assert "Actions are on." in (await asked(here, **token))[1]
        assert (await asked(here, Host="tasks.example.com", **token))[0] == 200
        assert (await asked(here, Host="evil.example", **token))[0] == 421
        assert TOKEN not in said()


async def test_a_proxy_is_believed_that_was_named(project):
    with started(project, "--token", TOKEN, "--proxy", "127.0.0.1") as run:
        url = await listening(*run)
        request = urllib.request.Request(f"{url}login", headers={"X-Forwarded-Proto": "https"})
        with await asyncio.to_thread(urllib.request.urlopen, request) as answer:
            assert "Secure" in answer.headers["set-cookie"]


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.7", "tasks.example.com"])
def test_other_addresses_need_somebody_to_be_asked(project, host):
    ran = project.run("-A", "shop", "web", "--host", host)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == (
        f"Error: --host {host}: others can reach that, so say who may see it: --token TEXT (or "
        "ASYNQ_WEB_TOKEN), or --basic USER:PASSWORD (or ASYNQ_WEB_BASIC)\n"
    )


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--token", "short"), "web: token: expected 16 characters or more, got 5"),
        (("--basic", "ada"), "web: basic: expected user:password"),
    ],
)
def test_a_token_that_protects_nothing_is_refused(project, words, says):
    ran = project.run("-A", "shop", "web", "--port", "0", *words)
    assert (ran.code, says in ran.err) == (78, True)
    assert "ada" not in ran.err


def test_a_port_that_is_taken_is_named(project):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ran = project.run("-A", "shop", "web", "--port", port)
    assert (ran.code, f"Error: web: 127.0.0.1:{port}: " in ran.err) == (78, True)


@pytest.mark.parametrize("missing", ["starlette", "uvicorn"])
def test_what_is_not_installed_is_named(project, monkeypatch, missing):
    def not_there(name):
        raise ModuleNotFoundError(f"No module named {missing!r}", name=f"{missing}.routing")

    monkeypatch.setattr(web, "import_object", not_there)
    ran = project.run("-A", "shop", "web")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == f"Error: asynq web needs {missing}: pip install 'asynq-tasks[web]'\n"
