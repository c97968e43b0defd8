"""
command.py: the tools' manners on the command line. Bad input gets one line and exit code 2, Ctrl-C
one line and 130; a reader that leaves (`| head`) ends nothing; files are written whole or not.
"""
import argparse
import contextlib
import os
import re
import signal
import sys
import threading


class BadInput(AssertionError):
    """Input that a tool cannot use. (Spinning Up's own tools raise bare AssertionErrors for it.)"""


def require(condition, message):
    """Raises BadInput(message) unless `condition` holds."""
    if not condition:
        raise BadInput(message)


def described(error):
    """An exception in one line: its type, where it is not BadInput, and its text's first line."""
    if isinstance(error, BadInput):
        return str(error)
    return ': '.join([type(error).__name__] + str(error).strip().splitlines()[:1])


def one_line(text):
    """Text in one line, in which all that does not print is written as in Python: \\n, \\x1b."""
    return ''.join(c if c.isprintable() else repr(c)[1:-1] for c in text)


class Parser(argparse.ArgumentParser):
    """Says an error in one line."""

    def error(self, message):
        self.exit(2, one_line('{}: error: {}'.format(self.prog, message)) + '\n')

    def parse_args(self, args=None, namespace=None):
        args = sys.argv[1:] if args is None else list(args)
        for word in args:
            if not re.fullmatch('[^\0\ud800-\udfff]*', word):      # TensorFlow opens no such files
                self.error('{}: expected text in UTF-8, without NUL'.format(word))
        values, rest = self.parse_known_args(args, namespace)
        if rest:
            self.error('unrecognized arguments: ' + ' '.join(word or "''" for word in rest))
        return values


def whole_number(text):
    """The `type` of an argparse argument that is a whole number."""
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError('{}: expected a whole number'.format(text)) from None


class LastingStream:
    """
    A text stream whose reader may leave: what is written then goes nowhere, and nothing ends. What
    it cannot encode is written with a \\.
    """

    def __init__(self, stream):
        self._stream = stream

    def write(self, text):
        encoding = getattr(self._stream, 'encoding', None) or 'utf-8'
        text = text.encode(encoding, 'backslashreplace').decode(encoding)
        return self._call(self._stream.write, text)

    def flush(self):
        return self._call(self._stream.flush)

    def __getattr__(self, name):
        return getattr(self._stream, name)

    def _call(self, method, *args):
        try:
            return method(*args)
        except BrokenPipeError:
            # What is in the buffer comes again, at the latest when Python ends.
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._stream.fileno())
            os.close(nowhere)


@contextlib.contextmanager
def command(prog):
    """
    Around a tool's main, as a decorator: ends it with one line on stderr and exit code 2 where it
    raises BadInput or OSError (a file that cannot be read or written), 130 after Ctrl-C.
    """
    # A stream that was closed before Python started is None, and stays so.
    with contextlib.redirect_stdout(sys.stdout and LastingStream(sys.stdout)), \
            contextlib.redirect_stderr(sys.stderr and LastingStream(sys.stderr)):
        try:
            try:
                yield
            finally:
                for stream in filter(None, (sys.stdout, sys.stderr)):
                    stream.flush()
        except (KeyboardInterrupt, SystemError) as error:
            # C code makes a SystemError of Ctrl-C.
            if not isinstance(error.__cause__ or error, KeyboardInterrupt):
                raise
            end('{}: interrupted'.format(prog), 130)
        except (BadInput, OSError) as error:
            what = str(error) or type(error).__name__
            end(one_line('{}: error: {}'.format(prog, what)), 2)


@contextlib.contextmanager
def ctrl_c_waits():
    """
    Delays Ctrl-C to the end of the block, around code that swallows it or turns it into another
    error (imports, TensorFlow's C code); a second one acts at once. In other threads: nothing.
    """
    before = signal.getsignal(signal.SIGINT)
    if not callable(before) or threading.current_thread() is not threading.main_thread():
        yield
        return
    waiting = []

    def note(*interrupt):
        waiting.append(interrupt)
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, note)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if waiting:
            before(*waiting[0])


def end(line, exit_code):
    """End the process, after a line on stderr."""
    if sys.stderr:
        print(line, file=sys.stderr, flush=True)
    sys.exit(exit_code)


@contextlib.contextmanager
def writing_whole(path):
    """
    Gives the name of another file, with the same ending, to write to. It becomes `path` when all
    went well; else nothing of it is left, and what was at `path` stays.

    Raises:
        BadInput: The file cannot be written.
    """
    partial = '.partial'.join(os.path.splitext(path))
    try:
        yield partial
        os.replace(partial, path)
    except OSError as error:
        raise BadInput('{}: cannot be written ({})'.format(
            path, error.strerror or described(error))) from error
    finally:
        if os.path.exists(partial):
            os.remove(partial)
