"""
test_sweep_faults.py: sweeps whose workers, nodes, terminals or selves are killed or fail: what is
left goes on, with the bits of ddpg.py; and nothing of Ray stays behind.
"""
import glob
import os
import re
import signal
import time

import pandas as pd
import pytest
import ray

from harness import checkpoint
from harness.origin import provenance
from kit import SHORT, RunFolder, made_once, wait_for
from tools import sweep
from tools.bench.clusters import (Cluster, assert_nothing_stays, finish, left_behind, output_of,
                                  run_folder, start, where)

LONG = SHORT + ['--epochs', '30']
HOST = ray.util.get_node_ip_address()

CRASHES = '''
import os
import gym
from gym.envs.classic_control import PendulumEnv

class Crashes(PendulumEnv):
    """Raises from its 250th step on; with `once`, as long as that file does not exist."""

    def __init__(self, once=''):
        super().__init__()
        self.steps, self.once = 0, once

    def step(self, a):
        self.steps += 1
        if self.steps >= 250 and not os.path.exists(self.once):
            if self.once:
                open(self.once, 'w').close()
            raise RuntimeError('the pendulum fell off')
        return super().step(a)

gym.register('Crashes-v0', entry_point=Crashes, max_episode_steps=200)
gym.register('Once-v0', entry_point=Crashes, max_episode_steps=200,
             kwargs=dict(once=os.path.join(os.path.dirname(__file__), 'crashed')))
'''


def epochs_of(data_dir, name):
    """The complete epochs in a run's table; 0 where there is none yet."""
    for path in glob.glob(os.path.join(str(data_dir), '*', '*', name, 'progress.txt')):
        with open(path) as table:
            return max(0, table.read().count('\n') - 1)
    return 0


def wait_until(process, true, seconds=120):
    """Look every moment, while a process runs, until true(). Runs are short: its lines are late."""
    end = time.time() + seconds
    while not true():
        assert process.poll() is None and time.time() < end
        time.sleep(0.02)


@pytest.fixture(scope='module')
def alone(tmp_path_factory):
    """See `kit.made_once`."""
    return made_once(tmp_path_factory)


# ---- What dies -----------------------------------------------------------------------------------

def test_killed_workers_are_started_again(tmp_path, alone):
    process = start(*LONG, '--seed', '4', '5', '--exp-name', 'x', '--data-dir', tmp_path)
    for killed in range(2):
        wait_until(process, lambda: epochs_of(tmp_path, 'x_s4') > 0 and output_of(
            tmp_path, 'x_s4').count('Going on after step') == killed)
        os.kill(where(tmp_path, 'x_s4')[-1], signal.SIGKILL)
        wait_for(process, 'x_s4: failed, and is started again')
    out, _ = finish(process)
    assert 'x_s4: finished' in out
    assert output_of(tmp_path, 'x_s4').count('Going on after step') == 2
    for seed in '45':
        RunFolder(run_folder(tmp_path, 'x_s' + seed)).assert_same_as(alone(*LONG, '--seed', seed))


def test_the_sweep_itself_is_killed(tmp_path, alone):
    words = LONG + ['--epochs', '90']           # the worker ends some seconds after the sweep
    process = start(*words, '--exp-name', 'x', '--seed', '4', '--data-dir', tmp_path)
    wait_until(process, lambda: epochs_of(tmp_path, 'x_s4') > 0)
    here = left_behind()
    assert any(text.startswith('ray::x_s4') for text in here.values()), 'the worker is seen,'
    assert '' in here.values(), "and Ray's folder"
    process.kill()
    finish(process, -signal.SIGKILL)
    out, _ = finish(start(*words, '--exp-name', 'x', '--seed', '4', '--data-dir', tmp_path))
    assert '1 runs in 1 groups, of which 0 have finished' in out
    RunFolder(run_folder(tmp_path, 'x_s4')).assert_same_as(alone(*words, '--seed', '4'))


def test_the_sweep_itself_is_interrupted(tmp_path, alone):
    words = LONG + ['--exp-name', 'x', '--jobs', '1', '--data-dir', tmp_path, '--seed', '4', '5']

    def written():
        return os.stat(os.path.join(run_folder(tmp_path, 'x_s4'), 'progress.txt')).st_mtime_ns

    for name, number in (('x_s4', signal.SIGINT), ('x_s5', signal.SIGTERM)):
        process = start(*words)
        wait_until(process, lambda: epochs_of(tmp_path, name) > 0)
        before = written()
        process.send_signal(number)
        _, err = finish(process, 128 + number)
        assert err == 'tools.sweep: Interrupted by {}. The same command goes on.\n'.format(
            signal.Signals(number).name)
        saved_at, = re.findall(r'ended: SIGINT at step (\d+)', output_of(tmp_path, name))
        with checkpoint.Checkpoints(run_folder(tmp_path, name), resume=True) as last:
            assert last.state['t'] == int(saved_at)
    out, _ = finish(start(*words))
    assert '2 runs in 1 groups, of which 1 have finished' in out
    assert written() == before, 'what has finished is not touched'
    for seed in '45':
        RunFolder(run_folder(tmp_path, 'x_s' + seed)).assert_same_as(alone(*LONG, '--seed', seed))


@pytest.mark.parametrize('number', [signal.SIGHUP, signal.SIGTERM])      # of `timeout`
def test_a_terminal_that_closes_ends_the_sweep_and_all_is_saved(tmp_path, number):
    words = LONG + ['--exp-name', 'x', '--epochs', '90', '--data-dir', tmp_path, '--seed', '4']
    process = start(*words)
    wait_until(process, lambda: epochs_of(tmp_path, 'x_s4') > 0)
    process.stdout.close()                              # and nobody reads any more
    os.killpg(process.pid, number)                      # Ray's processes get it, too
    assert process.wait(120) == 128 + number
    assert process.stderr.read() == (
        'tools.sweep: Interrupted by {}. The same command goes on.\n'.format(number.name))
    assert_nothing_stays()
    saved_at, = re.findall(r'ended: SIGINT at step (\d+)', output_of(tmp_path, 'x_s4'))
    with checkpoint.Checkpoints(run_folder(tmp_path, 'x_s4'), resume=True) as last:
        assert last.state['t'] == int(saved_at)


def test_a_reader_that_leaves_changes_nothing(tmp_path, alone):
    process = start(*SHORT, '--exp-name', 'x', '--activation', 'elu', 'softsign', '--seed', '5',
                    '--data-dir', tmp_path)
    assert '2 runs in 2 groups' in process.stdout.readline()
    process.stdout.close()
    assert process.wait(300) == 0 and process.stderr.read() == ''
    for name in 'elu', 'softsign':
        RunFolder(run_folder(tmp_path, 'x_ac-act{}_s5'.format(name))).assert_same_as(
            alone(*SHORT, '--activation', name, '--seed', '5'))
    assert (tmp_path / 'x' / 'summary.csv').exists()


def test_a_run_that_fails_is_given_up_and_the_others_go_on(tmp_path):
    (tmp_path / 'crashes.py').write_text(CRASHES)
    words = [word for word in SHORT if word not in ('--env', 'Pendulum-v0')]
    out, err = finish(start(*words, '--env', 'crashes:Crashes-v0', 'crashes:Once-v0',
                            '--max-failures', '2', '--exp-name', 'x', '--data-dir', tmp_path,
                            PYTHONPATH=str(tmp_path)), 1)
    for name in 'crashes', 'once':
        assert out.count('x_envcrashes-{}-v0_s0: failed, and is started again: '.format(name)) == 1
    assert 'x_envcrashes-once-v0_s0: finished' in out
    assert err.startswith('tools.sweep: error: x_envcrashes-crashes-v0_s0 was given up: the '
                          'environment raised RuntimeError: the pendulum fell off at step ')
    assert err.count('\n') == 1
    table = pd.read_csv(str(tmp_path / 'x' / 'summary.csv')).set_index('group')
    assert list(table.seeds) == [0, 1] and list(table.unfinished) == [1, 0]


# ---- A cluster -----------------------------------------------------------------------------------

def test_a_node_of_a_cluster_is_killed(tmp_path, alone):
    with Cluster((0, HOST), (1, '127.0.0.2'), (1, '127.0.0.3')) as cluster:
        words = LONG + ['--exp-name', 'x', '--seed', '4', '5', '--data-dir', tmp_path]
        process = start(*words, '--address', cluster.address)
        wait_until(process, lambda: epochs_of(tmp_path, 'x_s4') and epochs_of(tmp_path, 'x_s5'))
        lost = [seed for seed in '45'
                if where(tmp_path, 'x_s' + seed)[0] in cluster.processes(1)]
        assert len(lost) == 1, 'a run on each node'
        cluster.kill(1)
        wait_for(process, 'x_s{}: failed, and is started again'.format(*lost))
        out, err = process.communicate(timeout=300)
        assert process.returncode == 0, (out, err)
        assert len(where(tmp_path, 'x_s{}'.format(*lost))) == 2
    for seed in '45':
        RunFolder(run_folder(tmp_path, 'x_s' + seed)).assert_same_as(alone(*LONG, '--seed', seed))


def test_a_cluster_without_enough_cores(tmp_path):
    with Cluster((1, HOST)) as cluster:
        process = start(*SHORT, '--address', cluster.address, '--threads', '2',
                        '--data-dir', tmp_path / 'x')
        out, err = process.communicate(timeout=60)
        assert process.returncode == 2 and '--threads 2: expected at most 1' in err
        assert not (tmp_path / 'x').exists()


def test_a_node_that_does_not_share_the_folder_says_so(tmp_path):
    run = sweep.parse_args(SHORT + ['--data-dir', str(tmp_path)]).runs[0]
    origin = provenance()
    folder = os.path.dirname(os.path.dirname(run.folder))
    outcome, why = sweep.train(tuple(run), folder, 'process 1 on head', origin, [])
    assert outcome == 'misplaced' and 'does not see the folder ' + folder in why
    with sweep.claimed(folder):
        with open(os.path.join(folder, 'lock')) as file:
            owner = file.read()
        outcome, why = sweep.train(tuple(run), folder, owner, dict(origin, code='other'), [])
        assert outcome == 'misplaced' and 'is of other code' in why
        outcome, why = sweep.train(tuple(run), folder, 'process 1 on head', origin, [])
        assert outcome == 'misplaced'
    assert not os.path.exists(run.folder)
