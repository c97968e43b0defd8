"""
kit.py: what several test files need: runs as processes and what they leave, the command lines in
this process, and graphs of tiny networks.
"""
import glob
import os
import re
import subprocess
import sys

import numpy as np
from gym.spaces import Box

import ddpg
from harness import checkpoint
from harness.agent import session_config
from harness.origin import HERE
from harness.quiet_tf import tf

# ---- Runs as processes, and what they leave ------------------------------------------------------

# Small, but with all that a run has: random start, policy, updates, episodes across epochs.
PENDULUM = ('--env Pendulum-v0 --epochs 2 --steps-per-epoch 350 --start-steps 200 '
            '--update-after 100 --num-test-episodes 2 --hid 64 48').split()


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
        assert set(mine) == set(others) and len(mine) == 12
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
    """`python ddpg.py flags` as a process with pipes; or `code` in its place."""
    script = ['-c', code] if code else [os.path.join(HERE, 'ddpg.py')]
    env = dict(os.environ, PYTHONPATH=os.pathsep.join([HERE] + kwargs.pop('path', [])))
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
    for key in 'x a r x2 d'.split() if held else ():
        arrays['replay/' + key] = np.concatenate([file[key] for file in files])[-held:]
    del tree['time'], tree['log']['table']
    return dict({path: (array.dtype, array.shape, array.tobytes())
                 for path, array in arrays.items()}, tree=checkpoint.canonical(tree))


def assert_same_end(folder, reference):
    """The run in `folder` ended as that in `reference`: table, weights, and last checkpoint."""
    RunFolder(folder).assert_same_as(RunFolder(reference))
    mine, other = whole_state(folder), whole_state(reference)
    assert set(mine) == set(other)
    for key in mine:
        assert mine[key] == other[key], key


# ---- Command lines in this process ---------------------------------------------------------------

def run_main(capsys, *flags, main=ddpg.main):
    """(exit code or None, stdout, stderr) of a command in this process: `python ddpg.py flags`."""
    code = None
    try:
        main([str(flag) for flag in flags])
    except SystemExit as end:
        code = end.code
    out, err = capsys.readouterr()
    return code, out, err


def call(capsys, *flags, main=ddpg.main):
    """The same, of flags that must end the process."""
    code, out, err = run_main(capsys, *flags, main=main)
    assert code is not None, 'main() returned'
    return code, out, err


def refusal(capsys, *flags, main=ddpg.main, prog='ddpg.py'):
    """The line on stderr of a command that is refused: exit code 2, and nothing is touched."""
    def tree():
        return {path: os.stat(path).st_mtime_ns for path in glob.glob('**', recursive=True)}

    before = tree()
    code, out, err = call(capsys, *flags, main=main)
    assert (code, out) == (2, ''), (code, out, err)
    assert re.match(re.escape(prog) + ': error: ', err) and err.count('\n') == 1, err
    assert tree() == before
    return err


# ---- Tiny networks -------------------------------------------------------------------------------

OBS, ACT, N = 3, 2, 5
SPACE = Box(np.float32([-2, -1]), np.float32([2, 3]))      # one dimension is not symmetric
TINY = dict(hidden_sizes=(7, 6), action_space=SPACE)


def minibatch(seed=0):
    """x, a, r, x2, d; the last row is terminal."""
    rng = np.random.RandomState(seed)
    d = np.zeros(N)
    d[-1] = 1
    return [np.float32(v) for v in (rng.randn(N, OBS), rng.uniform(-1, 1, (N, ACT)), rng.randn(N),
                                    rng.randn(N, OBS), d)]


class Tiny:
    """A graph of tiny networks and a session; `run` feeds a minibatch."""

    def __init__(self, threads=1, ac_kwargs=TINY, seed=0, **kwargs):
        self.tf_graph = tf.Graph()
        with self.tf_graph.as_default():
            tf.set_random_seed(seed)
            self.graph = ddpg.build_graph(OBS, ACT, ac_kwargs=ac_kwargs, **kwargs)
            self.names = [v.op.name for v in tf.trainable_variables()]
            self.sess = tf.Session(config=session_config(threads))
            self.sess.run(tf.global_variables_initializer())
        # Biases start at 0 and the targets would equal the main networks: make all of it generic.
        rng = np.random.RandomState(seed)
        for name, value in self.weights().items():
            self.load(name, value + 0.1 * rng.randn(*value.shape))

    def load(self, name, value):
        """Set a variable."""
        with self.tf_graph.as_default():
            [v for v in tf.trainable_variables() if v.op.name == name][0].load(value, self.sess)

    def weights(self):
        """{name: array} of all trainable variables."""
        return dict(zip(self.names, self.sess.run([name + ':0' for name in self.names])))

    def run(self, fetches, batch=None, rate=None):
        """What the session gives for a minibatch."""
        g = self.graph
        feed = dict(zip((g.x, g.a, g.r, g.x2, g.d), batch or minibatch()))
        feed[g.o] = np.zeros((1, OBS))
        if g.a2 is not None:
            feed[g.a2] = feed[g.a][::-1]
        if rate is not None:
            feed[g.rate] = rate
        return self.sess.run(fetches, feed)
