"""
kit.py: what several test files need: the command lines in this process, graphs of tiny networks;
and runs as processes with what they leave, which tools/bench has, too.
"""
import os
import re

import numpy as np
from gym.spaces import Box

import ddpg
from harness.agent import session_config
from harness.origin import HERE
from harness.quiet_tf import tf
from tools.bench.trials import (CHEETAH, PENDULUM, Run, RunFolder, assert_same_end, finish,
                                killed_often, only_run, start, wait_for, whole_state)


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
    before = tree('.')
    code, out, err = call(capsys, *flags, main=main)
    assert (code, out) == (2, ''), (code, out, err)
    assert re.match(re.escape(prog) + ': error: ', err) and err.count('\n') == 1, err
    assert tree('.') == before
    return err


def tree(folder):
    """{path: (kind, size, time of the last change)} of all below a folder, hidden ones, too."""
    paths = (os.path.join(where, name) for where, folders, files in os.walk(folder)
             for name in folders + files)
    return {path: (os.lstat(path).st_mode, os.lstat(path).st_size, os.lstat(path).st_mtime_ns)
            for path in paths}


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
