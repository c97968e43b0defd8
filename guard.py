"""
guard.py: what ends a run before its last epoch: a signal, a value that is not finite, or an
environment that breaks Gym's contract. Each is an exception that knows its exit code.
"""
import contextlib
import math
import numbers
import os
import signal
import traceback

import gym
import numpy as np


class RunStopped(Exception):
    """The run ends here. `exit_code` is what the process should end with."""
    exit_code = 1


class EnvironmentFault(RunStopped):
    """The environment raised an error, or returned what Gym's contract does not allow."""


class NotFinite(RunStopped):
    """A loss, Q value, action, weight, observation or reward is NaN or infinite."""
    exit_code = 3


class Interrupted(RunStopped):
    """A signal asked the run to end."""

    def __init__(self, signum, t):
        super().__init__('{} at step {}'.format(signal.Signals(signum).name, t))
        self.exit_code = 128 + signum


# ------------------------------------------------------------------------------------------------
# Signals
# ------------------------------------------------------------------------------------------------

_received = []


@contextlib.contextmanager
def noting_signals():
    """
    Inside, the first Ctrl-C or SIGTERM is only noted, for `pending_signal`, so that the loop can
    finish its step and save. The second ends the process at once.
    """
    signals = (signal.SIGINT, signal.SIGTERM)

    def note(signum, frame):
        _received.append(signum)
        for each in signals:
            signal.signal(each, signal.SIG_DFL)

    before = [signal.signal(each, note) for each in signals]
    try:
        yield
    finally:
        _received.clear()
        for each, handler in zip(signals, before):
            signal.signal(each, handler)


def pending_signal():
    """The number of the signal that was noted, or None."""
    return _received[0] if _received else None


# ------------------------------------------------------------------------------------------------
# Values and environments
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


class CheckedEnv(gym.Wrapper):
    """
    An environment held to Gym's contract: reset() -> observation, step(action) -> (observation,
    reward, done, info). It gives float32 copies of observations, float rewards and bool dones.

    Args:
        env (gym.Env): With an observation space of shape (obs_dim,).
        watch (Watch): Of the values that it returns.

    Raises (by reset and step):
        EnvironmentFault: The environment raises, or returns something else.
        NotFinite: An observation or a reward is NaN or infinite.
    """

    def __init__(self, env, watch):
        super().__init__(env)
        self.watch = watch

    def reset(self):
        o = self._observation(self._call(self.env.reset))
        self.watch.finite(observation=o)
        return o

    def step(self, a):
        returned = self._call(self.env.step, a)
        if not (isinstance(returned, (tuple, list)) and len(returned) == 4):
            self._fault('its step() returned {}: expected (observation, reward, done, info)',
                        returned)
        o, r, done, info = returned
        o = self._observation(o)
        if isinstance(r, np.ndarray) and r.ndim == 0:
            r = r.item()
        if not isinstance(r, numbers.Real):
            self._fault('its reward is {}: expected a number', r)
        if np.ndim(done) or done not in (True, False):
            self._fault('its done is {}: expected True or False', done)
        if not isinstance(info, dict):
            self._fault('its info is {}: expected a dict', info)
        self.watch.finite(observation=o, reward=float(r))
        return o, float(r), bool(done), info

    def _call(self, method, *args):
        try:
            return method(*args)
        except Exception as error:      # an environment's own code can raise anything
            where = traceback.extract_tb(error.__traceback__)[-1]
            raise EnvironmentFault('the environment raised {}: {} {} (line {} of {}, in {})'.format(
                type(error).__name__, ' '.join(str(error).split()), self.watch.when(), where.lineno,
                os.path.basename(where.filename), where.name)) from error

    def _observation(self, o):
        try:
            copy = np.array(o, np.float32)
        except (TypeError, ValueError):
            copy = None
        expected = self.observation_space.shape
        if copy is None or copy.shape != expected:
            self._fault('its observation is {}: expected an array of shape {}', o, expected)
        return copy

    def _fault(self, text, value, *more):
        shown = ' '.join(repr(value).split())
        if isinstance(value, np.ndarray):
            shown = 'an array of shape {}'.format(value.shape)
        raise EnvironmentFault('the environment broke its contract {}: {}'.format(
            self.watch.when(), text.format(shown[:200], *more)))
