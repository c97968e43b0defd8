"""
early.py: Ctrl-C before a command has begun. Its imports take seconds, and some of them swallow what
interrupts them: this is imported first, and imports nothing heavy itself.
"""
import os
import signal

_before = []            # the handler that `begun` gives back


def ctrl_c_ends(prog):
    """Until `begun`, Ctrl-C ends the process at once: one line on stderr, exit code 130."""
    def end(signum, frame):
        os.write(2, '{}: interrupted\n'.format(prog).encode())
        os._exit(128 + signum)

    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:   # not where it is ignored
        _before.append(signal.signal(signal.SIGINT, end))


def begun():
    """The command has begun, and ends by itself (see `command.ending`)."""
    if _before:
        signal.signal(signal.SIGINT, _before.pop())
