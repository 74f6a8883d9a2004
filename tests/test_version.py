"""Which release this is."""

import tomllib
from pathlib import Path

import asynq


def test_the_package_and_its_distribution_are_of_one_version():
    told = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())
    assert asynq.__version__ == told["project"]["version"]
