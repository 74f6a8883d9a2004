"""The house rules that a machine can hold; the import rules are in `.importlinter`."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCES = sorted((ROOT / "asynq").rglob("*.py"))

LONGEST_FILE = 500
LONGEST_FUNCTION = 80
IMPORT_SHARE = 0.9

# What a service that only sends must not pay for.
NOT_FOR_PRODUCERS = (
    "asynq.worker",
    "asynq.cli",
    "asynq.contrib",
    "asynq.beat",
    "asynq.monitor",
    "asynq.periodic",
    "asynq.schedules",
    "asynq.testing",
    "asynq.web",
    "click",
    "rich",
    "starlette",
    "textual",
    "uvicorn",
    "anyio.to_process",
    "opentelemetry",
    "prometheus_client",
    "redis",
    "importlib.metadata",
)
# What a worker's process would keep in memory for its whole life. typer loads pydantic.
NOT_FOR_WORKERS = (
    "asynq.contrib",
    "asynq.beat",
    "asynq.periodic",
    "asynq.schedules",
    "asynq.cli.beat",
    "asynq.cli.schedule",
    "asynq.testing",
    "asynq.cli.dead",
    "asynq.cli.doctor",
    "asynq.cli.multi",
    "asynq.cli.server",
    "asynq.cli.shell",
    "asynq.cli.tasks",
    "asynq.cli.web",
    "asynq.cli.workflow",
    "asynq.monitor",
    "asynq.multi.cluster",
    "asynq.web",
    "cryptography",
    "importlib.metadata",
    "opentelemetry",
    "prometheus_client",
    "pydantic",
    "redis",
    "rich",
    "starlette",
    "textual",
    "typer",
    "uvicorn",
)
WORKER = """
import sys
from asynq.cli import worker
from asynq.cli.main import main

def look(*_, **__):
    print(*sys.modules)
    raise SystemExit

worker.serve = look
main(["-A", "tests.integration.proj", "worker", "-Q", "q", "-c", "5", "-l", "INFO"])
"""


def functions(tree):
    return [
        node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]


def is_overload(node):
    return any(getattr(item, "id", "") == "overload" for item in node.decorator_list)


def length_without_docstring(function):
    docstring = function.body[0] if ast.get_docstring(function) else None
    lines = function.end_lineno - function.lineno + 1
    return lines - (docstring.end_lineno - docstring.lineno + 1 if docstring else 0)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_says_what_it_is_for_and_stays_readable(path):
    source = path.read_text()
    tree = ast.parse(source)
    if source.strip():
        assert ast.get_docstring(tree), "it has no docstring"
    assert source.count("\n") <= LONGEST_FILE
    for function in functions(tree):
        assert length_without_docstring(function) <= LONGEST_FUNCTION, function.name


def test_public_functions_and_classes_are_documented():
    missing = []
    for path in SOURCES:
        for node in ast.parse(path.read_text()).body:
            named = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
            if not named or node.name.startswith("_") or is_overload(node):
                continue
            if not ast.get_docstring(node):
                missing.append(f"{path.relative_to(ROOT)}: {node.name}")
    assert missing == []


def python(code):
    # With bytecode kept, as where asynq is installed.
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": ""}
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
    )
    return run.stdout.strip()


def test_a_producer_loads_neither_worker_nor_command_line():
    loaded = python("import sys; from asynq import Asynq; print(*sys.modules)").split()
    assert [name for name in NOT_FOR_PRODUCERS if name in loaded] == []


def test_a_worker_loads_only_what_it_runs():
    told = python(WORKER).splitlines()[-1].split()
    assert "asynq.brokers.redis.broker" in told
    assert [name for name in NOT_FOR_WORKERS if name in told] == []


def test_importing_asynq_costs_less_than_asyncio_and_msgspec():
    # These two are imported first, so that what is timed is our own. Processor time, the best of
    # several, and beside theirs in the same process: other tests run beside this one.
    code = (
        "import time; began = time.process_time(); import asyncio, msgspec; "
        "middle = time.process_time(); from asynq import Asynq; "
        "print((time.process_time() - middle) / (middle - began))"
    )
    assert min(float(python(code)) for _ in range(5)) < IMPORT_SHARE
