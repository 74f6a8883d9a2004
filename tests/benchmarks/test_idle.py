"""What an import is measured by."""

from benchmarks import idle


def test_the_imports_of_a_system_are_those_of_its_module_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(idle, "SYSTEMS", tmp_path)
    (tmp_path / "some.py").write_text(
        "import os, time\nfrom collections.abc import Callable\nfrom benchmarks import tally\n"
        "import some.queue\nfrom some import App as A\nif True:\n    import late\n"
    )
    assert idle.statements("some") == ["import some.queue", "from some import App as A"]
