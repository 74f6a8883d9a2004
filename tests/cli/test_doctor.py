"""`asynq doctor`."""

import json

from asynq._redis.acl import COMMANDS, rules

QUICK = "publish_timeout=0.2"


def test_findings_are_told_and_the_exit_code_says_how_bad_they_are(project, own_server):
    private = own_server()
    seen = project.run("-A", "shop", "--broker", private.url, "doctor")
    assert seen.code == 0
    assert "nothing is written to disk: a restart loses all" in seen.out
    assert "→ CONFIG SET appendonly yes" in seen.out
    assert project.run("-A", "shop", "--broker", private.url, "doctor", "--strict").code == 1
    private.command("CONFIG", "SET", "maxmemory-policy", "allkeys-lru", "maxmemory", "100mb")
    assert project.run("-A", "shop", "--broker", private.url, "doctor").code == 78


def test_machines_get_json(project, own_server):
    private = own_server(durable=True)
    seen = project.run("-A", "shop", "--broker", private.url, "doctor", "--json")
    (findings,) = json.loads(seen.out).values()
    by_topic = {finding["topic"]: finding for finding in findings}
    assert by_topic["eviction"]["level"] == "ok"
    assert by_topic["persistence"].keys() == {"level", "topic", "text", "advice"}


def test_a_result_backend_elsewhere_is_looked_at_too(project, own_server):
    broker, results = own_server(), own_server()
    words = ("--broker", broker.url, "--result-backend", results.url, "doctor", "--json")
    seen = project.run("-A", "shop", *words)
    assert set(json.loads(seen.out)) == {broker.url, results.url}


def test_a_server_that_is_away_is_exit_code_69(project, directory):
    url = f"unix://{directory}/nobody"
    project.write("far.py", f"from asynq import Asynq\napp = Asynq(broker={url!r}, {QUICK})")
    seen = project.run("-A", "far", "doctor")
    assert (seen.code, "can't reach" in seen.err) == (69, True)


def test_a_wrong_password_is_a_finding_and_stays_a_secret(project, own_server):
    private = own_server(config={"requirepass": "geheim"})
    url = f"unix://:falsch@{private.socket_path}"
    seen = project.run("-A", "shop", "--broker", url, "doctor")
    assert seen.code == 78
    assert "refuses the user name or the password" in seen.out
    assert "falsch" not in seen.out + seen.err


def test_what_keeps_nothing_anywhere_has_nothing_to_look_at(project):
    seen = project.run("-A", "shop", "doctor")
    assert (seen.code, "nothing to look at" in seen.out) == (0, True)


def test_the_rights_of_each_role_are_printed(project):
    told = project.run("-A", "shop", "doctor", "--acl").out
    for role in COMMANDS:
        line = f"ACL SETUSER asynq-{role} reset on >PASSWORD " + " ".join(rules(role, "shop"))
        assert line in told.splitlines()
    machine = json.loads(project.run("-A", "shop", "doctor", "--acl", "--json").out)
    assert tuple(machine["worker"]) == rules("worker", "shop")
