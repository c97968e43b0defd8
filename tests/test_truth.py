"""
test_truth.py: the returns that Q is compared with, the columns made of that, the critic trained
alone, and tools.diagnose: planted faults are told apart.
"""
import json
import os
import shutil
import subprocess
import sys

import gym
import numpy as np
import pandas as pd
import pytest
from gym.wrappers import TimeLimit

import core
import ddpg
from harness import guard, truth
from harness.quiet_tf import tf
from kit import HERE, Run, RunFolder, call, only_run, recorded, refusal, run_main, tree
from spinup.utils.logx import restore_tf_graph
from tools import diagnose


class Chain(gym.Env):
    """States 0 .. n - 1 in a row, whatever is done; state k rewards k + 1, the last is terminal."""
    action_space = gym.spaces.Box(-1, 1, (1,), np.float32)
    observation_space = gym.spaces.Box(0, 1, (1,), np.float32)
    n = 12

    def seed(self, seed=None):
        return [seed]

    def reset(self):
        self.k = 0
        return np.zeros(1)

    def step(self, a):
        self.k += 1
        return np.array([self.k / self.n]), float(self.k), self.k == self.n, {}


class Line(gym.Env):
    """A point on [-1, 1] that an action moves. The reward is 1 at 0, and less elsewhere."""
    observation_space = gym.spaces.Box(-1, 1, (1,), np.float32)

    def __init__(self):
        self.action_space = gym.spaces.Box(-1, 1, (1,), np.float32)
        self.seed()

    def seed(self, seed=None):
        self.rng = np.random.RandomState(seed)
        return [seed]

    def reset(self):
        self.s = self.rng.uniform(-1, 1)
        return np.array([self.s])

    def step(self, a):
        self.s = np.clip(self.s + 0.2 * float(a[0]), -1, 1)
        return np.array([self.s]), 1 - abs(self.s), False, {}


class Pays(Line):
    """Pays the action, and noise; the point stands still."""

    def step(self, a):
        return np.array([self.s]), float(a[0]) + self.rng.randn(), False, {}


def limited(env, steps=40):
    """The environment with a time limit, as Gym's registry makes it."""
    return TimeLimit(env, max_episode_steps=steps)


# ---- Returns -------------------------------------------------------------------------------------

def test_discounted_returns():
    rewards = np.array([1., -2., 3., 0.5])
    expected = [sum(0.9 ** (j - t) * rewards[j] for j in range(t, 4)) + 0.9 ** (4 - t) * 7
                for t in range(4)]
    np.testing.assert_allclose(truth.discounted_returns(rewards, 0.9, 7.), expected, rtol=1e-12)
    np.testing.assert_allclose(truth.discounted_returns(np.ones(50), 0.9),
                               (1 - 0.9 ** np.arange(50, 0, -1)) / 0.1)
    assert truth.discounted_returns([], 0.9).shape == (0,)


def test_play_tells_a_terminal_state_from_a_limit():
    def policy(o):
        return np.array([o[0] / 2])

    chain = truth.play(Chain(), policy, 100)
    assert chain.terminal and list(chain.r) == list(range(1, 13))
    np.testing.assert_allclose(chain.x[:, 0], np.arange(13) / 12)
    np.testing.assert_allclose(chain.a, chain.x / 2)
    assert not truth.play(limited(Line(), 40), policy, 100).terminal
    cut = truth.play(Chain(), policy, 5)
    assert not cut.terminal and len(cut.r) == 5 and len(cut.x) == len(cut.a) == 6
    both = truth.play(limited(Chain(), 12), policy, 100)        # terminal in the limit's own step
    assert both.terminal


@pytest.mark.parametrize('bias', [0., 3., -1.5])
def test_after_a_limit_the_return_goes_on_by_q(bias):
    # Reward 1 for ever: Q is 1 / (1 - gamma) everywhere, plus an error that does not change.
    episode = truth.Episode(np.zeros((101, 1)), np.zeros((101, 1)), np.ones(100), False)
    q, g = truth.estimated_and_observed(
        [episode, episode], lambda x, a: np.full(len(x), 20 + bias), 0.95)
    weights = 0.95 ** np.arange(100, 0, -1)
    counted = np.tile(weights[weights <= 0.25], 2)
    assert len(q) == len(g) == len(counted) == 2 * 73
    np.testing.assert_allclose(q - g, bias * (1 - counted), atol=1e-12)
    found = truth.errors(q, g)
    assert found['QBias'] == pytest.approx(bias * (1 - counted.mean()), abs=1e-12)
    assert abs(found['QBias']) >= 0.75 * abs(bias)


def test_after_a_terminal_state_nothing_follows():
    episode = truth.play(Chain(), lambda o: np.zeros(1), 100)
    q, g = truth.estimated_and_observed([episode], lambda x, a: 1e6 * np.ones(len(x)), 0.9)
    np.testing.assert_allclose(g, [sum(0.9 ** (j - k) * (j + 1) for j in range(k, 12))
                                   for k in range(12)])
    assert list(q) == [1e6] * 12


def test_short_episodes_that_were_cut_off_say_nothing():
    episode = truth.Episode(np.zeros((6, 1)), np.zeros((6, 1)), np.ones(5), False)
    found = truth.errors(*truth.estimated_and_observed([episode], lambda x, a: x[:, 0], 0.99))
    assert list(found) == ['QBias', 'QRMSE', 'QCorr', 'QR2']
    assert np.isnan(list(found.values())).all()


def test_errors():
    rng = np.random.RandomState(0)
    g = rng.randn(1000)
    q = 2 * g + 1
    found = truth.errors(q, g)
    assert found['QBias'] == pytest.approx(np.mean(g) + 1)
    assert found['QRMSE'] == pytest.approx(np.sqrt(np.mean((g + 1) ** 2)))
    assert found['QCorr'] == pytest.approx(1)
    assert found['QR2'] == pytest.approx(1 - np.mean((g + 1) ** 2) / np.var(g))
    assert truth.errors(g, g) == dict(QBias=0, QRMSE=0, QCorr=pytest.approx(1), QR2=1)
    assert np.isnan(truth.errors(np.ones(3), g[:3])['QCorr'])
    assert np.isnan(truth.errors(g[:3], np.ones(3))['QR2'])


def test_saturation():
    low, high = np.array([-1., 0.]), np.array([1., 10.])
    actions = np.array([[-1., 5.], [0.995, 10.], [0.98, 9.96], [0., 9.9]])
    assert truth.saturation(actions, low, high) == 4 / 8


# ---- The value of the uniform policy -------------------------------------------------------------

@pytest.fixture
def half_of_the_states(monkeypatch):
    """They are enough for these."""
    monkeypatch.setattr(truth, 'STATES', truth.STATES // 2)


def held_out(env, seed=0, max_ep_len=1000):
    return truth.held_out(recorded(env), 0.8, max_ep_len, seed, lambda text: None, lambda: None)


def test_monte_carlo_returns(half_of_the_states):
    found = held_out(limited(Pays(), 5))            # rollouts go on past the limit
    error = (found['g'] - found['a'][:, 0]) / found['standard_error']
    assert found['x'].shape == found['a'].shape == (truth.STATES, 1)
    assert np.abs(error).max() < 5 and 0.7 < error.std() < 1.4
    # Of an action and of the noise: variances 1/3 and 1, each gamma**(2 k) later on.
    sigma = np.sqrt((1 + (1 + 1 / 3) * 0.64 / (1 - 0.64)) / truth.ROLLOUTS)
    assert found['standard_error'].mean() == pytest.approx(sigma, 0.1)


def test_the_truth_is_of_the_run_s_seed(few_states):
    found, again = held_out(limited(Pays(), 5)), held_out(limited(Pays(), 5))
    other = held_out(limited(Pays(), 5), seed=1)
    for name in found:
        np.testing.assert_array_equal(found[name], again[name])
        assert not np.array_equal(found[name], other[name])


def test_held_out_states_are_those_that_training_has(monkeypatch):
    monkeypatch.setattr(truth, 'ROLLOUTS', 2)
    found = held_out(Chain(), max_ep_len=5)
    assert set(np.round(found['x'][:, 0] * 12)) == {0, 1, 2, 3, 4}


def test_monte_carlo_returns_stop_at_terminal_states(half_of_the_states):
    found = held_out(Chain())
    k = np.round(found['x'][:, 0] * 12).astype(int)
    assert len(set(k)) > 6
    np.testing.assert_allclose(found['g'], [sum(0.8 ** (j - i) * (j + 1) for j in range(i, 12))
                                            for i in k])
    np.testing.assert_allclose(found['standard_error'], 0, atol=1e-12)


class Global(Line):
    """Its rewards are noise, from a generator that its seed() does not reach."""
    def step(self, a):
        return np.zeros(1), np.random.randn(), False, {}


class Reset(Global):
    """Its generator is seeded by its resets alone, as Gymnasium's are."""
    own = np.random.default_rng()

    def reset(self, seed=None):
        if seed is not None:
            self.own = np.random.default_rng(seed)
        return np.zeros(1), {}

    def step(self, a):
        return np.zeros(1), self.own.standard_normal(), False, False, {}


@pytest.mark.parametrize('made', [Global, Reset])
def test_rollouts_have_fresh_randomness_wherever_it_is(made, half_of_the_states):
    found = held_out(made(), max_ep_len=10)
    sigma = 1 / np.sqrt((1 - 0.64) * truth.ROLLOUTS)
    assert found['standard_error'].mean() == pytest.approx(sigma, 0.1)
    assert found['g'].std() == pytest.approx(sigma, 0.3)


def test_the_standard_error_is_of_the_rollouts_and_the_environment_as_before(monkeypatch):
    monkeypatch.setattr(truth, 'ROLLOUTS', 2)
    monkeypatch.setattr(truth, 'STATES', 3)
    seen, returns = [], truth.discounted_returns
    monkeypatch.setattr(truth, 'discounted_returns', lambda *args: (
        seen.append(returns(*args)) or seen[-1]))
    env, untouched = recorded(limited(Pays(), 5)), recorded(limited(Pays(), 5))
    for each in (env, untouched):
        each.seed(3)
        each.reset()
    found = truth.held_out(env, 0.8, 100, 0, lambda text: None, lambda: None)
    first, second = np.reshape([each[0] for each in seen], (3, 2)).T
    np.testing.assert_allclose(found['standard_error'], np.abs(first - second) / 2)
    assert env.step(np.zeros(1))[:2] == untouched.step(np.zeros(1))[:2]
    assert env.reset() == untouched.reset()


def test_an_environment_that_cannot_be_returned_to_a_state():
    class Odd(Line):
        steps = 0

        def step(self, a):
            Odd.steps += 1
            return np.array([np.sin(Odd.steps)]), 0., False, {}

    with pytest.raises(guard.EnvironmentFault, match='--policy random: .* does not repeat'):
        held_out(Odd())


# ---- The columns of a run ------------------------------------------------------------------------

SMALL = dict(ac_kwargs=dict(hidden_sizes=(32, 32), action_layer=1), steps_per_epoch=1000,
             epochs=4, gamma=0.9, pi_lr=1e-3, q_lr=1e-3, polyak=0.01, start_steps=1000,
             update_after=200, noise='gaussian', noise_final_share=1., threads=1)


def trained(folder, env_fn=lambda: limited(Line()), **kwargs):
    """Train in a folder; the table."""
    ddpg.ddpg(env_fn, logger_kwargs=dict(output_dir=str(folder)), **dict(SMALL, **kwargs))
    return pd.read_csv(os.path.join(str(folder), 'progress.txt'), sep='\t')


def exported(folder):
    """{key: function} of the exported model."""
    with tf.Graph().as_default():
        sess = tf.Session()
        model = restore_tf_graph(sess, os.path.join(str(folder), 'tf1_save'))
    return lambda key, x, a: sess.run(model[key], {model['x']: x, model['a']: a})


def test_columns_match_the_closed_form(tmp_path):
    made = []

    class Counted(Chain):
        resets = 0

        def __init__(self):
            super().__init__()
            made.append(self)

        def reset(self):
            self.resets += 1
            return super().reset()

    table = trained(tmp_path, Counted, num_test_episodes=3)
    assert made[1].resets == 3 * len(table)
    model = exported(tmp_path)
    x, k = np.arange(12)[:, None] / 12, np.arange(12)
    q = model('q', x, model('pi', x, np.zeros((12, 1))))
    g = np.array([sum(0.9 ** (j - i) * (j + 1) for j in range(i, 12)) for i in k])
    last = table.iloc[-1]
    assert (last.AverageTestEpRet, last.StdTestEpRet, last.TestEpLen) == (sum(k + 1), 0, 12)
    assert last.QBias == pytest.approx(np.mean(q - g), abs=1e-4)
    assert last.QRMSE == pytest.approx(np.sqrt(np.mean((q - g) ** 2)), abs=1e-4)
    assert last.QCorr == pytest.approx(np.corrcoef(q, g)[0, 1], abs=1e-4)
    assert last.QR2 > 0.99, 'the critic has learned it'
    assert abs(last.QBias) < 0.3 and last.TargetVals == pytest.approx(last.AverageQVals, rel=0.02)
    actions = model('pi', np.arange(13)[:, None] / 12, np.zeros((13, 1)))
    assert last.ActSaturation == pytest.approx(np.mean(abs(actions) >= 0.99))
    assert last.GradNormQ > 0 and last.GradNormPi > 0
    first = table.iloc[0]
    assert first.QRMSE > 5 * last.QRMSE and first.GradNormQ > last.GradNormQ


def test_columns_without_updates(tmp_path):
    last = trained(tmp_path, epochs=1, steps_per_epoch=100, update_after=200).iloc[-1]
    assert np.isnan([last.TargetVals, last.GradNormQ, last.GradNormPi]).all()
    assert not np.isnan([last.QBias, last.QRMSE, last.ActSaturation]).any()


# ---- The critic alone ----------------------------------------------------------------------------

RANDOM = ('--policy random --env Pendulum-v0 --steps-per-epoch 300 --hid 16 16 --gamma 0.5 '
          '--seed 3 --update-after 100 --num-test-episodes 2 --max-ep-len 70 --save-freq 1').split()


def test_the_critic_alone_learns_the_value_of_the_uniform_policy(tmp_path, half_of_the_states):
    table = trained(tmp_path, policy='random', polyak=0.05)
    last = table.iloc[-1]
    assert last.QR2 > 0.9 and abs(last.QBias) < 0.3 and table.QR2[0] < last.QR2
    assert np.isnan([last.LossPi, last.GradNormPi, last.ActSaturation]).all()
    assert last.AverageTestEpRet < 0.8 * 40, 'the policy is still the uniform one'


def test_the_critic_alone_repeats_and_resumes(tmp_path, main, few_states):
    def run(name, *words):
        assert main(*RANDOM, *words, '--data-dir', tmp_path / name)[0] == 0
        return RunFolder(only_run(tmp_path / name))

    whole = run('whole', '--epochs', '3')
    first = run('first', '--epochs', '1', '--threads', '2')
    assert first.columns['QR2'] == whole.columns['QR2'][:1]
    assert main('--resume', first.folder, '--epochs', '3')[0] == 0
    RunFolder(first.folder).assert_same_as(whole)
    with open(os.path.join(whole.folder, 'config.json')) as file:
        config = json.load(file)
    assert config['policy'] == 'random' and config['polyak'] == 0.02


# ---- The diagnosis -------------------------------------------------------------------------------

def flipped(adam_step):
    """adam_step, but the actor ascends its loss."""
    return lambda loss, variables, *args, **kwargs: adam_step(
        -loss if '/pi/' in variables[0].name else loss, variables, *args, **kwargs)


def with_a_column(networks):
    """core.networks, but the Q in the critic's loss is (N, 1), against a backup of (N,)."""
    def build(*args):
        nets = networks(*args)
        return nets._replace(q=nets.q[:, None])
    return build


def generous(store):
    """ReplayBuffer.store, but half a reward more than there was."""
    return lambda self, x, a, r, x2, d: store(self, x, a, r + 0.5, x2, d)


FAULTS = {
    'none': (dict(), None),
    'critic shrunk toward zero': (dict(weight_decay=1e-2, decay_kind='per_step'), None),
    'time limits stored as terminal': (dict(time_limit_terminal=True), None),
    'target lag': (dict(polyak=0.), None),
    'actor against the critic': (dict(), lambda patch: patch.setattr(
        ddpg, 'adam_step', flipped(ddpg.adam_step))),
    'flat critic': (dict(), lambda patch: patch.setattr(
        core, 'networks', with_a_column(core.networks))),
    'over-estimation': (dict(), lambda patch: patch.setattr(
        ddpg.ReplayBuffer, 'store', generous(ddpg.ReplayBuffer.store))),
    'no exploration': (dict(noise_sigma=0.01), None),
    'exploding critic': (dict(q_lr=1.), None),
}


@pytest.mark.parametrize('fault', FAULTS)
def test_planted_faults_are_told_apart(fault, tmp_path, monkeypatch):
    kwargs, plant = FAULTS[fault]
    if plant:
        plant(monkeypatch)
    trained(tmp_path, **kwargs)
    monkeypatch.undo()
    diagnosis = diagnose.diagnose(str(tmp_path))
    text = diagnose.verdict(diagnosis)
    print(fault, text, sep=': ')            # pytest -rP shows it
    assert diagnose.found(diagnosis)[:1] == [fault] * (fault != 'none'), text
    if fault == 'none':
        assert 'no sign of bad training' in text and 'FOUND' not in text
        table = pd.read_csv(str(tmp_path / 'progress.txt'), sep='\t')
        assert diagnosis.numbers['QBias'] == pytest.approx(table.QBias.iloc[-1], abs=0.1)
    else:
        assert '  FOUND {}: '.format(fault) in text


@pytest.fixture(scope='module')
def run(tmp_path_factory):
    """The folder of a short run on Pendulum-v0."""
    return Run(tmp_path_factory.mktemp('run'), (
        '--env Pendulum-v0 --epochs 2 --steps-per-epoch 300 --start-steps 100 --update-after 100 '
        '--hid 16 16 --num-test-episodes 2 --gamma 0.9').split()).folder


def test_the_command(run, tmp_path, monkeypatch, capsys):
    def call(*words):
        code, out, err = run_main(capsys, *words, main=diagnose.main)
        assert (code, err) == (None, '')
        return out

    monkeypatch.chdir(tmp_path)
    shutil.copytree(run, str(tmp_path / 'both' / 'a'))
    shutil.copytree(run, str(tmp_path / 'both' / 'b'))
    before = tree(str(tmp_path / 'both'))
    env = {name: value for name, value in os.environ.items() if name != 'DISPLAY'}
    done = subprocess.run([sys.executable, '-m', 'tools.diagnose', 'both/a', '--episodes', '3'],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True,
                          env=dict(env, PYTHONPATH=HERE))
    out = done.stdout
    assert (done.returncode, done.stderr) == (0, '') and out.startswith('both/a: ')
    assert out.count('  rule: ') == len(diagnose.SIGNS)
    with open(str(tmp_path / 'out/figures/diagnosis_a.png'), 'rb') as png:
        assert png.read(8) == b'\x89PNG\r\n\x1a\n'
    with open(str(tmp_path / 'out/figures/diagnosis_a.txt')) as text:
        assert text.read().strip() in out
    assert call('both/a', '--episodes', '3') == out, 'it repeats'
    assert 'Wrote out/figures/diagnosis_both.png' in call('both/a', 'both/b', '--episodes', '1')
    call('both/a', '--episodes', '1', '--output', 'a.svg')
    assert sorted(os.listdir(str(tmp_path))) == ['a.svg', 'a.txt', 'both', 'out']
    assert tree(str(tmp_path / 'both')) == before, 'nothing is written beside the runs'


@pytest.mark.parametrize('words, said', [
    (['nowhere'], 'RUN_FOLDER nowhere: expected a run folder'),
    (['RUN', '--episodes', '0'], '--episodes 0: expected'),
    (['RUN', '--seed', 'x'], '--seed x: expected'),
    (['RUN', '--output', 'figure.doc'], '--output figure.doc: expected a name that ends in'),
    (['RUN', '--output', 'no/such/figure.png'], '--output no/such/figure.png: expected'),
    (['RUN', '--output', 'progress.png'], '--output progress.png: expected a name whose .txt')])
def test_bad_input(run, words, said, monkeypatch, capsys):
    monkeypatch.chdir(run)
    line = refusal(capsys, *[run if word == 'RUN' else word for word in words],
                   main=diagnose.main, prog='tools.diagnose')
    assert line.startswith('tools.diagnose: error: ' + said)


def test_its_episodes_and_its_seed(monkeypatch, capsys):
    def asked_for(*args):
        raise guard.RunStopped(' '.join(map(str, args)))

    monkeypatch.setattr(diagnose, 'diagnose', asked_for)
    err = call(capsys, 'run', '--episodes', '3', '--seed', '7', main=diagnose.main)[2]
    assert err.endswith(': run 3 7\n')


def test_after_a_terminal_state_a_target_is_the_reward():
    episode = truth.Episode(np.zeros((3, 1)), np.zeros((3, 1)), np.ones(2), True)
    found = diagnose.of_steps([episode], lambda x, a: np.full(len(x), 5.), dict(gamma=0.9),
                              recorded(Line()), 0)
    assert found['own_target'] == pytest.approx((1 + 0.9 * 5 + 1) / 2)


def test_what_steps_say_of_actions_and_rewards():
    episode = truth.Episode(np.zeros((4, 1)), np.array([[1.], [0.], [-1.], [0.98]]),
                            np.array([1., -3., 2.]), False)
    found = diagnose.of_steps([episode], lambda x, a: np.full(len(x), 5.), dict(gamma=0.9),
                              recorded(Line()), 0)
    assert found['saturation'] == 2 / 4 and found['ended_by_limit'] == 1
    assert found['return_bound'] == pytest.approx(3 / (1 - 0.9))


CONFIG = dict(gamma=0.9, polyak=0.1, target_networks=True, policy='learned', max_ep_len=9,
              noise='gaussian', noise_theta=0.15, noise_sigma=0.1, noise_dt=1.0,
              time_limit_terminal=False)
TABLE = pd.DataFrame(dict(MaxQVals=1., MinQVals=[0.] * 4, MaxEpRet=3., MinEpRet=-9.,
                          NumTerminals=0, AverageQVals=0., TargetVals=0., NumEpisodes=2,
                          NumUpdates=10))


def test_what_is_looked_at_of_a_table():
    table = pd.DataFrame(dict(
        MaxQVals=1., MinQVals=[-7.] + [0.] * 19, MaxEpRet=3., MinEpRet=-2., NumTerminals=0,
        AverageQVals=np.arange(20.), TargetVals=0., NumEpisodes=1, NumUpdates=10))
    found = diagnose.of_training(table, CONFIG, 0.)
    assert (found['q_max'], found['batch_q']) == (7, 18.5)      # of all rows; of the last tenth
    assert found['time_constants'] == pytest.approx(200 * 0.1 * (1 - 0.9))
    found = diagnose.of_training(table, dict(CONFIG, target_networks=False), 0.)
    assert found['time_constants'] == pytest.approx(200 * (1 - 0.9))


@pytest.mark.parametrize('flag, ended_by_limit, terminals, expected', [
    (True, 0.5, 0, True), (True, 0., 2, False), (False, 1., 2, True), (False, 1., 1, False),
    (False, 0.5, 2, False)])
def test_when_limits_are_stored_as_terminal(flag, ended_by_limit, terminals, expected):
    found = diagnose.of_training(TABLE.assign(NumTerminals=terminals),
                                 dict(CONFIG, time_limit_terminal=flag), ended_by_limit)
    assert bool(found['limit_is_terminal']) == expected and found['trained_return'] == 9


def test_a_run_without_a_policy_is_judged_by_uniform_actions_up_to_its_limit(monkeypatch):
    seen = []

    class Seen(Line):
        def step(self, a):
            seen.append(float(a[0]))
            return super().step(a)

    config = dict(CONFIG, gamma=0.5, policy='random', max_ep_len=7)
    monkeypatch.setattr(diagnose, 'read', lambda folder: (config, TABLE))
    monkeypatch.setattr(diagnose, 'make_run_env', lambda *args: recorded(Seen()))
    monkeypatch.setattr(diagnose, 'load_model', lambda *args: (
        lambda x: np.zeros((len(x), 1)), lambda x, a: np.zeros(len(x))))
    diagnose.diagnose('run', episodes=2)
    assert len(seen) == len(set(seen)) == 2 * 7


def test_exploration_within_the_horizon():
    config = dict(gamma=0.99, max_ep_len=1000, noise='ou', noise_theta=0.15, noise_sigma=0.2,
                  noise_dt=1.0)
    assert diagnose.exploration_within_horizon(config) == pytest.approx(0.35, abs=0.02)
    assert diagnose.exploration_within_horizon(dict(config, noise_dt=1e-3)) < 0.03
    config.update(noise='gaussian', noise_sigma=0.1)
    assert diagnose.exploration_within_horizon(config) == pytest.approx(0.1, rel=0.02)
