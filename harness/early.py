"""
early.py: what has to be there before the heavy imports; it imports nothing heavy itself.

A standard stream that was closed before Python began leaves its number, 0, 1 or 2, to the next file
that is opened: a run's own, into which C code would print. And Ctrl-C: a command's imports take
seconds, and some of them swallow what interrupts them.
"""
import os
import signal

for _number in (0, 1, 2):
    try:
        os.fstat(_number)
    except OSError:
        os.open(os.devnull, os.O_RDWR)      # which has the lowest free number: this one
        os.set_inheritable(_number, True)   # also for processes that are started

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
