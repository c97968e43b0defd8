"""
guard.py: what ends a run early, or with its last save failed: a signal, a value that is not finite,
an environment that breaks Gym's contract. Each is an exception that knows its exit code.
"""
import contextlib
import math
import signal
import threading

import numpy as np


class RunStopped(Exception):
    """The run ends here. `exit_code` is what the process should end with."""
    exit_code = 1


class EnvironmentFault(RunStopped):
    """The environment raised an error, or returned what Gym's contract does not allow."""


class NotFinite(RunStopped):
    """A loss, Q value, action, weight, observation or reward is NaN or infinite."""
    exit_code = 3


class NotSaved(RunStopped):
    """The last epoch is done, but its export or its checkpoint could not be written."""


class Interrupted(RunStopped):
    """A signal asked the run to end."""

    def __init__(self, signum, t):
        super().__init__('{} at step {}'.format(signal.Signals(signum).name, t))
        self.exit_code = 128 + signum


# ------------------------------------------------------------------------------------------------
# Signals
# ------------------------------------------------------------------------------------------------

_received = []
_noting = []                # within `noting_signals`: what notes them again


@contextlib.contextmanager
def noting_signals():
    """
    Inside, the first Ctrl-C, SIGTERM or SIGHUP is only noted, for `pending_signal`, so that the
    loop can finish its step and save. The second ends the process at once. Only the main thread can
    note signals, and once is enough: elsewhere this does nothing.
    """
    if _noting or threading.current_thread() is not threading.main_thread():
        yield
        return
    # Not SIGHUP where it is ignored, as under nohup; nor a signal with a handler of C code (None),
    # which could not be restored.
    signals = [each for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
               if signal.getsignal(each) is not None]
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        signals.remove(signal.SIGHUP)

    def note(signum, frame):
        _received.append(signum)
        for each in signals:
            signal.signal(each, signal.SIG_DFL)

    def note_again():
        for each in signals:        # also where C code has taken it
            if not _received:
                signal.signal(each, note)
        if _received:               # just now
            note(_received.pop(), None)

    before = [signal.signal(each, note) for each in signals]
    _noting.append(note_again)
    try:
        yield
    finally:
        _noting.clear()
        _received.clear()
        for each, handler in zip(signals, before):
            signal.signal(each, handler)


def keep_noting():
    """Note signals again, where an environment has put a handler of its own in the place."""
    if _noting and threading.current_thread() is threading.main_thread():
        _noting[0]()


def pending_signal():
    """The number of the signal that was noted, or None."""
    return _received[0] if _received else None


def require_no_signal(t=0):
    """Raises Interrupted, at step `t`, where a signal was noted."""
    if _received:
        raise Interrupted(_received[0], t)


# ------------------------------------------------------------------------------------------------
# Values
# ------------------------------------------------------------------------------------------------

class Watch:
    """
    Looks at values of the run as they pass.

    Args:
        when (function): () -> where the run is, in words: 'at step 57'.
    """

    def __init__(self, when):
        self.when, self.last = when, {}

    def finite(self, **values):
        """
        Keep `values` (arrays or numbers, by name) as the last ones seen.

        Raises:
            NotFinite: There is a NaN or an infinity among them.
        """
        for name, value in values.items():
            self.require_finite(name, value)
        self.last.update(values)

    def require_finite(self, name, value):
        """Raises NotFinite, naming the last values seen."""
        finite = np.isfinite(value).all() if isinstance(value, np.ndarray) else math.isfinite(value)
        if not finite:
            raise NotFinite('{} is not finite {}: {}; the last values before: {}'.format(
                name, self.when(), in_short(value),
                ', '.join(known + ' ' + in_short(last) for known, last in self.last.items())))


def in_short(value):
    """A number, or an array in one line: at most 8 components, or the range of more."""
    value = np.asarray(value, np.float64)
    if value.size > 8:
        return '[{:.4g} ... {:.4g}]'.format(value.min(), value.max())
    if value.ndim:
        return '[{}]'.format(' '.join('{:.4g}'.format(v) for v in value.ravel()))
    return '{:.4g}'.format(value)
