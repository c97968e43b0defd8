"""
trials.py: runs as processes, started, killed, and compared to the bit: for the scripts beside it,
and for the tests.
"""
import os
import shutil
import signal
import subprocess
import sys
import time

import numpy as np

from harness import checkpoint
from harness.files import read_table
from harness.origin import HERE
from harness.quiet_tf import tf
from harness.settings import Number, defaults_of
import ddpg

# How many epochs a trial with default settings may have: the learning rates come to 0 then.
EPOCHS = Number(int, 1, defaults_of(ddpg.ddpg)['epochs'])

# Small, but with all that a run has: random start, policy, updates, episodes across epochs.
PENDULUM = ('--env Pendulum-v0 --epochs 2 --steps-per-epoch 350 --start-steps 200 '
            '--update-after 100 --num-test-episodes 2 --hid 64 48').split()
CHEETAH = ('--env HalfCheetah-v2 --epochs 2 --steps-per-epoch 200 --start-steps 100 '
           '--update-after 50 --num-test-episodes 1 --max-ep-len 150').split()


class RunFolder:
    """What a run left in its folder: its table, its final weights."""

    def __init__(self, folder):
        self.folder = folder
        with open(os.path.join(self.folder, 'progress.txt')) as table:
            lines = [line.rstrip('\n').split('\t') for line in table]
        self.columns = dict(zip(lines[0], zip(*lines[1:])))
        del self.columns['Time']

    def weights(self):
        """{name: array} of the exported policy and critic."""
        reader = tf.train.load_checkpoint(os.path.join(self.folder, 'tf1_save', 'variables',
                                                       'variables'))
        return {name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()}

    def assert_same_as(self, other, but=()):
        """The same columns (`but` some) and weights, to the bit."""
        assert list(self.columns) == list(other.columns)
        for column in set(self.columns) - set(but):
            assert self.columns[column] == other.columns[column], column
        mine, others = self.weights(), other.weights()
        assert set(mine) == set(others) and len(mine) >= 12
        for name in mine:
            assert mine[name].tobytes() == others[name].tobytes(), name


class Run(RunFolder):
    """`python ddpg.py` in a process of its own."""

    def __init__(self, folder, flags):
        done = subprocess.run(
            [sys.executable, os.path.join(HERE, 'ddpg.py'), '--data-dir', str(folder)] + flags,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True)
        assert done.returncode == 0, done.stderr
        assert done.stderr == '', 'no progress bar in a pipe, and no warnings'
        self.stdout = done.stdout
        super().__init__(only_run(folder))


def only_run(folder):
    """The folder of the only run below a data folder."""
    experiment, = os.listdir(str(folder))
    run, = os.listdir(os.path.join(str(folder), experiment))
    return os.path.join(str(folder), experiment, run)


def start(*flags, code=None, **kwargs):
    """`python ddpg.py flags` as a process with pipes, without buffers; or `code` in its place."""
    script = ['-c', code] if code else [os.path.join(HERE, 'ddpg.py')]
    env = dict(os.environ, PYTHONPATH=os.pathsep.join([HERE] + kwargs.pop('path', [])),
               PYTHONUNBUFFERED='1')
    return subprocess.Popen([sys.executable] + script + list(flags), env=env,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True,
                            **kwargs)


def finish(process, code=0):
    """Wait for the end; what it printed, after a check of its exit code."""
    out, err = process.communicate(timeout=300)
    assert process.returncode == code, (process.returncode, out[-2000:], err)
    return out, err


def wait_for(process, *texts):
    """Read the output of a process up to a line with one of `texts`."""
    seen = ''
    while not any(text in seen for text in texts):
        line = process.stdout.readline()
        assert line, (seen, process.stderr.read())
        seen += line
    return seen


def whole_state(folder):
    """{path: value} of all that the last checkpoint of a run holds, but times."""
    with checkpoint.Checkpoints(folder, resume=True) as last:
        arrays = {}
        tree = checkpoint.without_arrays(last.state, arrays, '')
        held = last.end - last.complete[-1][1]
        files = [dict(np.load(last._path(name))) for name in reversed(last._files)]
    for key in checkpoint.COLUMNS if held else ():
        arrays['replay/' + key] = np.concatenate([file[key] for file in files])[-held:]
    del tree['time'], tree['log']['table'], tree['log']['scalars']
    return dict({path: (array.dtype, array.shape, array.tobytes())
                 for path, array in arrays.items()}, tree=checkpoint.canonical(tree))


def assert_same_end(folder, reference):
    """The run in `folder` ended as that in `reference`: table, weights, and last checkpoint."""
    RunFolder(folder).assert_same_as(RunFolder(reference))
    mine, other = whole_state(folder), whole_state(reference)
    assert set(mine) == set(other)
    for key in mine:
        assert mine[key] == other[key], key


# ---- Killed again and again ----------------------------------------------------------------------

# `python -c KILLED N flags`: ddpg.py, which kills itself at its N-th operation on files.
KILLED = '''
import os, signal, sys
left = int(sys.argv.pop(1))

def counted(function):
    def call(*args, **kwargs):
        global left
        left -= 1
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*args, **kwargs)
    return call

import ddpg
for name in ('fsync', 'replace', 'rename', 'remove', 'open'):
    setattr(os, name, counted(getattr(os, name)))
ddpg.main()
'''


def killed_often(folder, flags, kills, rng, reference):
    """
    Train with SIGKILL again and again: at random moments of its training, or, in every other life,
    at a random operation on files, which is within saving. Each life is resumed from its end, on
    one thread or two.

    Args:
        folder (str): Data folder of the run.
        flags (list of str): Of the run.
        kills (int): How many; fewer where the run ends before.
        rng (np.random.RandomState): Decides the moments.
        reference (str): Folder of such a run that nobody touched: each life has a third of its
            time at most.

    Returns:
        The run's folder, and how many kills there were after its first checkpoint.
    """
    died, begun_again = 0, False
    seconds = float(read_table(reference).Time.iloc[-1]) / 3
    words = ['--data-dir', str(folder)] + flags
    while True:
        words = words + ['--threads', str(rng.randint(1, 3))]
        in_saving, last = died % 2, died == kills
        if in_saving and not last:
            process = start(str(rng.randint(1, 40)), *words, code=KILLED)
        else:
            process = start(*words)
            seen = wait_for(process, 'Logging data', 'has finished')
            if not last and 'has finished' not in seen:
                while begun_again and process.poll() is None and not checkpoint.is_in(
                        only_run(folder)):
                    time.sleep(0.01)
                time.sleep(rng.uniform(0, seconds))
                process.kill()
        out, err = process.communicate(timeout=3600)
        run = only_run(folder)
        if process.returncode == 0:
            return run, died
        assert process.returncode == -signal.SIGKILL, (process.returncode, out[-2000:], err)
        if checkpoint.is_in(run):
            died, words = died + 1, ['--resume', run]
        else:               # before the very first checkpoint: it says so, and begins again
            out, err = finish(start('--resume', run), 2)
            assert err.count('\n') == 1 and 'checkpoint' in err
            shutil.rmtree(str(folder))
            begun_again, words = True, ['--data-dir', str(folder)] + flags
