"""Who does not ask for a room does not load it, and who only sends loads no worker with it."""

import subprocess
import sys

import pytest


def loaded(code):
    run = subprocess.run(
        [sys.executable, "-c", f"{code}; import sys; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    return run.stdout.split()


@pytest.mark.parametrize(
    ("room", "package", "not_needed"),
    [
        ("asynq.contrib.prometheus", "prometheus_client", "opentelemetry"),
        ("asynq.contrib.opentelemetry", "opentelemetry", "opentelemetry.sdk"),
    ],
)
def test_who_only_sends_loads_the_package_and_no_worker(room, package, not_needed):
    modules = loaded(f"import {room}")
    assert package in modules
    assert not_needed not in modules
    assert [name for name in modules if name.startswith(("asynq.worker", "asynq.cli"))] == []
