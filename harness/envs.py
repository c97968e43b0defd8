"""
envs.py: environments: made, checked, seeded, and held to Gym's contract.
"""
import contextlib
import copy
import difflib
import functools
import glob
import importlib.util
import inspect
import numbers
import os
import sys
import traceback

import gym
import numpy as np
from gym.spaces import Box

from harness.guard import EnvironmentFault, NotFinite, in_short
from harness.recorded import (ANYTHING, RecordedEnv, environment_ids, layers, random_states,
                              seed_the_rest)
from harness.settings import BadSetting, described_error


# ------------------------------------------------------------------------------------------------
# Making
# ------------------------------------------------------------------------------------------------

# mujoco-py would want another extension where NVIDIA's driver is; set-up compiles that of the CPU.
os.environ.setdefault('MUJOCO_PY_FORCE_CPU', '1')

# What to install where a module is missing whose package has another name.
PACKAGES = {module: ': pip install ' + package for module, package in dict(
    Box2D='box2d-py', pybullet='pybullet', pybullet_envs='pybullet', cv2='opencv-python',
    gymnasium='gymnasium', atari_py='atari-py').items()}


def make_env(name, env_kwargs=dict()):
    """
    The environment that Gym knows as `name`, or as 'module:name' after importing the module, made
    with `env_kwargs` beside its own keyword arguments.

    Raises:
        BadSetting: There is none, or it cannot be made here.
    """
    check_installed(name, spec_of(name))
    try:
        return gym.make(name, **copy.deepcopy(env_kwargs))
    except ANYTHING as error:           # the environment's own, or Gym's
        if env_kwargs and not (isinstance(error, ImportError) and error.name):
            raise BadSetting('env_kwargs', env_kwargs, 'keyword arguments that {} can be made '
                             'with; it raises {}'.format(name, described_error(error))) from None
        raise BadSetting('env', name, 'an environment that can be made here; it raises '
                         + described_error(error) + to_install(error)) from None


def spec_of(name):
    """What Gym knows of the id `name`, after importing its module. Raises BadSetting."""
    def unimportable(why):
        return BadSetting('env', name, 'a module before the : that can be imported; it raises '
                          + described_error(why) + to_install(why))

    try:
        return gym.spec(name)
    except gym.error.Error as error:
        module, _, short_name = name.rpartition(':')
        if module and module not in sys.modules:
            why = error.__context__ or error        # Gym says of any ImportError the same
            itself_missing = (isinstance(why, ModuleNotFoundError)      # it, or a package it is in
                              and (module + '.').startswith('{}.'.format(why.name)))
            if itself_missing and not to_install(why):
                raise BadSetting('env', name, 'a module that Python can import before the :; the '
                                 'folder of {}.py has to be on PYTHONPATH'.format(module)) from None
            raise unimportable(why) from None
        ids = {known.lower(): known for known in sorted(gym.envs.registry.env_specs)}
        near = difflib.get_close_matches(short_name.lower(), ids, cutoff=0)
        raise BadSetting('env', name, 'an environment that Gym knows; the nearest names are '
                         + ', '.join(ids[match] for match in near)) from None
    except ANYTHING as error:           # the module's own
        raise unimportable(error) from None


def check_installed(name, spec):
    """Raises BadSetting where Gym's own environment lacks a package, and Gym would not say so."""
    where = str(spec.entry_point)
    if where.startswith('gym.envs.box2d') and not importlib.util.find_spec('Box2D'):
        raise BadSetting('env', name, 'Box2D to be installed' + PACKAGES['Box2D'])
    if where.startswith(('gym.envs.mujoco', 'gym.envs.robotics')):
        # The first import of a mujoco-py that is not compiled would start the compiler.
        found = importlib.util.find_spec('mujoco_py')
        folder = os.path.dirname(found.origin) if found else ''
        if not glob.glob(os.path.join(folder, 'generated', 'cymj_*cpuextension*.so')):
            raise BadSetting('env', name, 'mujoco-py and its compiled extension to be installed: '
                             'run `make setup`')


def to_install(error):
    """What to install where an ImportError says that a module of PACKAGES is missing; else ''."""
    return PACKAGES.get(error.name, '') if isinstance(error, ImportError) else ''


def dims_of(name, env_kwargs=dict()):
    """
    (obs_dim, act_dim) of the environment that `make_env` makes: made, checked, and closed again.

    Raises:
        BadSetting: It cannot be made, or is not accepted.
    """
    folder = WorkingFolder()
    with folder:
        env = make_env(name, env_kwargs)
    try:
        check_spaces(env)
        return env.observation_space.shape + env.action_space.shape
    finally:
        close_quietly(env, folder)


def make_recorded(env_fn, watch, stack, other=None, env_kwargs=dict()):
    """
    An environment made by `env_fn`, checked and held to its contract.

    Args:
        env_fn (function or str): As ddpg() has it.
        watch (guard.Watch): Of its values.
        stack (contextlib.ExitStack): Which closes it.
        other (RecordedEnv): The one that was made before, and that this must not be.
        env_kwargs (dict): As ddpg() has it.

    Returns:
        RecordedEnv

    Raises:
        BadSetting: It cannot be made, or is not accepted.
    """
    folder = WorkingFolder()
    with folder:
        env = make_from(env_fn, env_kwargs)
    if other is not None and environment_ids(env) & environment_ids(other.inside.outermost):
        name, what = (('env', 'the id of an environment that is made anew each time')
                      if isinstance(env_fn, str) else
                      ('env_fn', 'a function that makes a new environment at each call'))
        raise BadSetting(name, env_fn, what + ', not two that wrap or hold the same one: one is to '
                         'train and one to test')
    stack.callback(close_quietly, env, folder)
    check_spaces(env)
    try:
        held_env = RecordedEnv(CheckedEnv(env, watch, folder))
    except (AttributeError, TypeError) as error:
        raise BadSetting('env', env_id(env), 'an environment whose reset, step and seed can be '
                         'replaced; ' + described_error(error)) from None
    stack.callback(held_env.inside.take_out)
    return held_env


def make_from(env_fn, env_kwargs):
    """The environment that an id or a function makes; see `make_recorded`."""
    if isinstance(env_fn, str):
        return make_env(env_fn, env_kwargs)
    if not callable(env_fn) or (hasattr(env_fn, 'step') and not isinstance(env_fn, type)):
        raise BadSetting('env_fn', env_fn, 'a function that makes an environment, such as lambda: '
                         "gym.make('Pendulum-v0'), or the id of one: there are two, one to train "
                         'and one to test')
    try:
        return env_fn(**copy.deepcopy(env_kwargs))
    except TypeError as error:
        if not env_kwargs:
            raise
        raise BadSetting('env_kwargs', env_kwargs, 'keyword arguments that env_fn takes; it '
                         'raises ' + described_error(error)) from error


class WorkingFolder:
    """
    The working directory of an environment that changes it (os.chdir), as some simulators do: a
    context, within which it is the current one. All else stays in that of the beginning.
    """

    def __init__(self):
        self.ours = self.own = os.getcwd()

    def __enter__(self):
        if self.own != self.ours:
            os.chdir(self.own)

    def __exit__(self, *exception):
        try:
            now = os.getcwd()
        except OSError:             # it has removed its own
            now = None
        if now != self.ours:
            os.chdir(self.ours)
        self.own = now or self.ours


def close_quietly(env, folder):
    """
    Close an environment, in its WorkingFolder. One that cannot be closed must not hide how the run
    has ended.
    """
    with contextlib.suppress(*ANYTHING), folder:
        env.close()


def is_of_a_script(env):
    """Whether a class of a RecordedEnv is the started script's own, as nothing else can import."""
    return any(type(layer).__module__ == '__main__'
               for layer in layers(env.inside.outermost))


def env_id(env):
    """The id that Gym knows `env` by, or the name of its class."""
    spec = getattr(env, 'spec', None)
    return spec.id if spec else type(getattr(env, 'unwrapped', env)).__name__


# ------------------------------------------------------------------------------------------------
# Spaces
# ------------------------------------------------------------------------------------------------

# Actions enter the critic as they are: beyond this its values leave float32 within a few updates.
LARGEST_BOUND = 1e6


def check_spaces(env):
    """
    Check that `env` is one for DDPG: observations a vector, actions a vector with bounds.

    Raises:
        BadSetting: It is not.
    """
    x, a = (getattr(env, name, None) for name in ('observation_space', 'action_space'))
    if not (is_vector(a) and np.all(np.isfinite(a.low) & np.isfinite(a.high) & (a.low < a.high))):
        raise BadSetting('env', env_id(env), 'an environment whose actions are a vector with '
                         'finite bounds; its action space is {}'.format(a))
    if not is_vector(x):
        raise BadSetting('env', env_id(env), 'an environment whose observations are a vector; '
                         'its observation space is {}'.format(x))
    low, high = inner_bounds(a)
    if not (np.all(low < high) and max(abs(low).max(), abs(high).max()) <= LARGEST_BOUND):
        raise BadSetting('env', env_id(env), 'an environment whose actions have bounds that '
                         'float32 tells apart, and within +-{:.0e}: let a wrapper scale them; its '
                         'action space is {}, with bounds {} and {}'.format(
                             LARGEST_BOUND, a, a.low, a.high))


def is_vector(space):
    """Whether a space, Gym's or Gymnasium's, is a Box of vectors of numbers."""
    return ('Box' in [cls.__name__ for cls in type(space).__mro__]
            and len(space.shape) == 1 and space.shape[0] > 0
            and np.dtype(space.dtype).kind in 'fiu')


def inner_bounds(space):
    """
    The bounds of a Box's actions as float64 numbers that float32 holds exactly, and that lie within
    the Box's own: (low, high), each (act_dim,).
    """
    low, high = np.asarray(space.low, np.float64), np.asarray(space.high, np.float64)
    near_low, near_high = low.astype(np.float32), high.astype(np.float32)
    up, down = np.float32(np.inf), np.float32(-np.inf)
    inner_low = np.where(near_low < low, np.nextafter(near_low, up), near_low)
    inner_high = np.where(near_high > high, np.nextafter(near_high, down), near_high)
    return inner_low.astype(np.float64), inner_high.astype(np.float64)


def float32_box(space):
    """The float32 vectors within a Box, Gym's or Gymnasium's: this very one where it is such."""
    if isinstance(space, Box) and space.dtype == np.float32:
        return space
    low, high = map(np.float32, inner_bounds(space))
    return Box(low, high, dtype=np.float32)


# ------------------------------------------------------------------------------------------------
# Gym's contract
# ------------------------------------------------------------------------------------------------

LIMIT = 'TimeLimit.truncated'       # Gym's key for a time limit that has struck
LARGEST_REWARD = float(np.finfo(np.float32).max)        # that replay buffer and graph can have


def terminal(done, info):
    """
    Whether a step led to a terminal state: a time limit ends an episode, not the task. Where it
    strikes, what would have come still counts.
    """
    return done and not info.get(LIMIT, False)


class Inside:
    """
    Replaces reset, step and seed of the environment inside all gym.Wrappers, and step of each
    wrapper:

    - each layer's step() returns a new info, so that nothing written into it reaches the next step;
      a time limit that one layer reports is in the infos of all layers around it, whatever they do
      with its info;
    - Gymnasium's interface (reset() -> observation, info; step() -> observation, reward,
      terminated, truncated, info; seeds go to reset) becomes Gym's. The first reset tells which
      interface it is.

    It is taken out with `bare`, for pickling.

    Args:
        env (gym.Env): With or without wrappers.

    Attributes:
        outermost, env: The environment with all of its wrappers, and without Gym's.
        seeds (list): The seed for the next reset: one element, or none.
        running (bool): Whether a method of the environment runs, and calls the others itself.
        limit (bool): Whether a time limit has struck in the last step, at the layers so far.
    """

    def __init__(self, env):
        self.outermost, (*wrappers, env) = env, layers(env, of_gym=True)
        self.env, self.new_interface, self.seeds = env, None, []
        self.running = self.limit = False
        self.own = {name: getattr(env, name) for name in ('reset', 'step', 'seed')
                    if hasattr(env, name)}
        # Bound methods, no closures: copy.deepcopy rebinds them, so that a copy steps itself.
        self.placed = [(env, dict(reset=self.reset, step=self.step, seed=self.seed))] + [
            (layer, dict(step=functools.partial(self.step_of, layer.step))) for layer in wrappers]
        self.was = [{name: vars(layer)[name] for name in methods if name in vars(layer)}
                    for layer, methods in self.placed]
        self.put()

    def put(self):
        """Put the methods of this object in the place of the environment's."""
        for layer, methods in self.placed:
            for name, method in methods.items():
                setattr(layer, name, method)

    def take_out(self):
        """Leave the environment as it was made."""
        for (layer, methods), was in zip(self.placed, self.was):
            for name in methods:
                delattr(layer, name)
            vars(layer).update(was)

    @contextlib.contextmanager
    def bare(self):
        """Within it, the environment is as it was made: it, with all of its wrappers."""
        self.take_out()
        try:
            yield self.outermost
        finally:
            self.put()

    def reset(self, **kwargs):
        """The observation."""
        if self.running:
            return self.own['reset'](**kwargs)
        if self.seeds and not takes_seed(self.own['reset']):
            # To the innermost reset that takes one: those around it may not hand it on.
            seed = self.seeds.pop()
            for inner in reversed(layers(self.env)[1:]):
                if takes_seed(inner.reset):
                    seeded(lambda seed: self._run(inner.reset, seed=seed), seed)
                    break
        elif self.seeds:
            kwargs.setdefault('seed', self.seeds.pop())
        if 'seed' in kwargs:
            returned = seeded(lambda seed: self._run(self.own['reset'], **dict(kwargs, seed=seed)),
                              kwargs['seed'])
        else:
            returned = self._run(self.own['reset'], **kwargs)
        if self.new_interface is None:
            self.new_interface = (isinstance(returned, tuple) and len(returned) == 2
                                  and isinstance(returned[1], dict))
        return returned[0] if self.new_interface and isinstance(returned, tuple) else returned

    def step(self, a):
        """Observation, reward, done, info."""
        if self.running:
            return self.own['step'](a)
        returned = self._run(self.own['step'], a)
        if self.new_interface and isinstance(returned, tuple) and len(returned) == 5:
            o, r, ended, truncated, info = returned
            returned = o, r, ended or truncated, dict(info, **{LIMIT: truncated and not ended})
        self.limit = False
        return self._with_own_info(returned)

    def step_of(self, own, a):
        """What a wrapper's own step() returns, with an info of its own."""
        self.limit = False                  # a wrapper may return without stepping what it wraps
        return self._with_own_info(own(a))

    def _with_own_info(self, returned):
        if not (isinstance(returned, (tuple, list)) and len(returned) == 4
                and isinstance(returned[3], dict)):
            return returned
        o, r, done, info = returned
        own = dict(info)
        said = info.pop(LIMIT, False)       # some environments return one dict at every step
        if self.limit:
            own[LIMIT] = True
        elif said is not False and not np.ndim(said):
            self.limit = bool(said)
        return o, r, done, own

    def seed(self, seed=None):
        """Seed the environment, now or by its next reset."""
        if not self.running:
            self.seeds = [] if seed is None else [seed]
        return self.own['seed'](seed) if 'seed' in self.own else [seed]

    def _run(self, method, *args, **kwargs):
        """Call a method of the environment, which may call its others as it has made them."""
        self.running = True
        try:
            return method(*args, **kwargs)
        finally:
            self.running = False


def seeded(method, seed):
    """method(seed); if that raises, and the seed has over 31 bits, again with its lowest 31."""
    try:
        return method(seed)
    except ANYTHING:
        if seed is None or seed < 2 ** 31:
            raise
        return method(seed % 2 ** 31)


def takes_seed(reset):
    """Whether a reset has the keyword `seed`, as Gymnasium's have."""
    try:
        return 'seed' in inspect.signature(reset).parameters
    except (TypeError, ValueError):         # a builtin
        return False


class Legal:
    """
    Makes an action (act_dim,) legal: clipped to the bounds, rounded where the environment's actions
    are whole numbers, and of their type.

    Args:
        low, high (arrays): The bounds, (act_dim,).
        sent (dtype): The type of the environment's actions.

    Raises (when called):
        NotFinite: The action is NaN.
    """

    def __init__(self, low, high, sent):
        self.low, self.high, self.sent = low, high, sent

    def __call__(self, a):
        a = np.clip(a, self.low, self.high).astype(np.float32)
        if not np.isfinite(a).all():
            raise NotFinite('an action to be sent is not a number: {}'.format(in_short(a)))
        return (a if self.sent.kind == 'f' else np.rint(a)).astype(self.sent)


class CheckedEnv(gym.Wrapper):
    """
    An environment held to Gym's contract: reset() -> observation, step(action) -> (observation,
    reward, done, info). It gives float32 copies of observations, float rewards, bool dones, and an
    info of its own; what it sends is a copy.

    Args:
        env (gym.Env): Its spaces are checked (see `check_spaces`). Gymnasium's will do.
        watch (guard.Watch): Of the values that it returns.
        folder (WorkingFolder): Where it was made. None: in the current one.

    Attributes:
        action_space (gym.spaces.Box): float32; what an agent may choose. All of it lies within the
            environment's own bounds, whatever their type.
        observation_space (gym.spaces.Box): Of the copies, float32.
        low, high (arrays): The bounds of the actions, float64.
        legal (Legal): Clips an action to the bounds, and gives it the environment's type.

    Raises (by reset and step):
        EnvironmentFault: The environment raises, or returns something else.
        NotFinite: An observation or a reward is NaN or infinite.
    """

    def __init__(self, env, watch, folder=None):
        # Not by gym.Wrapper's own __init__: Gymnasium's environments lack what it copies.
        self.env, self.watch, self.folder = env, watch, folder or WorkingFolder()
        self.action_space = float32_box(env.action_space)
        self.observation_space = float32_box(env.observation_space)
        self.low, self.high = inner_bounds(self.action_space)
        self.legal = Legal(self.low, self.high, np.dtype(env.action_space.dtype))
        self.inside = Inside(env)

    def seed(self, seed):
        before = random_states(self)
        try:
            for layer in layers(self.env):
                for name in ('action_space', 'observation_space'):
                    try:
                        own = getattr(layer, name)
                        if own is not self.action_space and own is not self.observation_space:
                            own.seed(seed)
                    except ANYTHING:
                        if layer is self.env:       # what an inner one calls a space may be none
                            raise
            with self.folder:
                seeded(self.env.seed, seed)
        except ANYTHING as error:
            raise BadSetting('env', env_id(self.env), 'an environment that can be seeded; its '
                             'seed() raises ' + described_error(error)) from None
        seed_the_rest(self, before, seed)

    def reset(self):
        o = self._observation(self._call(self.env.reset))
        self.watch.finite(observation=o)
        return o

    def step(self, a):
        returned = self._call(self.env.step, np.array(a))
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
        if LIMIT in info and np.ndim(info[LIMIT]):
            self._fault('its info has a ' + LIMIT + ' of {}: expected True or False', info[LIMIT])
        if LARGEST_REWARD < abs(r) < np.inf:
            raise NotFinite('the reward {} is beyond what float32 holds, {}'.format(
                str(r)[:20], self.watch.when()))
        self.watch.finite(observation=o, reward=float(r))
        return o, float(r), bool(done), dict(info)

    def _call(self, method, *args):
        try:
            with self.folder:
                return method(*args)
        except ANYTHING as error:
            where = traceback.extract_tb(error.__traceback__)[-1]
            raise EnvironmentFault('the environment raised {}: {} {} (line {} of {}, in {})'.format(
                type(error).__name__, ' '.join(str(error).split()), self.watch.when(), where.lineno,
                os.path.basename(where.filename), where.name)) from error

    def _observation(self, o):
        try:
            copy = np.array(o, np.float32)
        except ANYTHING:                    # whatever an object of the environment's own raises
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
