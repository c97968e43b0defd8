"""
conftest.py: fixtures of several test files.
"""
import sys

import pytest

from harness import quiet_tf        # before any test imports TensorFlow


@pytest.fixture
def env_module(tmp_path, monkeypatch):
    """env_module(name, source): write a module that --env can name."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, 'dont_write_bytecode', True)

    return lambda name, source: (tmp_path / (name + '.py')).write_text(source)
