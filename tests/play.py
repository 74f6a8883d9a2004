"""Plays one page: writes its files, runs its Python, types its commands, and believes nothing.

``python -m tests.play docs/tasks.md DIRECTORY`` does it, in a process and a directory of its own.
Snippets of a page share one namespace and one event loop, so a later one goes on where the one
before stopped. What a comment claims is checked where the comment ends a statement at the snippet's
left margin and is a value, or an error with its text::

    await add.delay(4, 4).get()      # 8
    await add.delay(4)               # TypeError: add() missing 1 required positional argument: 'y'

So is the output under a command; `…` stands for whatever comes.
"""

from __future__ import annotations

import ast
import asyncio
import builtins
import inspect
import io
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import tokenize
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path
from types import ModuleType
from typing import Any

from asynq import Asynq, Worker, exceptions
from tests.pages import ROOT, Snippet, snippets_of

SECONDS = 40.0
"""How long one command may take."""
ERROR = re.compile(r"([A-Z]\w+)(?:: (.*))?")
A_WORKER = re.compile(r"^asynq\b.*\b(worker|beat)\b(?!.* (-h|--help|-D|--detach)\b)")


class ClaimError(AssertionError):
    """The page says something that is not so."""


class Play:
    """The state of one page while it is played."""

    def __init__(self, page: Path, directory: Path) -> None:
        self.page = page
        self.directory = directory
        self.snippets = snippets_of(page)
        self.namespace = self.module().__dict__
        self.loop = asyncio.Runner()
        self.workers: list[Worker] = []
        self.processes: list[subprocess.Popen[bytes]] = []

    def module(self) -> ModuleType:
        """What the snippets are written in: `proj`, unless the page makes one itself."""
        files = [snippet.marks.get("file", "") for snippet in self.snippets]
        taken = any(re.match(r"proj\b", file) for file in files)
        module = ModuleType("snippets" if taken else "proj")
        sys.modules[module.__name__] = module
        return module

    def all(self) -> None:
        """Play every snippet, then stop what was started."""
        if ROOT / "examples" in self.page.parents:
            shutil.copytree(self.page.parent, self.directory, dirs_exist_ok=True)
        try:
            for snippet in self.snippets:
                self.one(snippet)
            for process in self.processes:
                process.send_signal(signal.SIGTERM)
                if process.wait(SECONDS) != 0:
                    raise ClaimError(f"the worker ended with {process.returncode}")
        finally:
            for process in self.processes:
                process.kill()
                process.wait()
            self.loop.run(self.close())
            self.loop.close()

    def one(self, snippet: Snippet) -> None:
        """Do with a snippet what its marks say."""
        if not snippet.runs:
            return
        if "worker" in snippet.marks:
            self.loop.run(self.start_worker(snippet.marks["worker"] or "app"))
        if "file" in snippet.marks:
            file = self.directory / snippet.marks["file"]
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(snippet.text)
        elif snippet.language == "python":
            self.python(snippet)
        elif snippet.language == "console":
            self.console(snippet)

    async def start_worker(self, name: str) -> None:
        worker = Worker(self.namespace[name])
        await worker.__aenter__()
        self.workers.append(worker)

    async def close(self) -> None:
        for worker in reversed(self.workers):
            await worker.__aexit__(None, None, None)
        apps = [value for value in self.namespace.values() if isinstance(value, Asynq)]
        modules = [vars(module) for module in list(sys.modules.values())]
        apps += [v for m in modules for v in list(m.values()) if isinstance(v, Asynq)]
        for app in {id(app): app for app in apps}.values():
            await app.aclose()

    # Python

    def python(self, snippet: Snippet) -> None:
        """Run it, statement by statement, and hold it to its comments."""
        tree = ast.parse(snippet.text)
        comments = dict(_comments(snippet.text))
        for statement in tree.body:
            claim = comments.get(statement.end_lineno or 0, "")
            ast.increment_lineno(statement, snippet.line)
            try:
                self.statement(statement, claim)
            except ClaimError as error:
                where = f"{snippet.page}, line {statement.end_lineno}"
                raise ClaimError(f"{where}: {error}") from error.__cause__

    def statement(self, statement: ast.stmt, claim: str) -> None:
        kind, text = self.error_of(claim)
        said = io.StringIO()
        try:
            with redirect_stdout(said):
                value = self.run(statement)
        except Exception as error:
            if kind is None or not isinstance(error, kind):
                raise
            if text not in str(error):
                raise ClaimError(f"the error says {str(error)!r}") from error
            return
        if kind is not None:
            raise ClaimError(f"{claim} was not raised")
        if isinstance(statement, ast.Expr) and _prints(statement.value):
            _check(claim, said.getvalue().rstrip("\n"), printed=True)
        elif value is not None or isinstance(statement, ast.Expr | ast.Assign):
            _check(claim, value)

    def error_of(self, claim: str) -> tuple[type[BaseException] | None, str]:
        """The error that a comment announces, and what it says."""
        match = ERROR.fullmatch(claim)
        if match is None:
            return None, ""
        places = (self.namespace, vars(exceptions), vars(builtins))
        kind = next((place[match[1]] for place in places if match[1] in place), None)
        if isinstance(kind, type) and issubclass(kind, BaseException):
            return kind, (match[2] or "").rstrip("…").rstrip()
        return None, ""

    def run(self, statement: ast.stmt) -> Any:
        """Run one statement; the value of an expression, or of what a name is given."""
        if isinstance(statement, ast.Expr):
            return self.evaluate(ast.Expression(statement.value), "eval")
        self.evaluate(ast.Module([statement], []), "exec")
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
            return self.namespace[statement.targets[0].id]
        return None

    def evaluate(self, tree: ast.Expression | ast.Module, mode: str) -> Any:
        flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        code = compile(tree, str(self.page), mode, flags=flags, dont_inherit=True)
        value = eval(code, self.namespace)
        if code.co_flags & inspect.CO_COROUTINE:
            value = self.loop.run(value)
        return value

    # Commands

    def console(self, snippet: Snippet) -> None:
        """Type the commands, and compare what they print with what the page shows."""
        commands = snippet.commands
        for number, (command, shown) in enumerate(commands, start=1):
            last = number == len(commands)
            expected = int(snippet.marks.get("exits", "0")) if last else 0
            if A_WORKER.match(command) and not expected:
                printed, code = self.background(command), 0
            else:
                printed, code = self.foreground(command)
            if code != expected:
                raise ClaimError(f"{snippet.place}: {command}: exit code {code}\n{printed}")
            if shown and not re.search(_pattern(shown), printed.strip(), re.DOTALL):
                raise ClaimError(f"{snippet.place}: {command} prints\n{printed}")

    def foreground(self, command: str) -> tuple[str, int]:
        done = subprocess.run(
            command,
            shell=True,
            cwd=self.directory,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        return done.stdout, done.returncode

    def background(self, command: str) -> str:
        """Start a worker, and wait until it takes tasks."""
        output = self.directory / f"worker-{len(self.processes)}.log"
        with output.open("wb") as file:
            process = subprocess.Popen(
                f"exec {command}",
                shell=True,
                cwd=self.directory,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.processes.append(process)
        deadline = time.monotonic() + SECONDS
        while " ready." not in output.read_text():
            if process.poll() is not None or time.monotonic() > deadline:
                raise ClaimError(f"{command} does not start:\n{output.read_text()}")
            time.sleep(0.02)
        return output.read_text()


def _comments(text: str) -> Iterator[tuple[int, str]]:
    """Comments of Python code by their line."""
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string.lstrip("# ").strip()


def _prints(expression: ast.expr) -> bool:
    return (
        isinstance(expression, ast.Call)
        and isinstance(expression.func, ast.Name)
        and expression.func.id == "print"
    )


def _check(claim: str, value: object, *, printed: bool = False) -> None:
    """Is the value the one that the comment shows? A comment that shows none is no claim."""
    if printed and claim == value:
        return
    try:
        shown = ast.literal_eval(claim)
    except (ValueError, SyntaxError):
        if claim.startswith(f"{type(value).__name__}(") and claim != repr(value):
            raise ClaimError(f"it is {value!r}") from None
        return
    if (str(shown) if printed else shown) != value:
        raise ClaimError(f"it is {value!r}")


def _pattern(shown: str) -> str:
    lines = (r".*?".join(map(re.escape, line.split("…"))) for line in shown.splitlines())
    return r"^" + r"\s*\n".join(lines) + r"\s*$" if "\n…" not in shown else _loose(shown)


def _loose(shown: str) -> str:
    return r"^" + r".*?".join(map(re.escape, shown.split("…"))) + r"$"


if __name__ == "__main__":
    place = Path(sys.argv[2])
    os.chdir(place)
    sys.path[:0] = [str(place)]
    Play(ROOT / sys.argv[1], place).all()
