"""command.py: the tools' manners on the command line. Bad input gets one line, and exit code 2."""
import argparse
import contextlib
import sys


class BadInput(AssertionError):
    """Input that a tool cannot use. (Spinning Up's own tools raise bare AssertionErrors for it.)"""


def require(condition, message):
    """Raises BadInput(message) unless `condition` holds."""
    if not condition:
        raise BadInput(message)


class Parser(argparse.ArgumentParser):
    """Says an error in one line."""

    def error(self, message):
        self.exit(2, '{}: error: {}\n'.format(self.prog, message))


@contextlib.contextmanager
def telling_bad_input(prog):
    """Turns BadInput, and files that cannot be read or written, into one line and exit code 2."""
    try:
        yield
    except (BadInput, OSError) as error:
        print('{}: error: {}'.format(prog, error), file=sys.stderr)
        sys.exit(2)
