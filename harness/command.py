"""
command.py: how every command ends: bad input is one line on stderr, and exit code 2. (spinup's
tools have the like in spinup/utils/command.py: they stand alone.)
"""
import argparse
import contextlib
import os
import signal
import sys

import gym

from harness import early, guard
from harness.settings import BadSetting


class Parser(argparse.ArgumentParser):
    """Says an error in one line, with exit code 2; flags are not abbreviated."""

    def __init__(self, **kwargs):
        super().__init__(allow_abbrev=False, **kwargs)

    def error(self, message):
        self.exit(2, '{}: error: {}\n'.format(self.prog, message))


class Screen:
    """
    Stands in for stdout or stderr: where its reader leaves (`| head`, a terminal that closes), the
    command goes on without.

    Args:
        stream (file): What is written to.
    """

    def __init__(self, stream):
        self.stream = stream

    def __getattr__(self, name):
        return getattr(self.stream, name)

    def write(self, text):
        """Write, as long as there is a reader."""
        return self._to_reader(self.stream.write, text)

    def flush(self):
        """Flush, as long as there is a reader."""
        self._to_reader(self.stream.flush)

    def _to_reader(self, method, *args):
        try:
            return method(*args)
        except OSError:
            # What is in its buffer, and all that follows, goes nowhere.
            with open(os.devnull, 'w') as nowhere:
                os.dup2(nowhere.fileno(), self.stream.fileno())
            return None


@contextlib.contextmanager
def ending(prog):
    """Within it, whatever ends a command early becomes one line on stderr and its exit code."""
    gym.logger.set_level(gym.logger.ERROR)
    # A stream that was closed before Python started is None, and stays so.
    with contextlib.redirect_stdout(sys.stdout and Screen(sys.stdout)), \
            contextlib.redirect_stderr(sys.stderr and Screen(sys.stderr)):
        try:
            with told(prog):
                early.begun()
                yield
        finally:
            if sys.stdout:
                sys.stdout.flush()


@contextlib.contextmanager
def told(prog):
    """The lines and exit codes of `ending`."""
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
    except KeyboardInterrupt:
        print('{}: interrupted'.format(prog), file=sys.stderr)
        sys.exit(128 + signal.SIGINT)
