"""
test_resume.py: real training processes that are killed, asked to end, moved, or started twice. What
they leave goes on to the same bits as a run that nobody touched.
"""
import os
import re
import shlex
import shutil
import signal
import time

import numpy as np
import pytest

from harness import checkpoint, origin
from harness.files import read_config, read_table
from kit import (KILLED, Run, assert_same_end, call, finish, killed_often, only_run, refusal,
                 run_main, start, train_tiny, tree, wait_for)

# Every part of a run in seconds: episodes across epochs, a full replay buffer, a save an epoch.
PENDULUM = ('--env Pendulum-v0 --seed 5 --epochs 8 --steps-per-epoch 230 --max-ep-len 90 '
            '--hid 32 24 --start-steps 300 --update-after 100 --replay-size 900 --batch-size 16 '
            '--num-test-episodes 2 --save-freq 1').split()


@pytest.fixture(scope='module')
def reference(tmp_path_factory):
    """The folder of a run that nobody touched."""
    return Run(tmp_path_factory.mktemp('reference'), PENDULUM).folder


def test_killed_at_any_moment_it_goes_on_as_if_nothing_had_happened(reference, tmp_path):
    rng = np.random.RandomState(0)
    run, died = killed_often(tmp_path / 'out', PENDULUM, 7, rng, reference)
    assert died >= 3
    assert_same_end(run, reference)


def test_killed_before_its_first_checkpoint_there_is_none(tmp_path):
    finish(start('4', '--data-dir', str(tmp_path), *PENDULUM, code=KILLED), -signal.SIGKILL)
    _, err = finish(start('--resume', only_run(tmp_path)), 2)
    assert err.count('\n') == 1 and 'checkpoint' in err


# ---- Signals ------------------------------------------------------------------------------------

def signalled(process, signum, code):
    """Send a signal, and wait: the command that it says to go on with, without `python ddpg.py`."""
    process.send_signal(signum)
    out, err = finish(process, code)
    assert err == ''
    name, step, command = re.search(r'Interrupted by (\w+) at step (\d+). To go on: (.*)\n',
                                    out).groups()
    assert name == signal.Signals(signum).name
    words = shlex.split(command)
    assert words[:2] == ['python', 'ddpg.py']
    return int(step), words[2:]


def test_signals_save_within_an_episode_and_the_folder_may_move(reference, tmp_path):
    process = start('--data-dir', 'a b', *PENDULUM, cwd=str(tmp_path))
    wait_for(process, '|             Epoch |               2 |')
    time.sleep(0.1)
    step, words = signalled(process, signal.SIGTERM, 143)
    assert words[0] == '--resume' and step > 2 * 230
    # On in the same place, by the command that was printed; and then from elsewhere.
    process = start(*words, cwd=str(tmp_path))
    assert 'after step {}.'.format(step) in wait_for(process, 'Going on')
    wait_for(process, '|             Epoch |               4 |')
    later, words = signalled(process, signal.SIGINT, 130)
    assert later > step
    (tmp_path / 'elsewhere').mkdir()
    moved = tmp_path / 'moved'
    shutil.move(str(tmp_path / words[1]), str(moved))
    out, _ = finish(start('--resume', '../moved', '--threads', '1',
                          cwd=str(tmp_path / 'elsewhere')))
    assert 'after step {}.'.format(later) in out
    assert_same_end(str(moved), reference)


SLOW = '''
import time
import gym
from gym.envs.classic_control import PendulumEnv

class Slow(PendulumEnv):
    made = 0

    def __init__(self):
        super().__init__()
        Slow.made += 1
        self.name = 'training testing'.split()[Slow.made - 1]

    def step(self, a):
        print(self.name, flush=True)
        time.sleep({seconds})
        return super().step(a)

gym.register('Slow-v0', entry_point=Slow, max_episode_steps=50)
'''


def slow(tmp_path, seconds, *flags):
    """A process that trains in an environment whose steps take time, and print what they are."""
    (tmp_path / 'slow.py').write_text(SLOW.format(seconds=seconds))
    return start('--env', 'slow:Slow-v0', '--data-dir', str(tmp_path / 'out'), '--hid', '8', '8',
                 '--num-test-episodes', '3', '--update-after', '10', '--start-steps', '20', *flags,
                 path=[str(tmp_path)])


def test_a_signal_within_a_test_ends_it_and_the_test_is_done_again(tmp_path):
    flags = '--epochs 2 --steps-per-epoch 60 --save-freq 1 --seed 2'.split()
    process = slow(tmp_path, 0.01, *flags)
    wait_for(process, 'testing')
    step, words = signalled(process, signal.SIGTERM, 143)
    assert step == 60
    finish(start(*words, path=[str(tmp_path)]))
    (tmp_path / 'other').mkdir()
    finish(slow(tmp_path / 'other', 0, *flags))
    assert_same_end(only_run(tmp_path / 'out'), only_run(tmp_path / 'other' / 'out'))


def test_a_second_ctrl_c_ends_at_once(tmp_path):
    process = slow(tmp_path, 30)
    wait_for(process, 'training')
    process.send_signal(signal.SIGINT)
    time.sleep(0.5)
    assert process.poll() is None           # it waits for its step
    process.send_signal(signal.SIGINT)
    begin = time.time()
    finish(process, -signal.SIGINT)
    assert time.time() - begin < 5
    # The checkpoint of the beginning is there all the same.
    with checkpoint.Checkpoints(only_run(tmp_path / 'out'), resume=True) as last:
        assert last.state['t'] == 0


def test_of_two_processes_on_one_run_folder_the_second_is_refused(tmp_path):
    first = slow(tmp_path, 0.01, '--epochs', '100')
    wait_for(first, 'training')
    run = only_run(tmp_path / 'out')
    _, err = finish(start('--resume', run, path=[str(tmp_path)]), 2)
    assert err.count('\n') == 1 and 'process {} on '.format(first.pid) in err
    first.kill()
    first.wait()
    second = start('--resume', run, path=[str(tmp_path)])       # the lock went with its holder
    wait_for(second, 'Going on')
    second.kill()
    second.communicate()


# ---- What --resume accepts ----------------------------------------------------------------------

def test_a_longer_run_is_what_it_would_have_been(reference, tmp_path, main):
    short = PENDULUM + ['--epochs', '3', '--save-freq', '2']
    run = Run(tmp_path / 'out', short).folder
    out = main('--resume', run)[1]
    assert 'has finished its 3 epochs' in out and '--epochs 6' in out
    out, _ = finish(start('--resume', run, '--epochs', '8', '--save-freq', '1', '--seed', '5'))
    assert 'Logging data to ' in out and 'already exists' not in out
    assert_same_end(run, reference)


def test_the_command_for_a_longer_run_is_one_that_is_accepted(tmp_path, main, capsys):
    """Told at the end, and to a --resume that has nothing to do; as far as the rates reach."""
    folder = train_tiny(tmp_path / 'run', '--lr-decay-steps', '330')
    ends = capsys.readouterr().out, main('--resume', folder)[1]
    for out in ends:
        assert 'python ddpg.py --resume {} --epochs 6\n'.format(folder) in out
    code, _, err = main('--resume', folder, '--epochs', '7')
    assert code == 2 and '--lr-decay-steps 330: expected at least 350' in err
    assert 'a run that has begun keeps it, and ends with epoch 6' in err
    code, out, _ = main('--resume', folder, '--epochs', '6')
    assert code == 0
    for out in (out, main('--resume', folder)[1]):
        assert 'a longer run begins with --lr-decay-steps 600' in out and '--epochs' not in out


def test_on_another_processor_a_run_that_goes_on_says_so(tmp_path, capsys, monkeypatch):
    folder = train_tiny(tmp_path / 'run')
    first = read_config(folder)['processor']
    for processor, warnings in ((first, 0), ('Other, model 3', 1)):
        monkeypatch.setattr(origin, 'processor', lambda: processor)
        capsys.readouterr()
        epochs = 1 + read_table(folder).Epoch.iloc[-1]
        _, out, _ = run_main(capsys, '--resume', folder, '--epochs', str(epochs))
        assert out.count('it was begun on another processor') == warnings, out
    assert first in out and 'on this one, Other, model 3, may have' in out
    assert read_config(folder)['processor'] == first


@pytest.mark.parametrize('words, told', [
    ('--seed 6', '--seed 6: expected 5'), ('--gamma 0.9', '--gamma 0.9: expected 0.99'),
    ('--hid 32 25', '--hidden-sizes 32 25: expected 32 24'),
    ('--env HalfCheetah-v2', '--env HalfCheetah-v2: expected Pendulum-v0'),
    ('--num-test-episodes 3', '--num-test-episodes 3: expected 2'),
    ('--epochs 7', '--epochs 7: expected at least 8'), ('--init paper', '--init paper: expected'),
    ('--settings notes', '--settings notes: expected nothing beside --resume'),
    ('--data-dir x', '--data-dir x: expected nothing'), ('--exp-name x', '--exp-name x: expected')])
def test_a_setting_that_would_change_the_run_is_refused_by_name(
        reference, words, told, capsys):
    before = {name: os.stat(os.path.join(reference, name)).st_mtime_ns
              for name in os.listdir(reference)}
    code, out, err = call(capsys, '--resume', reference, *words.split())
    assert code == 2 and out == '' and err.count('\n') == 1 and told in err
    assert before == {name: os.stat(os.path.join(reference, name)).st_mtime_ns
                      for name in os.listdir(reference)}


def test_where_going_on_cannot_write_the_table_stays(tmp_path, capsys, monkeypatch):
    folder = train_tiny(tmp_path / 'run')
    events = str(tmp_path / 'run' / 'events.out.tfevents.life-000001')
    os.remove(events)
    os.mkdir(events)
    before = tree(folder)
    code, _, err = run_main(capsys, '--resume', folder, '--epochs', '6')
    assert code == 1 and err.count('\n') == 1 and 'life-000001' in err
    assert {path: seen for path, seen in tree(folder).items() if 'lock' not in path} == {
        path: seen for path, seen in before.items() if 'lock' not in path}
    monkeypatch.setattr(os, 'access', lambda path, mode: False)
    code, _, err = run_main(capsys, '--resume', folder, '--epochs', '6')
    assert (code, err.count('\n')) == (2, 1) and err.endswith('it cannot be written\n')


def test_a_folder_that_is_no_run_is_refused(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'file').write_text('')
    for name in ('nothing', 'file', '.'):
        assert '--resume {}: expected'.format(name) in refusal(capsys, '--resume', name)
