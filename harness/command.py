"""
command.py: how every command ends: bad input is one line on stderr, and exit code 2. (spinup's
tools have the like in spinup/utils/command.py: they stand alone.)
"""
import argparse
import contextlib
import sys

import gym

from harness import guard
from harness.settings import BadSetting


class Parser(argparse.ArgumentParser):
    """Says an error in one line, with exit code 2; flags are not abbreviated."""

    def __init__(self, **kwargs):
        super().__init__(allow_abbrev=False, **kwargs)

    def error(self, message):
        self.exit(2, '{}: error: {}\n'.format(self.prog, message))


@contextlib.contextmanager
def ending(prog):
    """Within it, whatever ends a command early becomes one line on stderr and its exit code."""
    gym.logger.set_level(gym.logger.ERROR)
    try:
        yield
    except BadSetting as bad:
        print('{}: error: {}'.format(prog, bad.flag()), file=sys.stderr)
        sys.exit(2)
    except guard.Interrupted as end:        # the run has said it, and how to go on
        sys.exit(end.exit_code)
    except guard.RunStopped as end:
        print('{}: error: {}'.format(prog, end), file=sys.stderr)
        sys.exit(end.exit_code)
