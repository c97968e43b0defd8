"""
test_environments.py: environments as people have them: what they change, share, keep and return,
and what is stored of it. The rows of docs/environments.md.
"""
import copy
import dataclasses
import enum
import itertools
import os
import random
import re
import shutil
import signal
import subprocess
import tempfile

import gym
import numpy as np
import pytest
from gym.envs.classic_control import PendulumEnv
from gym.spaces import Box
from gym.wrappers import TimeLimit
from hypothesis import given, settings, strategies as st

import ddpg
from harness import envs, truth
from harness.files import read_config
from harness.recorded import DoesNotRepeat, RecordedEnv, generators
from harness.settings import BadSetting
from kit import SMALL, RunFolder, only_run, recorded, refusal, replay_of, run_main


# ---- The loop and the replay buffer against what the environment saw -----------------------------

class Recording(gym.Env):
    """A random legal environment, that writes down what it sees: `seen`."""

    def __init__(self, how, made):
        rng = np.random.RandomState(how['seed'])
        self.how, self.rng, self.seen = how, rng, []
        made.append(self)
        low, high = bounds(rng, how['act_type'], how['act_dim'])
        self.action_space = Box(low, high, dtype=how['act_type'])
        kind = np.dtype(how['obs_type']).kind
        top = 100 if kind in 'iu' else np.inf
        self.observation_space = Box(0 if kind == 'u' else -top, top, (how['obs_dim'],),
                                     how['obs_type'])
        self.o = np.zeros(how['obs_dim'], how['obs_type'])
        self.info = dict(level=3)

    def seed(self, seed=None):
        self.rng.seed(seed)
        return [seed]

    def observe(self):
        new = np.asarray(100 * self.rng.rand(self.how['obs_dim']), self.how['obs_type'])
        if not self.how['shared']:
            return new
        self.o[...] = new           # one and the same array, ever
        return self.o

    def reset(self):
        self.left, self.t = self.rng.randint(1, self.how['longest'] + 1), 0
        self.last = self.observe()
        self.before = self.last.copy()
        return (self.last, dict()) if self.how['new_interface'] else self.last

    def step(self, a):
        assert isinstance(a, np.ndarray) and a.dtype == self.action_space.dtype
        assert np.all(a >= self.action_space.low) and np.all(a <= self.action_space.high)
        sent = a.copy()
        if self.how['in_place']:
            a[...] = 0
        self.left -= 1
        o, r, done = self.observe(), float(self.rng.randn()), self.left == 0
        self.seen.append((self.before, sent, r, o.copy(), done))
        self.before = o.copy()
        self.t += 1
        limit = self.t == self.how['own_limit']
        info = self.info if self.how['shared'] else dict(level=3)
        if self.how['new_interface']:
            return o, r, done, limit, info
        if limit and not done:
            info['TimeLimit.truncated'] = True          # and never False
        return o, r, done or limit, info


def bounds(rng, dtype, dim):
    """Random asymmetric bounds of a type, (dim,) each."""
    dtype = np.dtype(dtype)
    if dtype.kind in 'iu':
        least, most = max(np.iinfo(dtype).min, -1000), min(np.iinfo(dtype).max, 1000)
        low = rng.randint(least, most - 1, size=dim)
        return low.astype(dtype), (low + 1 + rng.randint(0, most - low)).astype(dtype)
    size = 10. ** rng.randint(-3, 4)
    low = (size * rng.randn(dim)).astype(dtype)
    return low, (low + dtype.type(size * (0.1 + rng.rand()))).astype(dtype)


DTYPES = 'f2 f4 f8 g i1 i2 i4 i8 u1 u2 u4 u8'.split()       # g: what C calls long double


class Copies(gym.Wrapper):
    """Gives an info of its own."""
    def step(self, a):
        o, r, done, info = self.env.step(a)
        return o, r, done, dict(info, more=1)


@settings(max_examples=200, deadline=None)
@given(st.fixed_dictionaries(dict(
    seed=st.integers(0, 2 ** 31), act_dim=st.integers(1, 20), obs_dim=st.integers(1, 20),
    act_type=st.sampled_from(DTYPES), obs_type=st.sampled_from(DTYPES),
    longest=st.integers(1, 30), shared=st.booleans(), in_place=st.booleans(),
    new_interface=st.booleans(), limits=st.lists(st.integers(1, 20), max_size=3),
    own_limit=st.integers(0, 20), copies=st.booleans(),
    max_ep_len=st.integers(1, 40), start_steps=st.integers(0, 40))))
def test_what_is_stored_is_what_the_environment_saw(tmp_path_factory, how):
    made = []

    def env_fn():
        env = Recording(how, made)
        for limit in how['limits']:
            env = TimeLimit(Copies(env) if how['copies'] else env, limit)
        return env

    replay = replay_of(env_fn, tmp_path_factory.mktemp('run'), seed=how['seed'] % 1000,
                       start_steps=how['start_steps'], max_ep_len=how['max_ep_len'])
    seen = made[0].seen
    assert len(made) == 2 and len(seen) == len(replay) == 60
    for i, (x, a, r, x2, done) in enumerate(seen):
        np.testing.assert_array_equal(replay.x[i], np.float32(x))
        np.testing.assert_array_equal(replay.a[i], a.astype(np.float64))    # to the last digit
        assert replay.r[i] == np.float32(r)
        np.testing.assert_array_equal(replay.x2[i], np.float32(x2))
        assert replay.d[i] == done, 'a limit is no end of the task'


class Global(gym.Env):
    """Draws from NumPy's global stream, and from a space that all of the class share."""
    action_space, observation_space = Box(-1, 1, (1,), np.float32), Box(-9, 9, (1,), np.float32)

    def reset(self):
        return self.observation_space.sample() * np.random.rand()

    def step(self, a):
        return self.reset(), 0., False, {}


def test_testing_draws_nothing_from_what_training_draws_from(tmp_path):
    few, many = (replay_of(Global, tmp_path / str(n), num_test_episodes=n, max_ep_len=10,
                           epochs=3, steps_per_epoch=20).x[:60] for n in (1, 3))
    assert len(np.unique(few)) == 60
    np.testing.assert_array_equal(few, many)


def test_limits_between_wrappers_stay_and_reach_no_later_step():
    class Ends(Still):
        """At its third step in the first episode by its own limit, else at its fifth."""
        def __init__(self, own_limit=False):
            super().__init__()
            self.own_limit, self.episodes, self.info = own_limit, 0, {}

        def reset(self):
            self.t, self.episodes = 0, self.episodes + 1
            return np.zeros(1)

        def step(self, a):
            self.t += 1
            limit = self.own_limit and self.t == 3 and self.episodes == 1
            if limit:
                self.info['TimeLimit.truncated'] = True
            return np.zeros(1), 0., limit or self.t == 5, self.info

    class Keeps(gym.Wrapper):
        """Gives one and the same info, ever."""
        kept = {}

        def step(self, a):
            return self.env.step(a)[:3] + (self.kept,)

    def ends(env, episodes):
        found, env = [], recorded(env)
        for _ in range(episodes):
            env.reset()
            done = False
            while not done:
                _, _, done, info = env.step(np.zeros(1))
            found.append((env.ep_len, envs.terminal(done, info)))
        return found

    class Overwrites(Own):
        """Tells its limit, and at each step that there is none, in an info of its own."""
        def told(self, info, limit):
            return {'TimeLimit.truncated': limit}

    class Drops(gym.Wrapper):
        def step(self, a):
            return self.env.step(a)[:3] + ({},)

    class GivesUp(gym.Wrapper):
        """Ends its second episode, as a task, without a step of what it wraps."""
        episodes = 0

        def reset(self):
            self.episodes += 1
            return self.env.reset()

        def step(self, a):
            return (np.zeros(1), 0., True, {}) if self.episodes == 2 else self.env.step(a)

    assert ends(GivesUp(TimeLimit(Ends(), 3)), 2) == [(3, False), (1, True)]
    assert ends(Overwrites(TimeLimit(Ends(), 3)), 2) == [(3, False)] * 2
    assert ends(Overwrites(Drops(Overwrites(Ends()))), 1) == [(3, False)]
    assert ends(Drops(TimeLimit(Ends(), 3)), 1) == [(3, False)]
    assert ends(Drops(TimeLimit(Ends(), 7)), 1) == [(5, True)]
    assert ends(Ends(own_limit=True), 2) == [(3, False), (5, True)]
    assert ends(TimeLimit(Copies(TimeLimit(Ends(), 3)), 3), 2) == [(3, False)] * 2
    for env in (TimeLimit(Keeps(Ends()), 7), Copies(TimeLimit(Keeps(Ends()), 7))):
        assert ends(env, 1) == [(5, True)]
        limit = env if isinstance(env, TimeLimit) else env.env
        limit._max_episode_steps = 3
        assert ends(env, 1) == [(3, False)]
        limit._max_episode_steps = 7
        assert ends(env, 1) == [(5, True)]


# ---- Actions -------------------------------------------------------------------------------------

def test_bounds_that_float32_rounds_outward_stay_within():
    for low, high in ((-0.1, 0.1), (0.7, 1.3), (-1 / 3, 2 / 3)):
        space = Box(low, high, (1,), np.float64)
        inner_low, inner_high = envs.inner_bounds(space)
        assert low <= inner_low[0] and inner_high[0] <= high
        assert np.float32(inner_low[0]) == inner_low[0] and inner_high[0] - inner_low[0] > 0.99 * (
            high - low)


class Still(gym.Env):
    """Does nothing; with spaces to choose."""

    def __init__(self, action_space=Box(-1, 1, (1,), np.float32),
                 observation_space=Box(-1, 1, (1,), np.float32)):
        self.action_space, self.observation_space = action_space, observation_space

    def reset(self):
        return np.zeros(self.observation_space.shape)

    def step(self, a):
        return np.zeros(self.observation_space.shape), 0., False, {}


@pytest.mark.parametrize('space', [
    Box(np.float32([-3e38]), np.float32([3e38])), Box(-1e10, 1e10, (2,), np.float32),
    Box(1, 1 + 1e-12, (1,), np.float64), Box(-2 ** 40, 2 ** 40, (1,), np.int64)])
def test_spaces_that_float32_cannot_hold_are_refused_by_name(space, tmp_path):
    with pytest.raises(BadSetting, match=r'env=Still: expected .*float32.*Box'):
        ddpg.ddpg(lambda: Still(space), logger_kwargs=dict(output_dir=str(tmp_path / 'run')))
    assert not (tmp_path / 'run').exists()


def test_the_largest_bounds_that_are_accepted_train(tmp_path):
    space = Box(-envs.LARGEST_BOUND, envs.LARGEST_BOUND, (2,), np.float32)
    ddpg.ddpg(lambda: Still(space), logger_kwargs=dict(output_dir=str(tmp_path)),
              **dict(SMALL, steps_per_epoch=400))
    assert np.isfinite(float(RunFolder(str(tmp_path)).columns['LossQ'][0]))


# ---- Limits, and what one step leaves to the next ------------------------------------------------

class Own(gym.Wrapper):
    """A limit of someone's own, that tells it by update()."""
    t = 0

    def reset(self):
        self.t = 0
        return self.env.reset()

    def step(self, a):
        o, r, done, info = self.env.step(a)
        self.t += 1
        return o, r, done or self.t == 3, self.told(info, self.t == 3 and not done)

    def told(self, info, limit):
        if self.t == 3:
            info.update({'TimeLimit.truncated': limit})
        return info


def ends(env, steps=3):
    """(done, terminal) of the last of some steps."""
    env = recorded(env)
    env.reset()
    for _ in range(steps):
        _, _, done, info = env.step(np.zeros(1, np.float32))
    return done, envs.terminal(done, info)


def test_two_limits_at_one_step_are_a_limit():
    assert ends(TimeLimit(TimeLimit(Still(), 3), 3)) == (True, False)
    assert ends(TimeLimit(Own(Still()), 3)) == (True, False)
    assert ends(Own(TimeLimit(Own(Still()), 3))) == (True, False)
    assert ends(TimeLimit(TimeLimit(Still(), 3), 4)) == (True, False)


def test_a_shared_info_keeps_nothing_of_an_earlier_episode():
    class Shares(Still):
        info, t = {}, 0

        def step(self, a):
            self.t += 1
            return np.zeros(1), 0., self.t == 5, self.info

    class Between(gym.Wrapper):         # has a dict of its own, in the place of what it is given
        own = {}

        def step(self, a):
            o, r, done, _ = self.env.step(a)
            return o, r, done, self.own

    for env in (TimeLimit(Shares(), 3), TimeLimit(Between(Shares()), 3)):
        env = recorded(env)
        env.reset()
        for _ in range(3):
            _, _, done, info = env.step(np.zeros(1))
        assert done and not envs.terminal(done, info)
        env.reset()
        for _ in range(2):
            _, _, done, info = env.step(np.zeros(1))
        assert done and envs.terminal(done, info), 'its own end, at its fifth step'


# ---- Gymnasium's interface -----------------------------------------------------------------------

class Narrow(Still):
    """Is seeded by C code, which takes an int."""

    def seed(self, seed=None):
        if seed >= 2 ** 31:
            raise OverflowError
        self.seeded = seed
        return [seed]


class NarrowNew(Still):
    """The same, of Gymnasium's interface."""
    resets = 0

    def reset(self, seed=None, options=None):
        self.resets += 1
        if seed is not None and seed >= 2 ** 31:
            raise OverflowError
        self.seeded = seed
        return super().reset(), {}


def test_a_seed_that_is_too_large_for_an_environment_is_made_smaller():
    env = recorded(Narrow())
    for seed, its_own in ((7, 7), (2 ** 31 - 1, 2 ** 31 - 1), (2 ** 31 + 5, 5)):
        env.seed(seed)
        assert env.inside.env.seeded == its_own
    new = recorded(NarrowNew())
    for seed, its_own in ((7, 7), (2 ** 31 + 5, 5)):
        new.seed(seed)
        new.reset()
        assert new.inside.env.seeded == its_own
    assert new.inside.env.resets == 3


class New:
    """Gymnasium's interface, without its module: it is no gym.Env, and its seeds go to reset."""
    class Space:
        def __init__(self, low, high):
            self.low, self.high = np.float64(low), np.float64(high)
            self.shape, self.dtype = self.low.shape, np.dtype(np.float64)

        def seed(self, seed=None):
            pass

    Space.__name__ = 'Box'
    action_space, observation_space = Space([-2.], [2.]), Space([-1., -1.], [1., 1.])
    closed = 0

    def reset(self, *, seed=None, options=None):
        if seed is not None:
            self.rng = np.random.default_rng(seed)
        self.t = 0
        return self.rng.uniform(-1, 1, 2), {}

    def step(self, a):
        self.t += 1
        assert a.dtype == np.float64
        return self.rng.uniform(-1, 1, 2), float(a[0]), self.t == 7, self.t == 9, {}

    def close(self):
        New.closed += 1


def test_gymnasiums_environments_train(tmp_path):
    tables, closed = [], New.closed
    for name in 'ab':
        ddpg.ddpg(New, logger_kwargs=dict(output_dir=str(tmp_path / name)), **SMALL)
        tables.append(RunFolder(str(tmp_path / name)).columns)
    assert tables[0] == tables[1], 'and are seeded'
    assert tables[0]['NumTerminals'] == ('8',) and New.closed == closed + 4


class Early(New):
    """It has its generator from the beginning, not from its first reset."""
    def __init__(self):
        self.rng = np.random.default_rng()


class Wrapped:
    """A wrapper of Gymnasium's: no gym.Wrapper; its reset hands on whatever it is given."""
    def __init__(self, made=New):
        self.env = made()
        self.action_space, self.observation_space = New.action_space, New.observation_space

    def reset(self, **kwargs):
        return self.env.reset(**kwargs)

    def step(self, a):
        return self.env.step(a)

    def close(self):
        self.env.close()


class Settles(New):
    """Its reset seeds it, and takes steps, by its own methods, as they are."""
    def seed(self, seed):
        self.rng = np.random.default_rng(seed)

    def reset(self, *, seed=None, options=None):
        self.t = 0
        if seed is not None:
            self.seed(seed)
        for _ in range(2):
            o, _, _, _, info = self.step(np.zeros(1))
        return o, info


class Keeps(Wrapped):
    """It hands nothing on."""
    def reset(self):
        return self.env.reset()


class Translates(gym.Env):
    """Gym's interface around Gymnasium's."""
    action_space, observation_space = Box(-2, 2, (1,)), Box(-1, 1, (2,))

    def __init__(self):
        self.env = Early()

    def reset(self):
        return self.env.reset()[0]

    def step(self, a):
        o, r, ended, _, info = self.env.step(a.astype(np.float64))
        return o, r, ended, info


def test_each_episode_is_another_one_whoever_is_seeded():
    for made in (New, Early, Wrapped, lambda: Wrapped(Early), lambda: Keeps(Early), Translates,
                 Settles, Adapter):
        env, again = recorded(made()), recorded(made())
        env.seed(3)
        again.seed(3)
        first, second = ([each.reset() for _ in range(3)] for each in (env, again))
        np.testing.assert_array_equal(first, second)
        assert len(np.unique(first, axis=0)) == 3


def test_the_spaces_of_all_layers_are_seeded():
    class Draws(Still):
        def __init__(self):
            super().__init__(observation_space=Box(-1, 1, (1,), np.float32))

        def reset(self):
            return self.observation_space.sample()

    class Shadowed(gym.ObservationWrapper):
        def __init__(self, env):
            super().__init__(env)
            self.observation_space = Box(-2, 2, (1,), np.float32)

        def observation(self, o):
            return o

    env, again = recorded(Shadowed(Draws())), recorded(Shadowed(Draws()))
    env.seed(3)
    again.seed(3)
    assert env.reset() == again.reset()


@pytest.mark.parametrize('own', [np.random.RandomState, np.random.default_rng, random.Random])
def test_no_environment_draws_the_noise_s_numbers(own):
    class Draws(Still):
        def seed(self, seed=None):
            self.rng = own(seed)
            np.random.seed(seed)

    def drawn(seed):
        env, noise = recorded(Draws()), np.random.RandomState(seed)
        env.seed(seed)
        assert noise.uniform() not in (env.env.env.rng.uniform(0, 1), np.random.uniform())
        return env.env.env.rng.uniform(0, 1), np.random.uniform()

    assert drawn(3) == drawn(3) and drawn(3) != drawn(4)


class Raises:
    def __getattr__(self, name):
        raise RuntimeError(name)


class Slots:
    __slots__ = ()

    def reset(self):
        pass

    def step(self, a):
        pass


class Simulator:
    action_space, reset = 3, max

    def step(self, a):
        pass


@pytest.mark.parametrize('inner', [
    lambda holder: holder, lambda _: Raises(), lambda _: Slots(), lambda _: Simulator(),
    lambda _: Simulator], ids=['itself', 'Raises', 'Slots', 'Simulator', 'a class'])
def test_an_attribute_named_env_may_be_anything(inner, tmp_path):
    class Holds(Still):
        def __init__(self):
            super().__init__()
            self.env, self.other = inner(self), Raises()

    folder = str(tmp_path / 'run')
    replay_of(Holds, folder)
    assert len(replay_of(Holds, folder, epochs=2, resume=folder)) == 120


@pytest.mark.parametrize('made', [New, Early, Wrapped, Keeps, Translates, Settles])
@pytest.mark.parametrize('before', [True, False])
@pytest.mark.parametrize('episodes', [0, 1, 2, 3, 4])
def test_gymnasiums_environments_come_back(made, before, episodes):
    def play(env):
        return [env.reset()] + [env.step(np.zeros(1))[0] for _ in range(3)]

    env, again = recorded(made()), recorded(made())
    env.seed(5)
    for _ in range(episodes):
        play(env)
    state = env.get_state(before)
    again.seed(5)                       # as a run that goes on does
    again.set_state(state)
    np.testing.assert_array_equal([play(env), play(env)], [play(again), play(again)])


@pytest.mark.parametrize('made', [New, Early])
def test_the_critic_alone_trains_in_gymnasiums_environments(made, tmp_path, few_states):
    settings = dict(SMALL, policy='random', gamma=0.5, save_freq=1)
    whole, part = (str(tmp_path / name) for name in ('whole', 'part'))
    ddpg.ddpg(made, logger_kwargs=dict(output_dir=whole), **dict(settings, epochs=2))
    ddpg.ddpg(made, logger_kwargs=dict(output_dir=part), **settings)
    ddpg.ddpg(made, logger_kwargs=dict(output_dir=part), resume=part, **dict(settings, epochs=2))
    RunFolder(part).assert_same_as(RunFolder(whole))


def test_terminated_is_terminal_and_truncated_a_limit():
    class Truncated(New):
        def step(self, a):
            o, r, _, _, info = super().step(a)
            return o, r, self.t == self.end, self.t >= 4, info

    for end, expected in ((9, (True, False)), (4, (True, True)), (3, (True, True))):
        env = Truncated()
        env.end = end
        one = recorded(env)
        one.seed(0)
        one.reset()
        for _ in range(min(end, 4)):
            _, _, done, info = one.step(np.zeros(1))
        assert (done, envs.terminal(done, info)) == expected


def test_arguments_are_each_environment_s_own(tmp_path):
    class Options(Still):
        def __init__(self, options):
            super().__init__()
            self.size = options.pop('size')

    ddpg.ddpg(Options, env_kwargs=dict(options=dict(size=1)),
              logger_kwargs=dict(output_dir=str(tmp_path)), **SMALL)
    assert read_config(str(tmp_path))['env_kwargs'] == dict(options=dict(size=1))


class Answers:
    """Answers to every name, as a stand-in for an object that is elsewhere does."""

    def __getattr__(self, name):
        return Answers()

    def __call__(self, *args):
        raise ConnectionRefusedError


@pytest.mark.parametrize('held', [random.SystemRandom(), Answers()])
def test_what_has_no_state_to_save_is_not_asked(held):
    class Holds(Still):
        def __init__(self):
            super().__init__()
            self.held = held

    env = recorded(Holds())
    env.seed(0)
    env.reset()
    env.set_state(env.get_state())


def test_an_environment_is_left_as_it_was_made(tmp_path):
    made = []
    ddpg.ddpg(lambda: made.append(TimeLimit(Still(), 9)) or made[-1],
              logger_kwargs=dict(output_dir=str(tmp_path)), **SMALL)
    assert [sorted(vars(env.env)) for env in made] == [['action_space', 'observation_space']] * 2
    assert made[0].env.step.__func__ is Still.step


# ---- What is refused, by one line ----------------------------------------------------------------

@pytest.mark.parametrize('env_fn, said', [
    (gym.make('Pendulum-v0'), 'a function that makes an environment'),
    (7, 'a function that makes an environment'),
    (lambda env=gym.make('Pendulum-v0'): env, 'a function that makes a new environment'),
    # Not of Gym's own: TimeLimit writes its limit into the registry's entry of what it wraps.
    (lambda env=Still(): TimeLimit(env, 9),
     'a function that makes a new environment at each call, not two that wrap or hold the same'),
    (lambda env=PendulumEnv(): Adapter(env), 'a function that makes a new environment')])
def test_what_makes_no_two_environments(env_fn, said, tmp_path):
    with pytest.raises(BadSetting, match='env_fn=.*expected ' + said):
        ddpg.ddpg(env_fn, logger_kwargs=dict(output_dir=str(tmp_path / 'run')), **SMALL)
    assert not (tmp_path / 'run').exists()


def test_at_most_two_are_open_and_all_are_closed(tmp_path, few_states):
    counts = dict(open=0, most=0)

    class Licensed(Still):
        def __init__(self):
            super().__init__()
            counts['open'] += 1
            counts['most'] = max(counts.values())
            if counts['open'] > 2:
                raise RuntimeError('no more than two')

        def close(self):
            counts['open'] -= 1

        def seed(self, seed=None):
            if self.fails:
                raise ValueError('no seeds\nhere')

        fails = False

    for kwargs in ({}, dict(policy='random', gamma=0.5)):
        ddpg.ddpg(Licensed, logger_kwargs=dict(output_dir=str(tmp_path / 'run')),
                  **dict(SMALL, **kwargs))
        assert counts['open'] == 0 and counts['most'] == 2
    Licensed.fails = True
    with pytest.raises(BadSetting, match='can be seeded; its seed.. raises ValueError: no seeds$'):
        ddpg.ddpg(Licensed, logger_kwargs=dict(output_dir=str(tmp_path / 'other')), **SMALL)
    assert counts['open'] == 0 and not (tmp_path / 'other').exists()


def test_an_environment_that_cannot_be_closed_hides_nothing(tmp_path):
    """PyBullet's raise where they were never reset."""
    class Stuck(Still):
        def close(self):
            raise AttributeError('no connection')

    ddpg.ddpg(Stuck, logger_kwargs=dict(output_dir=str(tmp_path / 'a')), **SMALL)
    with pytest.raises(ValueError, match='got pi'):
        ddpg.ddpg(Stuck, actor_critic=lambda *args, **kwargs: (1., 2.),
                  logger_kwargs=dict(output_dir=str(tmp_path / 'b')), **SMALL)


def test_modules_and_packages_that_are_missing(monkeypatch, capsys, tmp_path, env_module):
    monkeypatch.chdir(tmp_path)
    assert 'nowhere.py has to be on PYTHONPATH' in refusal(capsys, '--env', 'nowhere:Env-v0')
    env_module('needs', 'import gym\ndef make():\n    import Box2D\n'
               'gym.register("Needs-v0", entry_point=make)\n')
    for name, package in (('needs:Needs-v0', 'box2d-py'), ('LunarLanderContinuous-v2', 'box2d-py'),
                          ('pybullet_envs:HopperBulletEnv-v0', 'pybullet')):
        assert refusal(capsys, '--env', name).endswith(': pip install {}\n'.format(package))
    for name, text, said in (
            ('lacks', 'import absent', "ModuleNotFoundError: No module named 'absent'"),
            ('fails', 'raise ImportError("no licence")', 'ImportError: no licence'),
            ('older', 'import gym\nraise gym.error.Error("too old")', 'Error: too old')):
        env_module(name, text + '\n')
        assert 'can be imported; it raises ' + said in refusal(capsys, '--env', name + ':Env-v0')


# ---- What can be resumed -------------------------------------------------------------------------

STATEFUL = '''
import gym
import numpy as np
from gym.envs.classic_control import PendulumEnv


class Mean:
    """A running mean of vectors."""
    def __init__(self):
        self.n, self.mean = 0, np.zeros(3)

    def add(self, x):
        self.n += 1
        self.mean += (x - self.mean) / self.n


class Centred(gym.ObservationWrapper):
    """Takes the running mean off observations; it goes on over all episodes."""
    def __init__(self, env):
        super().__init__(env)
        self.of = Mean()

    def observation(self, o):
        self.of.add(o)
        return o - self.of.mean


class Remembers(gym.Wrapper):
    """Adds to its rewards what no one sees: how often it was ever reset."""
    def __init__(self, env):
        super().__init__(env)
        self.hidden = [0]

    def reset(self):
        self.hidden[0] += 1
        return self.env.reset()

    def step(self, a):
        o, r, done, info = self.env.step(a)
        return o, r + self.hidden[0], done, info


for name, wrapper in dict(Centred=Centred, Remembers=Remembers).items():
    gym.register(name + '-v0', entry_point=lambda w=wrapper: w(PendulumEnv()), max_episode_steps=90)
'''
FLAGS = ('--epochs 3 --steps-per-epoch 200 --start-steps 100 --update-after 50 --hid 8 8 --seed 4 '
         '--num-test-episodes 1 --save-freq 1').split()


def stopped_at(step, monkeypatch):
    """Let a SIGTERM come at a step of training."""
    seen = [0]
    original = RecordedEnv.step

    def counted(self, a):
        returned = original(self, a)
        if self.watch.when().startswith('at step'):
            seen[0] += 1
            if seen[0] == step:
                os.kill(os.getpid(), signal.SIGTERM)
        return returned

    monkeypatch.setattr(RecordedEnv, 'step', counted)


@pytest.mark.parametrize('name, repeats', [('Centred', True), ('Remembers', False)])
def test_a_state_of_its_own_is_saved_or_resuming_is_refused(
        name, repeats, env_module, tmp_path, monkeypatch, capsys):
    env_module('stateful', STATEFUL)
    words = ['--env', 'stateful:{}-v0'.format(name)] + FLAGS
    assert run_main(capsys, *words, '--data-dir', tmp_path / 'whole')[0] is None
    with monkeypatch.context() as patch:
        stopped_at(330, patch)
        assert run_main(capsys, *words, '--data-dir', tmp_path / 'cut')[0] == 143
    cut = only_run(tmp_path / 'cut')
    code, out, err = run_main(capsys, '--resume', cut)
    if repeats:
        assert code is None and 'after step 330' in out
        RunFolder(cut).assert_same_as(RunFolder(only_run(tmp_path / 'whole')))
    else:
        assert code == 2 and 'does not repeat' in err and err.count('\n') == 1


class Phase(enum.Enum):
    UP, DOWN = 1, 2


@dataclasses.dataclass(frozen=True)
class Frozen:
    k: int


def test_what_is_no_state_is_not_written_into(tmp_path):
    class Holds(Still):
        def __init__(self):
            super().__init__()
            self.phase, self.settings, self.t = Phase.UP, Frozen(k=1), 0
            self.process = subprocess.Popen(['true'])
            self.process.wait()

        def step(self, a):
            self.phase, self.t = Phase.DOWN, self.t + 1
            return np.zeros(1), float(self.t), False, {}

        def reset(self):
            self.phase = Phase.UP
            return np.zeros(1)

    env, again = recorded(Holds()), recorded(Holds())
    env.reset()
    env.step(np.zeros(1))
    inner = again.unwrapped
    pid = inner.process.pid
    again.set_state(env.get_state())
    assert inner.process.pid == pid and inner.settings.k == 1 and inner.t == 1
    assert Phase.UP.value == 1 and inner.phase is Phase.DOWN


def test_what_the_last_episode_left_is_compared_too():
    class Ages(Still):
        """Its observations depend on how many episodes it has played."""
        def __init__(self):
            super().__init__()
            self.hidden = [0]

        def reset(self):
            self.hidden[0] += 1
            return np.array([self.hidden[0] > 2])

    env = recorded(Ages())
    for _ in range(4):
        env.reset()
        env.step(np.zeros(1))
    state = env.get_state()
    with pytest.raises(DoesNotRepeat, match='the 1 actions of the last episode lead to another'):
        recorded(Ages()).set_state(state)


class Sim:
    """Has its own generator, and its running mean is called as a function."""

    def __init__(self):
        self.rng, self.n, self.mean = np.random.RandomState(), 0, np.zeros(1)

    def __call__(self, x):
        self.n += 1
        self.mean += (x - self.mean) / self.n
        return x - self.mean


class Simulated(Still):
    """What it is made of is in an object of its own, and goes on over episodes."""

    def __init__(self):
        super().__init__()
        self.sim = Sim()

    def reset(self):
        return self.sim(self.sim.rng.randn(1))

    def step(self, a):
        return self.sim(a + self.sim.rng.randn(1)), 0., self.sim.n % 5 == 0, {}


class Task:
    def __init__(self, rng):
        self.rng = rng


class Tasks(Still):
    """Has an object in some of its episodes only, with a generator of its own or with its own."""

    def __init__(self, shared):
        super().__init__()
        self.shared = shared
        self.seed()

    def seed(self, seed=None):
        self.np_random = np.random.RandomState(seed)
        return [seed]

    def reset(self):
        self.task = None
        if self.shared or self.np_random.rand() < 0.5:
            self.task = Task(self.np_random if self.shared else
                             np.random.RandomState(self.np_random.randint(1000)))
        return self.step(None)[0]

    def step(self, a):
        rng = self.task.rng if self.task else self.np_random
        return rng.randn(1), 0., False, {}


class Model:
    """Makes its layers at its first call."""
    built = False

    def __call__(self, x):
        if not self.built:
            self.layers, self.built = [2., 3.], True
        return self.layers[0] * x + self.layers[1]


class Built(Still):
    """Makes what it wraps in its first reset; observes by a model."""

    def __init__(self):
        super().__init__()
        self.model = Model()

    def reset(self):
        if not hasattr(self, 'env'):
            self.env = gym.make('Pendulum-v0').unwrapped
        return self.model(self.env.reset()[:1])

    def step(self, a):
        return self.model(self.env.step(a)[0][:1]), 0., False, {}


class Flagged(Still):
    """Makes its simulation in its first reset, after which a flag says that it is there."""

    def __init__(self):
        super().__init__()
        self.sims, self.built, self.rng = None, False, np.random.RandomState()

    def seed(self, seed=None):
        self.rng.seed(seed)

    def reset(self):
        if not self.built:
            self.sims, self.built = [Sim()], True
        self.q = self.rng.randn(1)
        return self.q

    def step(self, a):
        self.q = self.q + a + len(self.sims)
        return self.q, 0., False, {}


class Adapter(Still):
    """Holds an environment, with a wrapper, under a name of its own; it seeds nothing."""

    def __init__(self, inner=None):
        super().__init__()
        self._inner = inner or TimeLimit(PendulumEnv(), 100)

    def reset(self):
        return self._inner.reset()[:1]

    def step(self, a):
        return self._inner.step(a)[0][:1], 0., False, {}


class Chooses(Adapter):
    """Draws from spaces within spaces."""

    def __init__(self):
        super().__init__()
        self.tasks = gym.spaces.Dict(
            goal=gym.spaces.Tuple([Box(np.zeros(1, np.float32), np.ones(1, np.float32))]))

    def step(self, a):
        return self._inner.step(self.tasks.sample()['goal'][0])[0][:1], 0., False, {}


@pytest.mark.parametrize('made', [lambda: Tasks(False), lambda: Tasks(True), Built, Flagged,
                                  Adapter, Chooses])
@pytest.mark.parametrize('seed', range(6))
def test_what_is_made_in_a_reset_comes_back(made, seed):
    env, fresh = recorded(made()), recorded(made())
    env.seed(seed)
    for _ in range(4):
        env.reset()
        for _ in range(3):
            env.step(np.zeros(1))
    fresh.set_state(env.get_state())
    for _ in range(4):
        np.testing.assert_array_equal(fresh.step(np.zeros(1))[0], env.step(np.zeros(1))[0])
        np.testing.assert_array_equal(fresh.reset(), env.reset())


@pytest.mark.parametrize('made', [lambda: Tasks(False), lambda: Tasks(True), Built])
def test_the_critic_alone_has_a_truth_in_them(made, few_states):
    found = truth.held_out(recorded(made()), 0.5, 100, 0, lambda text: None, lambda: None)
    assert np.isfinite(found['g']).all()


@pytest.mark.parametrize('made', [Flagged, Adapter, Chooses])
def test_what_is_held_under_any_name_is_seeded(made):
    one, same, other = (recorded(made()) for _ in range(3))
    seen = []
    for env, seed in ((one, 3), (same, 3), (other, 4)):
        env.seed(seed)
        env.reset()
        seen.append(np.ravel([env.step(np.zeros(1))[0] for _ in range(3)]))
    np.testing.assert_array_equal(seen[0], seen[1])
    assert not np.array_equal(seen[0], seen[2])


class Scratch(Still):
    """Keeps its state in a folder that goes with it, and counts by a handle."""
    handles = itertools.count()

    def __init__(self, parent):
        super().__init__()
        self.folder, self.handle = tempfile.mkdtemp(dir=parent), next(self.handles)
        self.rooms, self.visits, self.scale = {self.handle: []}, 0, np.random.rand()

    def reset(self):
        return self.step(None)[0]

    def step(self, a):
        self.rooms[self.handle].append(a)
        self.visits += 1
        with open(os.path.join(self.folder, 'state'), 'w') as file:
            file.write(str(self.visits))
        return np.array([self.scale * self.visits]), 0., False, {}

    def close(self):
        shutil.rmtree(self.folder)


def test_what_names_something_of_one_process_stays(tmp_path):
    """Handles and folders, where nothing has changed them; what has changed is state."""
    env, again = recorded(Scratch(str(tmp_path))), recorded(Scratch(str(tmp_path)))
    for _ in range(3):
        env.reset()
        env.step(np.zeros(1))
    state = env.get_state()
    env.close()
    own = dict(vars(again.unwrapped))
    again.set_state(state)
    inner = again.unwrapped
    assert (inner.folder, inner.handle) == (own['folder'], own['handle'])
    assert inner.visits == 6 and inner.scale == env.unwrapped.scale != own['scale']
    assert again.step(np.zeros(1))[0] == np.float32(7 * inner.scale)


def test_what_decides_and_was_made_anew_is_told(tmp_path, capsys):
    """A whole number that is drawn while it is made, by a generator that nothing seeds then."""
    class Variant(Still):
        def __init__(self):
            super().__init__()
            self.rng = np.random.RandomState()
            self.variant = self.rng.randint(10 ** 9)

        def seed(self, seed=None):
            self.rng.seed(seed)

    words = dict(SMALL, logger_kwargs=dict(output_dir=str(tmp_path / 'run')))
    ddpg.ddpg(Variant, **words)
    assert 'made with' not in capsys.readouterr().out
    ddpg.ddpg(Variant, resume=str(tmp_path / 'run'), **dict(words, epochs=2))
    assert re.search(r'Warning: its environments were made with variant=\d+, not \d+; variant=',
                     ' '.join(capsys.readouterr().out.split()))


def test_what_became_another_kind_of_number_comes_back():
    class Scaled(gym.Wrapper):
        ret = None

        def __init__(self, env):
            super().__init__(env)
            self.ret = 0

        def step(self, a):
            o, r, done, info = self.env.step(a)
            self.ret = 0.9 * self.ret + 1.
            return o, self.ret, done, info

    env = recorded(Scaled(Still()))
    env.reset()
    state, first = env.get_state(), [env.step(np.zeros(1))[1] for _ in range(3)]
    env.set_state(state)
    assert [env.step(np.zeros(1))[1] for _ in range(3)] == first


def test_a_copy_that_looks_ahead_steps_itself():
    class Counts(Still):
        def reset(self):
            self.t = 0
            return np.zeros(1)

        def step(self, a):
            self.t += 1
            return np.full(1, self.t), 0., False, {}

    class LooksAhead(gym.Wrapper):
        def step(self, a):
            expected = copy.deepcopy(self.env).step(a)
            found = self.env.step(a)
            assert expected[0] == found[0]
            return found

    for inner in (Counts(), TimeLimit(Counts(), 100), LooksAhead(TimeLimit(Counts(), 100))):
        env = recorded(LooksAhead(inner))
        env.reset()
        assert [env.step(np.zeros(1))[0] for _ in range(4)] == [1, 2, 3, 4]


def test_a_working_directory_of_its_own(tmp_path, monkeypatch):
    class Moves(Still):
        """Works in its own folder, by relative paths."""
        def __init__(self):
            super().__init__()
            os.makedirs(str(tmp_path / 'elsewhere'), exist_ok=True)
            os.chdir(str(tmp_path / 'elsewhere'))

        def seed(self, seed=None):
            open('seeded', 'w').close()

        def close(self):
            os.remove('seeded')

        def reset(self):
            with open('model', 'w') as file:
                file.write('0.5')
            return self.step(None)[0]

        def step(self, a):
            with open('model') as file:
                return np.full(1, float(file.read())), 0., False, {}

    (tmp_path / 'here').mkdir()
    monkeypatch.chdir(tmp_path / 'here')
    open('seeded', 'w').close()
    result = ddpg.ddpg(Moves, logger_kwargs=dict(output_dir='run'), **SMALL)
    assert os.getcwd() == str(tmp_path / 'here') and result.folder == os.path.abspath('run')
    assert len(result.table) == 1 and os.path.isdir('run/checkpoints')
    assert os.listdir(str(tmp_path / 'elsewhere')) == ['model']
    resumed = ddpg.ddpg(Moves, logger_kwargs=dict(), resume='run', **dict(SMALL, epochs=2))
    assert len(resumed.table) == 2 and os.path.exists('seeded')


def test_a_working_directory_that_is_gone(tmp_path, monkeypatch):
    class Removes(Still):
        def reset(self):
            os.mkdir(str(tmp_path / 'gone'))
            os.chdir(str(tmp_path / 'gone'))
            os.rmdir(str(tmp_path / 'gone'))
            return np.zeros(1)

    monkeypatch.chdir(tmp_path)
    env = recorded(Removes())
    for _ in range(2):
        env.reset()
        assert os.getcwd() == str(tmp_path)


def test_what_is_drawn_while_it_is_made_is_seeded(tmp_path):
    goals = []

    class Draws(Still):
        def __init__(self):
            super().__init__()
            goals.append((np.random.rand(), random.random()))

    for seed in (7, 7, 8):
        ddpg.ddpg(Draws, seed=seed, logger_kwargs=dict(output_dir=str(tmp_path / 'run')), **SMALL)
        np.random.rand()            # the global stream is not where it was
    assert goals[:2] == goals[2:4] and len(set(goals)) == 4


@pytest.mark.parametrize('new_first', [False, True])
def test_the_interface_between_gym_s_and_gymnasium_s_takes_each_seed(new_first):
    """Gym 0.22's reset takes a seed, and gives the observation alone."""
    class Between(Still):
        rng = np.random.RandomState()

        def reset(self, seed=None):
            if seed is not None:
                self.rng = np.random.RandomState(seed)
            return self.rng.rand(1)

    played, fresh = recorded(Between()), recorded(Between())
    if new_first:
        played.reset()              # which interface it is, is known from here on
    for env in (played, fresh):
        env.seed(3)
    np.testing.assert_array_equal(played.reset(), fresh.reset())


def test_objects_that_know_each_other_are_looked_into_once():
    class Friends(Still):
        def __init__(self):
            super().__init__()
            self.all = [Task(np.random.RandomState(i)) for i in range(12)]
            for i, one in enumerate(self.all):
                setattr(self, 'friend_{}'.format(i), one)
                for j, other in enumerate(self.all):
                    setattr(one, 'knows_{}'.format(j), other)

    found = generators(recorded(Friends()).env)
    assert [name for name in found if 'friend' in name] == [
        '1.friend_{}.rng'.format(i) for i in sorted(range(12), key=str)]


def test_objects_of_an_environment_are_seeded_and_saved():
    def played(env, steps):
        seen = []
        for _ in range(steps):
            o, _, done, _ = env.step(np.zeros(1))
            seen.append(o if not done else env.reset())
        return np.array(seen)

    one, same, other = (recorded(Simulated()) for _ in range(3))
    for env, seed in ((one, 3), (same, 3), (other, 4)):
        env.seed(seed)
        env.reset()
    whole = played(one, 40)
    np.testing.assert_array_equal(played(same, 17), whole[:17])
    assert not np.array_equal(played(other, 17), whole[:17])
    fresh = recorded(Simulated())
    fresh.set_state(same.get_state())
    np.testing.assert_array_equal(played(fresh, 23), whole[17:])


@pytest.mark.parametrize('then, now', [(1, 2), (2, 1), (3, 1)])
def test_another_number_of_wrappers_is_refused(then, now):
    def wrapped(times):
        env = Still()
        for _ in range(times - 1):
            env = gym.Wrapper(env)
        return recorded(env)

    saved, env = wrapped(then), wrapped(now)
    saved.reset()
    with pytest.raises(DoesNotRepeat, match='has {} layers, wrappers and all, not {}$'.format(
            now, then)):
        env.set_state(saved.get_state())


def test_the_test_environment_is_compared_too(tmp_path, env_module, monkeypatch, capsys):
    env_module('stateful', STATEFUL)
    words = ['--env', 'stateful:Remembers-v0'] + FLAGS + ['--num-test-episodes', '2']
    with monkeypatch.context() as patch:
        stopped_at(440, patch)
        run_main(capsys, *words, '--data-dir', tmp_path / 'out')
    folder = only_run(tmp_path / 'out')
    states = []
    original = RecordedEnv.set_state
    monkeypatch.setattr(RecordedEnv, 'set_state', lambda self, state: (
        states.append(self.watch.when()) or None if self.watch.when().startswith('at step')
        else original(self, state)))
    code, _, err = run_main(capsys, '--resume', folder)
    assert code == 2 and 'does not repeat' in err and states == ['at step 440']


def test_an_environment_that_cannot_be_pickled_trains_and_resumes(tmp_path, env_module, capsys):
    env_module('locked', 'import gym, threading\n'
               'from gym.envs.classic_control import PendulumEnv\n'
               'class Locked(PendulumEnv):\n    def __init__(self):\n'
               '        super().__init__()\n        self.lock = threading.Lock()\n'
               'gym.register("Locked-v0", entry_point=Locked, max_episode_steps=50)\n')
    words = ['--env', 'locked:Locked-v0'] + FLAGS + ['--data-dir', tmp_path / 'out']
    code, out, _ = run_main(capsys, *words)
    assert code is None and 'could not pickle' in out
    code, out, err = run_main(capsys, '--resume', only_run(tmp_path / 'out'), '--epochs', '4')
    assert code is None and err == ''
    assert RunFolder(only_run(tmp_path / 'out')).columns['Epoch'] == ('1', '2', '3', '4')
