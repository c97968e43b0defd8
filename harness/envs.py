"""
envs.py: environments: made, checked, held to Gym's contract, seeded, and brought back to where they
were.
"""
import difflib
import glob
import importlib.util
import numbers
import os
import random
import sys
import traceback

import gym
import numpy as np
from gym.spaces import Box

from harness.guard import EnvironmentFault
from harness.settings import BadSetting, described_error


# ------------------------------------------------------------------------------------------------
# Making
# ------------------------------------------------------------------------------------------------

def make_env(name):
    """
    The environment that Gym knows as `name`, or as 'module:name' after importing the module.

    Raises:
        BadSetting: There is none, or it cannot be made here.
    """
    try:
        spec = gym.spec(name)
    except gym.error.Error:
        module, _, short_name = name.rpartition(':')
        if module and module not in sys.modules:
            raise BadSetting('env', name, 'a module that Python can import before the :') from None
        ids = {known.lower(): known for known in sorted(gym.envs.registry.env_specs)}
        near = difflib.get_close_matches(short_name.lower(), ids, cutoff=0)
        raise BadSetting('env', name, 'an environment that Gym knows; the nearest names are '
                         + ', '.join(ids[match] for match in near)) from None
    except Exception as error:                          # the module's own
        raise BadSetting('env', name, 'a module before the : that can be imported; it raises '
                         + described_error(error)) from None
    if str(spec.entry_point).startswith(('gym.envs.mujoco', 'gym.envs.robotics')):
        # The first import of a mujoco-py that is not compiled would start the compiler.
        found = importlib.util.find_spec('mujoco_py')
        folder = os.path.dirname(found.origin) if found else ''
        if not glob.glob(os.path.join(folder, 'generated', 'cymj_*.so')):
            raise BadSetting('env', name, 'mujoco-py and its compiled extension to be installed: '
                             'run `make setup`')
    try:
        return gym.make(name)
    except Exception as error:                          # the environment's own, or Gym's
        raise BadSetting('env', name, 'an environment that can be made here; it raises '
                         + described_error(error)) from None


def env_id(env):
    """The id that Gym knows `env` by, or the name of its class."""
    return env.spec.id if env.spec else type(env.unwrapped).__name__


def check_spaces(env):
    """
    Check that `env` is one for DDPG: observations a vector, actions a vector with bounds.

    Raises:
        BadSetting: It is not.
    """
    x, a = env.observation_space, env.action_space
    if not (isinstance(a, Box) and len(a.shape) == 1
            and np.all(np.isfinite(a.low) & np.isfinite(a.high) & (a.low < a.high))):
        raise BadSetting('env', env_id(env), 'an environment whose actions are a vector with '
                         'finite bounds; its action space is {}'.format(a))
    if not (isinstance(x, Box) and len(x.shape) == 1):
        raise BadSetting('env', env_id(env), 'an environment whose observations are a vector; '
                         'its observation space is {}'.format(x))


def terminal(done, info):
    """
    Whether a step led to a terminal state: a time limit ends an episode, not the task. Where it
    strikes, what would have come still counts.
    """
    return done and not info.get('TimeLimit.truncated', False)


# ------------------------------------------------------------------------------------------------
# Gym's contract
# ------------------------------------------------------------------------------------------------

class CheckedEnv(gym.Wrapper):
    """
    An environment held to Gym's contract: reset() -> observation, step(action) -> (observation,
    reward, done, info). It gives float32 copies of observations, float rewards and bool dones.

    Args:
        env (gym.Env): With an observation space of shape (obs_dim,).
        watch (guard.Watch): Of the values that it returns.

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


# ------------------------------------------------------------------------------------------------
# Random generators, and coming back
# ------------------------------------------------------------------------------------------------

class DoesNotRepeat(Exception):
    """An environment that cannot be brought back to where it was. It says why, in one line."""


def generators(env):
    """
    {name: generator of random numbers}: those of an environment, of its wrappers and of their
    spaces, and the global ones of `random` and NumPy.
    """
    found = {'random': random, 'numpy': np.random}
    depth = 0
    while env is not None:
        attributes = {}
        for owner in reversed(type(env).__mro__):
            attributes.update(vars(owner))
        attributes.update(vars(env))
        for name, value in sorted(attributes.items()):
            if isinstance(value, gym.Space):
                name, value = name + '.np_random', value.np_random
            if (isinstance(value, (np.random.RandomState, np.random.Generator, random.Random))
                    and not any(value is known for known in found.values())):
                found['{}.{}'.format(depth, name)] = value
        env, depth = env.env if isinstance(env, gym.Wrapper) else None, depth + 1
    return found


def random_states(env):
    """The states of all `generators` of an environment, for `set_random_states`."""
    states = {}
    for name, generator in generators(env).items():
        if hasattr(generator, 'getstate'):                  # Python's random, and random.Random
            states[name] = generator.getstate()
        elif isinstance(generator, np.random.Generator):
            states[name] = generator.bit_generator.state
        else:
            states[name] = generator.get_state(legacy=False)
    return states


def set_random_states(env, states):
    """
    Set all `generators` of an environment.

    Raises:
        DoesNotRepeat: It has others than those in `states`.
    """
    if set(generators(env)) != set(states):
        env.reset()             # some environments make theirs only then
    found = generators(env)
    if set(found) != set(states):
        raise DoesNotRepeat('the environment has other random generators: {}, not {}'.format(
            ', '.join(sorted(found)), ', '.join(sorted(states))))
    for name, generator in found.items():
        if hasattr(generator, 'setstate'):
            version, words, gauss = states[name]
            generator.setstate((version, tuple(words), gauss))
        elif isinstance(generator, np.random.Generator):
            generator.bit_generator.state = states[name]
        else:
            generator.set_state(states[name])


class RecordedEnv(gym.Wrapper):
    """
    An environment that can be brought back to where it is, in the middle of an episode.

    No environment can save itself in general, so this one remembers its random states before the
    last reset and the actions since: they are played again. That is exact where an episode depends
    on nothing but these states (see `generators`) and actions, as in MuJoCo, and is checked.

    Attributes, of the running episode: observation (the last one), ep_ret (the sum of its rewards)
    and ep_len (the number of its steps).
    """
    observation = None          # before the first reset

    def reset(self):
        self.at_reset, self.actions = random_states(self.env), []
        self.ep_ret, self.ep_len = 0., 0
        self.observation = self.env.reset()
        return self.observation

    def step(self, a):
        self.actions.append(np.array(a))
        returned = self.env.step(a)
        self.observation = returned[0]
        self.ep_ret += returned[1]
        self.ep_len += 1
        return returned

    def get_state(self):
        """For `set_state`."""
        return dict(at_reset=self.at_reset, actions=np.array(self.actions),
                    observation=self.observation, now=random_states(self.env))

    def set_state(self, state):
        """
        Play an episode again, up to where it was.

        Raises:
            DoesNotRepeat: That leads to another observation, or there are other random generators.
        """
        set_random_states(self.env, state['at_reset'])
        self.reset()
        for a in state['actions']:
            self.step(a)
        set_random_states(self.env, state['now'])
        if not np.array_equal(self.observation, state['observation']):
            raise DoesNotRepeat(
                'its environment does not repeat: the {} actions of the running episode lead to '
                'another observation, {} instead of {}'.format(len(state['actions']), *(
                    ' '.join(map(str, o[:4])) for o in (self.observation, state['observation']))))
