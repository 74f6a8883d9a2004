"""The dashboard asks only for what we export, and can be imported as it is."""

import json
import re
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from asynq import Worker
from asynq.contrib import prometheus
from asynq.contrib.prometheus import Prometheus
from tests.waiting import until

DASHBOARD = json.loads((Path(prometheus.__file__).parent / "grafana.json").read_text())
PANELS = DASHBOARD["panels"]
VARIABLES = {each["name"]: each for each in DASHBOARD["templating"]["list"]}
QUERIES = [target["expr"] for panel in PANELS for target in panel["targets"]] + [
    each["definition"] for each in VARIABLES.values() if each["type"] == "query"
]

ASKED = re.compile(r"\b(asynq_\w+)(?:\{([^}]*)\})?")
MATCHER = re.compile(r"(\w+)\s*(?:=~|!~|!=|=)\s*\"")
ADDED_BY_PROMETHEUS = {"job", "instance", "le"}


@pytest.fixture
async def exported(app):
    """Every series of a worker that has done a little, by name, with its labels."""
    registry = CollectorRegistry()
    metrics = Prometheus(app, registry=registry)

    @app.task(name="add")
    async def add(x, y):
        return x + y

    async with Worker(app):
        await add.delay(1, 2).get(timeout=10)
        await metrics.exposition()
        ended = {"task": "add", "state": "success"}
        await until(lambda: registry.get_sample_value("asynq_tasks_total", ended))
        text = generate_latest(registry).decode()
    metrics.close()
    return {
        sample.name: set(sample.labels)
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if not sample.name.endswith("_created")
    }


def labels_of(query):
    """Labels by which it groups."""
    found = re.findall(r"\bby \(([^)]*)\)", query)
    return {label.strip() for each in found for label in each.split(",")}


def test_it_asks_for_something():
    assert len(QUERIES) > 20
    assert all(ASKED.search(query) for query in QUERIES)


async def test_every_metric_it_asks_for_is_exported_with_those_labels(exported):
    for query in QUERIES:
        for name, selector in ASKED.findall(query):
            assert name in exported, query
            wanted = {*MATCHER.findall(selector), *labels_of(query)} - ADDED_BY_PROMETHEUS
            assert wanted <= exported[name], query


async def test_every_metric_is_on_it(exported):
    asked = {name for query in QUERIES for name, _ in ASKED.findall(query)}
    seen = {re.sub(r"_(bucket|sum|count)$", "", name) for name in exported}
    assert seen == {re.sub(r"_(bucket|sum|count)$", "", name) for name in asked}


def test_a_state_it_asks_for_is_one_that_a_task_can_have():
    states = {*prometheus.STATES.values(), "parked", "unknown"}
    for query in QUERIES:
        for named in re.findall(r'state(?:=|!~|=~)"([^"]*)"', query):
            assert set(named.split("|")) <= states


def test_it_can_be_imported_with_any_data_source():
    assert VARIABLES["datasource"]["type"] == "datasource"
    assert VARIABLES["datasource"]["query"] == "prometheus"
    for panel in PANELS:
        assert panel["datasource"]["uid"] == "${datasource}"
        assert panel["title"]
    assert len({panel["id"] for panel in PANELS}) == len(PANELS)


def test_its_brackets_are_balanced_and_its_variables_known():
    for query in QUERIES:
        for opening, closing in ("()", "{}", "[]"):
            assert query.count(opening) == query.count(closing), query
        assert set(re.findall(r"\$(\w+)", query)) <= {*VARIABLES, "__rate_interval"}
