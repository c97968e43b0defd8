"""
early.py: Ctrl-C before a command has begun. Its imports take seconds, and some of them swallow what
interrupts them: this is imported first, and imports nothing heavy itself.
"""
import os
import signal

_ends = []              # the handler that is in place until `begun`


def ctrl_c_ends(prog):
    """Until `begun`, Ctrl-C ends the process at once: one line on stderr, exit code 130."""
    def end(signum, frame):
        os.write(2, '{}: interrupted\n'.format(prog).encode())
        os._exit(128 + signum)

    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:   # not where it is ignored
        signal.signal(signal.SIGINT, end)
        _ends.append(end)


def begun():
    """The command has begun, and Ctrl-C is what Python makes of it, where no other handler is."""
    if signal.getsignal(signal.SIGINT) in _ends:
        signal.signal(signal.SIGINT, signal.default_int_handler)
