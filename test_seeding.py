"""
test_seeding.py: the same command gives the same bits: in another process, on another number of
threads, with another number of test episodes, as committed. Another seed gives others.
"""
import glob
import json
import os
import re
import subprocess
import sys

import gym
import joblib
import numpy as np
import pytest

import ddpg
from harness import origin
from harness.quiet_tf import tf
from kit import CHEETAH, HERE, PENDULUM, Run, RunFolder

TEST_COLUMNS = ['AverageTestEpRet', 'StdTestEpRet', 'MaxTestEpRet', 'MinTestEpRet', 'TestEpLen',
                'QBias', 'QRMSE', 'QCorr', 'QR2', 'ActSaturation']


@pytest.fixture(scope='module')
def pendulum(tmp_path_factory):
    return Run(tmp_path_factory.mktemp('pendulum'), PENDULUM + ['--seed', '3', '--threads', '1'])


def test_same_seed_same_run(pendulum, tmp_path):
    Run(tmp_path, PENDULUM + ['--seed', '3', '--threads', '1']).assert_same_as(pendulum)


def test_two_threads_same_bits(pendulum, tmp_path):
    Run(tmp_path, PENDULUM + ['--seed', '3', '--threads', '2']).assert_same_as(pendulum)


def test_other_seed_other_run(pendulum, tmp_path):
    other = Run(tmp_path, PENDULUM + ['--seed', '4', '--threads', '1'])
    for column in ('AverageEpRet', 'AverageTestEpRet', 'AverageQVals', 'LossQ'):
        assert set(other.columns[column]).isdisjoint(pendulum.columns[column])
    for name, value in other.weights().items():
        assert not np.array_equal(value, pendulum.weights()[name])


def test_testing_does_not_change_training(pendulum, tmp_path):
    flags = PENDULUM + ['--seed', '3', '--threads', '1', '--num-test-episodes', '5']
    other = Run(tmp_path, flags)
    other.assert_same_as(pendulum, but=TEST_COLUMNS)
    assert other.columns['AverageTestEpRet'] != pendulum.columns['AverageTestEpRet']


def test_half_cheetah_two_processes_one_and_two_threads(tmp_path):
    one, two = (Run(tmp_path / threads, CHEETAH + ['--threads', threads]) for threads in '12')
    two.assert_same_as(one)
    assert one.columns['TotalEnvInteracts'] == ('200', '400')
    assert one.columns['NumUpdates'] == ('151', '200')


def test_the_committed_run_repeats_on_its_kind_of_processor(tmp_path):
    """
    HalfCheetah-v2, seed 0 or, of the benchmark, the first seed of this kind of processor: the first
    epoch of the evidence in out/, by its own settings.
    """
    committed = {}
    for path in sum((sorted(glob.glob(os.path.join(HERE, 'out', *folders))) for folders in (
            ('benchmark', 'halfcheetah', '*_s?'), ('old-defaults', 'halfcheetah', '*', '*_s0'),
            ('processors', '*', '*_s0'))), []):
        with open(os.path.join(path, 'config.json')) as file:
            if json.load(file).get('processor') == origin.processor():
                committed.setdefault(os.path.dirname(path), RunFolder(path))
    if not committed:
        pytest.skip('no committed run is of ' + origin.processor())
    for i, run in enumerate(committed.values()):
        again = Run(tmp_path / str(i), ['--settings', run.folder, '--epochs', '1'])
        assert {column: values[0] for column, values in run.columns.items()} == {
            column: value for column, (value,) in again.columns.items()}


def test_a_run_folder_holds_what_the_tools_read(pendulum):
    assert list(pendulum.columns) == [
        'Epoch', 'AverageEpRet', 'StdEpRet', 'MaxEpRet', 'MinEpRet', 'AverageTestEpRet',
        'StdTestEpRet', 'MaxTestEpRet', 'MinTestEpRet', 'EpLen', 'TestEpLen', 'TotalEnvInteracts',
        'AverageQVals', 'StdQVals', 'MaxQVals', 'MinQVals', 'LossPi', 'LossQ',
        'NumEpisodes', 'NumTerminals', 'NumUpdates', 'QBias', 'QRMSE', 'QCorr', 'QR2',
        'ActSaturation', 'TargetVals', 'GradNormQ', 'GradNormPi']
    name = os.path.basename(pendulum.folder)
    assert name[19:] == '_ddpg_pendulum-v0_s3' and name[10] == '-'
    with open(os.path.join(pendulum.folder, 'config.json')) as file:
        config = json.load(file)
    assert config['exp_name'] == 'ddpg_pendulum-v0' and config['env'] == 'Pendulum-v0'
    assert config['seed'] == 3 and config['threads'] == 1 and config['polyak'] == 0.005
    assert config['ac_kwargs']['hidden_sizes'] == [64, 48]
    assert config['versions']['tensorflow'] == tf.__version__ and 'commit' in config
    assert re.search(r', family \d+, model \d+, (\d+K|\?) L1d, avx(2|512f)?$', config['processor'])
    assert isinstance(joblib.load(os.path.join(pendulum.folder, 'vars.pkl'))['env'], gym.Wrapper)
    assert any('tfevents' in file for file in os.listdir(pendulum.folder))
    assert 'Epoch' in pendulum.stdout


def test_seeds_of_the_parts_are_independent():
    def streams(seed):
        env, test_env = gym.make('Pendulum-v0'), gym.make('Pendulum-v0')
        with tf.Graph().as_default():
            noise_seed, replay_seed = ddpg.seed_everything(seed, env, test_env)
        assert noise_seed == seed
        generators = dict(noise=np.random.RandomState(noise_seed),
                          replay=np.random.RandomState(replay_seed),
                          env=env.unwrapped.np_random, test_env=test_env.unwrapped.np_random,
                          action_space=env.action_space.np_random, numpy=np.random)
        return {tuple(g.randint(2 ** 31, size=4)) for g in generators.values()}

    first, again, second = streams(0), streams(0), streams(1)
    assert first == again
    assert len(first) == len(second) == 6 and first.isdisjoint(second)


def test_the_graph_seed_is_set_before_the_first_operation():
    with tf.Graph().as_default() as graph:
        ddpg.seed_everything(7, gym.make('Pendulum-v0'), gym.make('Pendulum-v0'))
        assert graph.seed == 7 and not graph.get_operations()


def test_import_builds_and_trains_nothing(tmp_path):
    code = ("import core, noise, ddpg, harness.truth, harness.cli, tensorflow as tf; "
            "assert not tf.get_default_graph().get_operations(); "
            "assert tf.get_default_session() is None")
    done = subprocess.run([sys.executable, '-c', code], cwd=str(tmp_path),
                          env=dict(os.environ, PYTHONPATH=HERE), stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)
    assert (done.returncode, done.stdout) == (0, b'')
    assert not os.listdir(str(tmp_path))
