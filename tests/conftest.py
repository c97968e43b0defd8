"""
conftest.py: fixtures of several test files.
"""
import gc
import sys

import pytest

from harness import quiet_tf        # before any test imports TensorFlow
from harness import truth
import kit


def pytest_collection_modifyitems(config, items):
    """Where two processes share the files, the longest comes first: neither waits at the end."""
    if hasattr(config, 'workerinput'):
        items.sort(key=lambda item: item.path.name != 'test_sweep.py')


def pytest_collection_finish():
    """What the libraries made stays: no collection of garbage need look through it again."""
    gc.freeze()


@pytest.fixture
def env_module(tmp_path, monkeypatch):
    """env_module(name, source): write a module that --env can name."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, 'dont_write_bytecode', True)

    return lambda name, source: (tmp_path / (name + '.py')).write_text(source)


@pytest.fixture
def main(capsys):
    """main(flags...) -> exit code, output, errors of `python ddpg.py flags`, in this process."""
    def call(*flags):
        code, out, err = kit.run_main(capsys, *flags)
        return code or 0, out, err
    return call


@pytest.fixture
def few_states(monkeypatch):
    """--policy random measures its truth from a few states, where its values are not the point."""
    monkeypatch.setattr(truth, 'STATES', 4)
