"""
command.py: how every command ends: bad input is one line on stderr, and exit code 2. (spinup's
tools have the like in spinup/utils/command.py: they stand alone.)
"""
import argparse
import contextlib
import difflib
import errno
import os
import re
import signal
import sys

import gym

from harness import early, guard
from harness.settings import ALIASES, BadSetting


def one_line(text):
    """Text in one line, in which all that does not print is written as in Python: \\n, \\x1b."""
    return ''.join(c if c.isprintable() else repr(c)[1:-1] for c in str(text))


def say(line):
    """A line on stderr. (Of a process that was started without, it is None.)"""
    if sys.stderr is not None:
        print(one_line(line), file=sys.stderr)


def accepting(accepted):
    """The `type` of an argparse argument that is what `accepted` (a settings.Number) accepts."""
    def value(text):
        try:
            return accepted(text)
        except ValueError:
            raise argparse.ArgumentTypeError('{}: expected {}'.format(text, accepted)) from None
    return value


class Parser(argparse.ArgumentParser):
    """
    Says an error in one line, with exit code 2; flags are not abbreviated.

    Attributes:
        no_flag (str): What to say of a word too many that is no flag, nor the value of one.
    """
    no_flag = ''

    def __init__(self, **kwargs):
        super().__init__(allow_abbrev=False, **kwargs)

    def error(self, message):
        say('{}: error: {}'.format(self.prog, message))
        sys.exit(2)

    def print_help(self, file=None):
        file = file or sys.stdout
        screen = file and Screen(file)
        super().print_help(screen)
        if screen:
            screen.end()

    def parse_args(self, args=None, namespace=None):
        args = sys.argv[1:] if args is None else list(args)
        for word in args:
            if not re.fullmatch('[^\0\ud800-\udfff]*', word):      # TensorFlow opens no such files
                self.error('{}: expected text in UTF-8, without NUL'.format(word))
        values, rest = self.parse_known_args(args, namespace)
        if rest:
            self.error('unrecognized arguments: ' + ' '.join(word or "''" for word in rest)
                       + self._hint(rest[0].split('=')[0].lower()))
        return values

    def _hint(self, word):
        flags = {flag.lower(): flag for flag in self._option_string_actions}
        near = [flags[flag] for flag in difflib.get_close_matches(word, flags, 1)]
        names = ALIASES.get(word.lstrip('-').replace('-', '_'), '').split(' and ')
        here = ['--' + name.replace('_', '-') for name in names]
        if here[0] in flags:
            near = [' and '.join(here)]
        if near:
            return '; the nearest flag is ' + near[0]
        return '' if word.startswith('-') else self.no_flag


class Screen:
    """
    Stands in for stdout or stderr, and never raises OSError: after its reader has left (`| head`, a
    terminal that closes) all output is dropped; while its disk is full, what is written then.

    Args:
        stream (file): What is written to.
    """

    def __init__(self, stream):
        self.stream = stream

    def __getattr__(self, name):
        return getattr(self.stream, name)

    def write(self, text):
        """Write, as long as there is a reader; what the stream cannot encode, with a \\."""
        encoding = getattr(self.stream, 'encoding', None) or 'utf-8'
        text = text.encode(encoding, 'backslashreplace').decode(encoding)
        return self._to_reader(self.stream.write, text)

    def flush(self):
        """Flush, as long as there is a reader."""
        self._to_reader(self.stream.flush)

    def _to_reader(self, method, *args):
        try:
            return method(*args)
        except OSError as error:
            if error.errno in (errno.EPIPE, errno.EIO, errno.EBADF):
                self._to_nowhere()
            return None                     # a disk that is full may have room for the next line

    def _to_nowhere(self):
        """What is in its buffer, and all that follows, is lost."""
        with open(os.devnull, 'w') as nowhere:
            os.dup2(nowhere.fileno(), self.stream.fileno())

    def end(self):
        """Flush for the last time: Python would do so itself, and fail where that does."""
        try:
            self.stream.flush()
        except OSError:
            self._to_nowhere()


@contextlib.contextmanager
def ending(prog):
    """Within it, whatever ends a command early becomes one line on stderr and its exit code."""
    gym.logger.set_level(gym.logger.ERROR)
    # A stream that was closed before Python started is None, and stays so.
    screens = [stream and Screen(stream) for stream in (sys.stdout, sys.stderr)]
    with contextlib.redirect_stdout(screens[0]), contextlib.redirect_stderr(screens[1]):
        try:
            with told(prog):
                early.begun()
                yield
        finally:
            for screen in filter(None, screens):
                screen.end()


@contextlib.contextmanager
def told(prog):
    """The lines and exit codes of `ending`."""
    try:
        yield
    except BadSetting as bad:
        say('{}: error: {}'.format(prog, bad.flag()))
        sys.exit(2)
    except guard.Interrupted as end:        # the run has said it, and how to go on
        sys.exit(end.exit_code)
    except guard.RunStopped as end:
        say('{}: error: {}'.format(prog, end))
        sys.exit(end.exit_code)
    except OSError as error:
        say('{}: error: {}'.format(prog, error))
        sys.exit(1)
    except (KeyboardInterrupt, SystemError) as error:
        # C code makes a SystemError of Ctrl-C.
        if not isinstance(error.__cause__ or error, KeyboardInterrupt):
            raise
        say('{}: interrupted'.format(prog))
        sys.exit(128 + signal.SIGINT)
