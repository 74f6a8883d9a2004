"""The files in docs/deployment: they can be read, and the commands in them are right."""

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import click
import pytest
import yaml

from asynq.cli.main import cli
from asynq.cli.multi_call import Call
from asynq.worker.shutdown import HARD_EXIT_CODE

FILES = Path(__file__).parent.parent / "docs" / "deployment"
UNITS = sorted(FILES.glob("*.service"))
PROGRAM = "/srv/proj/.venv/bin/asynq"
SPECIFIERS = {"%%": "%", "%i": "images", "%t": "/run", "%L": "/var/log"}
"""What systemd puts in for them."""
GRACE = 25
"""Seconds, `worker_shutdown_grace`."""


def named(path):
    return path.name


def settings(unit, name):
    return re.findall(rf"^{name}=(.*)$", unit.read_text(), re.M)


def commands(unit):
    """The words of all commands of a unit, as systemd would give them to the program."""
    variables = {}
    for line in settings(unit, "Environment"):
        (assignment,) = shlex.split(line)
        name, _, value = assignment.partition("=")
        variables[name] = value
    for line in settings(unit, "Exec[A-Za-z]*"):
        words = []
        for word in line.split():
            value = variables.get(word.removeprefix("$"), "") if word[0] == "$" else word
            words += value.split() if word[0] == "$" else [value]
        yield [re.sub("%.", lambda found: SPECIFIERS[found[0]], word) for word in words]


def understood(words):
    """What the command line makes of them: the command's name, and its context."""
    context = cli.make_context("asynq", list(words), obj=None)
    name, command, rest = cli.resolve_command(context, [*context._protected_args, *context.args])
    if isinstance(command, click.Group):
        inner = command.make_context(name, rest, parent=context)
        name, command, rest = command.resolve_command(inner, [*inner._protected_args, *inner.args])
        context = inner
    return name, command.make_context(name, rest, parent=context)


@pytest.mark.parametrize("unit", UNITS, ids=named)
@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="there is no systemd here")
def test_systemd_takes_the_units(unit, tmp_path):
    program = tmp_path / "asynq"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    text = unit.read_text()
    assert PROGRAM in text
    (tmp_path / unit.name).write_text(text.replace(PROGRAM, str(program)))
    ran = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(tmp_path / unit.name)],
        capture_output=True,
        text=True,
        check=False,
    )
    ours = [line for line in ran.stderr.splitlines() if unit.name in line or "asynq" in line]
    assert (ran.returncode, ours) == (0, []), ran.stderr


@pytest.mark.parametrize("unit", UNITS, ids=named)
def test_the_commands_of_the_units_are_understood(unit, monkeypatch):
    for program, *words in commands(unit):
        assert program == PROGRAM
        name, context = understood(words)
        if name != "worker":
            call = Call(context, context.params["words"])
            call.check()
            assert len(call.nodes) == 5
            assert call.placed()[0].value("--pidfile") == "/run/asynq/asynq1.pid"
            assert call.placed()[0].value("--logfile") == "/var/log/asynq/asynq1%I.log"


def test_the_node_of_a_template_is_called_after_its_instance():
    (words,) = commands(FILES / "asynq@.service")
    assert understood(words[1:])[1].params["hostname"] == "images@%h"


@pytest.mark.parametrize("unit", UNITS, ids=named)
def test_systemd_waits_longer_than_a_worker(unit):
    (seconds,) = settings(unit, "TimeoutStopSec")
    assert int(seconds) > GRACE


@pytest.mark.parametrize("unit", [unit for unit in UNITS if "multi" not in unit.name], ids=named)
def test_what_ends_badly_is_started_again_and_what_can_not_work_is_not(unit):
    assert settings(unit, "Restart") == ["always"]
    (codes,) = settings(unit, "RestartPreventExitStatus")
    assert set(map(int, codes.split())) == {2, 78}
    assert HARD_EXIT_CODE not in {2, 78}


# Kubernetes


@pytest.fixture
def pod():
    (deployment,) = yaml.safe_load_all((FILES / "kubernetes.yaml").read_text())
    assert (deployment["apiVersion"], deployment["kind"]) == ("apps/v1", "Deployment")
    spec = deployment["spec"]
    labels = spec["template"]["metadata"]["labels"]
    assert spec["selector"]["matchLabels"] == labels
    return spec["template"]["spec"]


def test_the_container_runs_a_worker_that_answers_where_it_is_asked(pod):
    (container,) = pod["containers"]
    name, context = understood(container["args"])
    assert (container["command"], name) == (["asynq"], "worker")
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    probes = [container[kind]["httpGet"] for kind in ("startupProbe", "livenessProbe")]
    probes.append(container["readinessProbe"]["httpGet"])
    assert {ports[probe["port"]] for probe in probes} == {context.params["health_port"]}
    assert [probe["path"] for probe in probes] == ["/healthz", "/healthz", "/readyz"]
    assert context.params["health_host"] == "0.0.0.0"


def test_kubernetes_waits_longer_than_the_worker(pod):
    (container,) = pod["containers"]
    grace = understood(container["args"])[1].params["grace"]
    assert pod["terminationGracePeriodSeconds"] > grace == GRACE


def test_what_is_written_has_a_volume(pod):
    (container,) = pod["containers"]
    mounted = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    assert mounted.keys() == {volume["name"] for volume in pod["volumes"]}
    state = {each["name"]: each.get("value") for each in container["env"]}["ASYNQ_STATE_DIR"]
    assert state in mounted.values()


def test_the_probe_without_a_port_is_a_command_that_there_is():
    text = (FILES / "kubernetes.yaml").read_text()
    (words,) = re.findall(r"exec: \{command: \[asynq, (.*)\]\}", text)
    name, context = understood(words.split(", "))
    assert (name, context.params["local"]) == ("ping", True)


# All


def test_no_variable_is_named_that_nobody_reads():
    texts = "".join(path.read_text() for path in FILES.iterdir())
    known = {"ASYNQ_BROKER_URL", "ASYNQ_STATE_DIR", "ASYNQ_OPTIONS", "ASYNQ_NODES", "ASYNQ_FILES"}
    assert set(re.findall(r"ASYNQ_[A-Z_]+", texts)) == known
