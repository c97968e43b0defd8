"""
test_guard.py: what ends a run. Values that are not finite, and environments that break Gym's
contract, end it with one clear line, and what was logged and saved before stays whole.
"""
import os
import sys

import gym
import numpy as np
import pytest
from gym.spaces import Box

import ddpg
from harness import checkpoint, guard
from harness.envs import CheckedEnv
from harness.quiet_tf import tf
from kit import only_run, recorded, run_main

BAD = '''
import gym
import numpy as np
from gym.spaces import Box

class Graded:
    """As PyTorch's tensors with a gradient."""
    def __array__(self, dtype=None):
        raise RuntimeError('call detach() first')

    def __repr__(self):
        return 'a tensor'

class Bad(gym.Env):
    """Goes wrong at its 70th step, counted over all episodes, in the way `wrong`."""
    observation_space = Box(-1, 1, (3,), np.float32)
    action_space = Box(-1, 1, (2,), np.float32)
    steps = 0

    def __init__(self, wrong):
        self.wrong = wrong

    def reset(self):
        if self.wrong == 'reset' and self.steps > 70:
            return self.observation_space.sample(), dict()
        return self.observation_space.sample()

    def step(self, a):
        self.steps += 1
        o, r, done, info = self.observation_space.sample(), float(a.sum()), False, dict()
        if self.steps >= 70:
            if self.wrong == 'raises':
                raise KeyError('the wheels\\ncame off')
            if self.wrong == 'exits':
                raise SystemExit(0)
            o, r, done, info = dict(
                huge_observation=([10 ** 400, 0, 0], r, done, info),
                huge_reward=(o, -10 ** 400, done, info),
                reward_beyond_float32=(o, 1e39, done, info),
                limits=(o, r, done, {'TimeLimit.truncated': np.array([True, False])}),
                nan_observation=([np.nan, 0, 0], r, done, info),
                nan_reward=(o, np.nan, done, info),
                infinite_reward=(o, np.float32('-inf'), done, info),
                exploding_reward=(o, 1e30, done, info),
                shape=(o[:2], r, done, info), column=(o[:, None], r, done, info),
                ragged=([[1, 2], [3]], r, done, info), none=(None, r, done, info),
                graded=(Graded(), r, done, info),
                reward_array=(o, np.array([r]), done, info), reward_none=(o, None, done, info),
                reward_text=(o, '1.0', done, info), reward_complex=(o, 1j, done, info),
                reward_int=(o, 1, done, info), done_array=(o, r, [False, True], info),
                done_none=(o, r, None, info), info=(o, r, done, None),
                reset=(o, r, True, info)).get(self.wrong, (o, r, done, info))
        if self.steps >= 70 and self.wrong == 'five':
            return o, r, done, False, info
        return o, r, done, info

WAYS = """raises exits huge_observation huge_reward reward_beyond_float32 limits nan_observation
          nan_reward infinite_reward exploding_reward shape column ragged none graded reward_array
          reward_none reward_text reward_complex reward_int done_array done_none info reset five
          never_ends""".split()
for wrong in WAYS:
    gym.register('Bad-{}-v0'.format(wrong), entry_point=lambda wrong=wrong: Bad(wrong),
                 max_episode_steps=45 if wrong not in ('never_ends', 'five') else None)
gym.register('Bad-one_step-v0', entry_point=lambda: Bad(''), max_episode_steps=1)
'''


@pytest.fixture
def bad_envs(env_module):
    """The module of BAD."""
    env_module('bad_envs', BAD)
    yield
    for name in [name for name in gym.envs.registry.env_specs if name.startswith('Bad-')]:
        del gym.envs.registry.env_specs[name]
    sys.modules.pop('bad_envs', None)


@pytest.fixture
def train(tmp_path, monkeypatch, capsys, bad_envs):
    """train(environment, flags...) -> exit code, output, errors, run folder; in this process."""
    monkeypatch.chdir(tmp_path)

    def run(wrong, *flags):
        words = ('--hid 8 8 --steps-per-epoch 30 --epochs 4 --start-steps 20 --update-after 10 '
                 '--batch-size 8 --num-test-episodes 1 --save-freq 1 --max-ep-len 20').split()
        words += ['--env', 'bad_envs:Bad-{}-v0'.format(wrong)] + list(flags)
        code, out, err = run_main(capsys, *words)
        return code or 0, out, err, only_run(tmp_path / 'out')

    return run


@pytest.mark.parametrize('wrong, code, told', [
    ('raises', 1, "raised KeyError: 'the wheels"),
    ('exits', 1, 'raised SystemExit: 0 here'),
    ('huge_observation', 1, 'observation is [10000'),
    ('huge_reward', 3, 'reward -1000000000000000000 is beyond what float32 holds'),
    ('reward_beyond_float32', 3, 'the reward 1e+39 is beyond what float32 holds'),
    ('limits', 1, 'TimeLimit.truncated of an array of shape (2,): expected True or False'),
    ('nan_observation', 3, 'observation is not finite'),
    ('nan_reward', 3, 'reward is not finite'), ('infinite_reward', 3, 'reward is not finite'),
    ('shape', 1, 'an array of shape (2,): expected an array of shape (3,)'),
    ('column', 1, 'an array of shape (3, 1)'), ('ragged', 1, 'observation is [[1, 2], [3]]'),
    ('none', 1, 'observation is None'), ('graded', 1, 'observation is a tensor: expected an array'),
    ('reward_array', 1, 'reward is an array of shape (1,)'),
    ('reward_none', 1, 'reward is None'), ('reward_text', 1, "reward is '1.0'"),
    ('reward_complex', 1, 'reward is 1j'), ('done_array', 1, 'done is [False, True]'),
    ('done_none', 1, 'done is None'), ('info', 1, 'info is None'),
    ('reset', 1, 'expected an array of shape (3,)'), ('five', 1, 'expected (observation, reward')])
def test_what_an_environment_must_not_do_is_told(bad_envs, wrong, code, told):
    env = recorded(gym.make('bad_envs:Bad-{}-v0'.format(wrong)))
    env.reset()
    with pytest.raises(guard.RunStopped) as end:
        for _ in range(72):
            if env.step(np.ones(2))[2]:
                env.reset()
    assert told in str(end.value) and end.value.exit_code == code


@pytest.mark.parametrize('wrong, code, told', [
    ('raises', 1, "raised KeyError: 'the wheels"), ('none', 1, 'observation is None'),
    ('nan_observation', 3, 'observation is not finite'),
    ('exploding_reward', 3, 'LossQ is not finite'),
    ('reset', 1, 'expected an array of shape (3,)')])
def test_a_bad_environment_ends_the_run_with_one_line(train, wrong, code, told):
    got, out, err, folder = train(wrong)
    assert got == code and err.count('\n') == 1 and err.startswith('ddpg.py: error: '), err
    assert told in err and ' at step 7' in err, err
    assert 'python ddpg.py --resume out' in out
    # Two epochs were complete, logged, and saved.
    table = np.genfromtxt(os.path.join(folder, 'progress.txt'), names=True)
    assert list(table['Epoch']) == [1, 2]
    with checkpoint.Checkpoints(folder, resume=True) as last:
        assert last.state['t'] == 60 and not last.ignored
    assert os.path.exists(os.path.join(folder, 'tf1_save', 'saved_model.pb'))


@pytest.mark.parametrize('wrong', ['one_step', 'never_ends', 'reward_int'])
def test_an_odd_environment_trains_all_the_same(train, wrong):
    code, out, err, folder = train(wrong, '--max-ep-len', '1000')
    table = np.genfromtxt(os.path.join(folder, 'progress.txt'), names=True)
    assert code == 0 and err == '' and list(table['TotalEnvInteracts']) == [30, 60, 90, 120]
    assert list(table['NumEpisodes']) == dict(one_step=[30] * 4, never_ends=[0] * 4,
                                              reward_int=[0, 1, 1, 0])[wrong]
    assert not np.any(table['NumTerminals'])


def test_a_fault_in_a_test_episode_says_so(train):
    # Tests take 40 steps: the second one meets the 70th.
    _, _, err, _ = train('nan_reward', '--steps-per-epoch', '20', '--max-ep-len', '40')
    assert 'in a test episode after step 40' in err and err.count('\n') == 1


def test_the_line_names_quantity_step_and_last_values():
    watch = guard.Watch(lambda: 'at step 7')
    watch.finite(LossQ=np.float32(3.5), QVals=np.arange(20.), action=np.float32([[1, 2]]))
    with pytest.raises(guard.NotFinite) as end:
        watch.finite(LossQ=np.float32('inf'))
    assert str(end.value) == ('LossQ is not finite at step 7: inf; the last values before: '
                              'LossQ 3.5, QVals [0 ... 19], action [1 2]')
    with pytest.raises(guard.NotFinite, match=r'QVals is not finite at step 7: \[nan'):
        watch.finite(LossQ=np.float32(1), QVals=np.full(20, np.nan))


def test_a_weight_that_is_not_finite_never_reaches_a_checkpoint(tmp_path, monkeypatch):
    # Where a ReLU is off its weights do not show in any loss: the last look is at the weights.
    run = tf.Session.run

    def broken(self, fetches, *args, **kwargs):
        values = run(self, fetches, *args, **kwargs)
        if isinstance(fetches, list) and len(fetches) > 12 and steps:
            names = [getattr(fetch, 'name', '') for fetch in fetches]
            values[names.index('main/q/dense/kernel:0')][0, 0] = np.nan
        return values

    steps = []
    step = CheckedEnv.step
    monkeypatch.setattr(CheckedEnv, 'step', lambda self, a: steps.append(a) or step(self, a))
    monkeypatch.setattr(tf.Session, 'run', broken)
    with pytest.raises(guard.NotFinite, match='main/q/dense/kernel is not finite at step 30'):
        ddpg.ddpg('Pendulum-v0', steps_per_epoch=30, epochs=2, max_ep_len=20, save_freq=1,
                  num_test_episodes=1, ac_kwargs=dict(hidden_sizes=(8,)),
                  logger_kwargs=dict(output_dir=str(tmp_path)))
    with checkpoint.Checkpoints(str(tmp_path), resume=True) as last:
        assert last.state['t'] == 0


def test_a_checked_environment_gives_copies_in_fixed_types():
    class Reusing(gym.Env):
        observation_space = action_space = Box(-1, 1, (2,), np.float32)
        o = np.zeros(2)

        def reset(self):
            return self.o

        def step(self, a):
            self.o += 1
            return self.o, np.array(1, np.float32), np.bool_(True), {}

    env = CheckedEnv(Reusing(), guard.Watch(str))
    first = env.reset()
    o, r, done, _ = env.step(None)
    assert first.dtype == o.dtype == np.float32 and list(first) == [0, 0] and list(o) == [1, 1]
    assert type(r) is float and done is True
