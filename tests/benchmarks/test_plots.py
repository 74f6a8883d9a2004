"""The pictures of what was measured."""

import random

import pytest

from benchmarks import plots
from benchmarks.results import Results, Run


def measured(system, workload, **figures):
    return Run(1, system, workload, figures)


def trips(middle):
    return [random.Random(middle).lognormvariate(0, 0.2) * middle for _ in range(200)]


RESULTS = Results(
    runs=[
        measured("asynq", "drain-1", rate=30_000.0, stored=150.0),
        measured("floor_a", "drain-1", rate=20_000.0, stored=150.0),
        measured("huey", "drain-1", rate=2_000.0, stored=150.0),
        measured("repid", "drain-1", rate=6_000.0),
        measured("asynq", "latency", trips=trips(0.0005)),
        measured("huey", "latency", trips=trips(0.0012)),
        measured(
            "asynq",
            "waiting",
            sizes=[
                {"size": 1_000, "both": 40.0, "calling": 26.0},
                {"size": 1_000_000, "both": 42.0, "calling": 26.5},
            ],
        ),
    ]
)


@pytest.fixture
def drawn(tmp_path):
    pytest.importorskip("matplotlib")
    return {file.name: file for file in plots.draw(RESULTS, tmp_path / "plots")}


def test_each_picture_comes_as_png_and_as_svg(drawn):
    names = {
        f"{name}.{suffix}" for name in ("rates", "latency", "growth") for suffix in ("png", "svg")
    }
    assert drawn.keys() == names
    assert all(drawn[name].read_bytes().startswith(b"\x89PNG") for name in names if "png" in name)


def test_rates_name_every_system_and_how_far_asynq_is_ahead(drawn):
    said = drawn["rates.svg"].read_text()
    for word in ("asynq", "floor A", "huey", "2,000   (15.0 ×)", "6,000   (5.0 ×)"):
        assert f"<!-- {word} -->" in said


def test_who_stores_no_results_is_marked(drawn):
    said = drawn["rates.svg"].read_text()
    assert "<!-- repid * -->" in said
    assert "<!-- huey * -->" not in said


def test_growth_names_its_sizes(drawn):
    said = drawn["growth.svg"].read_text()
    assert "<!-- 1 k -->" in said
    assert "<!-- 1 M -->" in said


def test_the_same_figures_make_the_same_pictures(drawn, tmp_path):
    again = plots.draw(RESULTS, tmp_path / "again")
    assert {file.name: file.read_bytes() for file in again} == {
        name: file.read_bytes() for name, file in drawn.items()
    }


def test_what_was_not_measured_is_not_drawn(tmp_path):
    pytest.importorskip("matplotlib")
    assert plots.draw(Results(runs=[measured("asynq", "idle", rss=45.0)]), tmp_path) == []


def test_without_matplotlib_it_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr(plots, "mpl", None)
    with pytest.raises(plots.NoMatplotlibError, match=r"pip install 'asynq-tasks\[bench\]'"):
        plots.draw(RESULTS, tmp_path)
