"""
kit.py: what several test files need: the command lines in this process, the loop without networks,
graphs of tiny ones; and runs as processes with what they leave, which tools/bench has, too.
"""
import contextlib
import os
import re
import subprocess
import sys

import numpy as np
import pytest
from gym.spaces import Box

import ddpg
from harness import cli, guard
from harness import run as harness_run
from harness.agent import session_config, set_variables
from harness.envs import CheckedEnv
from harness.origin import HERE
from harness.quiet_tf import tf
from harness.recorded import RecordedEnv
from tools.bench.trials import (CHEETAH, KILLED, PENDULUM, Run, RunFolder, assert_same_end, finish,
                                killed_often, only_run, start, wait_for, whole_state)


def recorded(env):
    """An environment as ddpg() holds it."""
    return RecordedEnv(CheckedEnv(env, guard.Watch(lambda: 'here')))


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

TINY_FLAGS = ('--env Pendulum-v0 --epochs 4 --steps-per-epoch 50 --start-steps 60 '
              '--update-after 20 --batch-size 8 --hid 6 5 --max-ep-len 40 --num-test-episodes 1 '
              '--save-freq 1 --replay-size 120').split()


def train_tiny(folder, *flags, **kwargs):
    """A run of TINY_FLAGS in `folder`, in this process."""
    _, _, _, settings = cli.parse_args(TINY_FLAGS + list(flags), ddpg.ddpg)
    ddpg.ddpg('Pendulum-v0', logger_kwargs=dict(output_dir=str(folder), exp_name='tiny'),
              **dict(settings, **kwargs))
    return str(folder)


def spinup_command(*words, **env):
    """`python -m spinup.run words` in a process without a display."""
    env = dict({k: v for k, v in os.environ.items() if 'DISPLAY' not in k}, **env)
    return subprocess.run([sys.executable, '-m', 'spinup.run'] + list(words), env=env,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True)


# ---- The loop without networks -------------------------------------------------------------------

SMALL = dict(epochs=1, steps_per_epoch=60, start_steps=20, update_after=30, num_test_episodes=1,
             batch_size=4, replay_size=1000, threads=1, max_ep_len=50,
             ac_kwargs=dict(hidden_sizes=(8, 8)))


class FakeAgent:
    """In place of an Agent, without TensorFlow: acts far beyond all bounds, and learns nothing."""
    updates = 0

    def __init__(self, dims, seed):
        self.dims, self.rng = dims, np.random.RandomState(seed)

    def act(self, o):
        size = 1e7 * self.rng.randint(2, size=self.dims)
        return np.float32(size * self.rng.randn(self.dims))

    def policy(self, env):
        return lambda o: env.legal(self.act(o))

    def update(self, batch, next_o, t):
        return dict(QVals=batch[2], TargetVals=batch[2], LossQ=np.float32(0), LossPi=np.float32(0))

    def judged(self, played, gamma, space):
        return dict.fromkeys(('QBias', 'QRMSE', 'QCorr', 'QR2', 'ActSaturation'), 0.)

    def size(self):
        return 'none'

    def draw(self, folder):
        pass

    def exporter(self, logger, actor_critic, ac_kwargs):
        return self

    def lasting_policy(self, export, env):
        return self.act

    def save(self, env):
        pass

    def get_state(self):
        return dict(updates=self.updates)

    def set_state(self, state):
        pass

    def random_operations(self):
        return []

    def close(self):
        pass


def without_networks(patch):
    """Let ddpg() have a FakeAgent, and no graph; `patch` is a MonkeyPatch."""
    patch.setattr(ddpg, 'build_graph', lambda *args, **kwargs: None)
    patch.setattr(harness_run.Run, 'make_agent',
                  lambda self, graph, seed: FakeAgent(self.act_dim, seed))


def replay_of(env_fn, folder, **kwargs):
    """The replay buffer of a run of FakeAgent."""
    buffers = []
    with pytest.MonkeyPatch.context() as patch:
        without_networks(patch)
        patch.setattr(ddpg, 'ReplayBuffer', lambda *args, cls=ddpg.ReplayBuffer: (
            buffers.append(cls(*args)) or buffers[-1]))
        with contextlib.redirect_stdout(open(os.devnull, 'w')):
            ddpg.ddpg(env_fn, **dict(dict(SMALL, logger_kwargs=dict(output_dir=str(folder))),
                                     **kwargs))
    return buffers[0]


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
            trained = tf.trainable_variables()
            self.variables = {v.op.name: v for v in tf.global_variables()
                              if v in trained or '/moving_' in v.op.name}
            self.sess = tf.Session(config=session_config(threads))
            self.sess.run(tf.global_variables_initializer())
        # Biases start at 0 and the targets would equal the main networks: make all of it generic.
        rng = np.random.RandomState(seed)
        set_variables(self.sess, {self.variables[name]: value + 0.1 * rng.randn(*value.shape)
                                  for name, value in self.weights().items()})

    def load(self, name, value):
        """Set a variable."""
        set_variables(self.sess, {self.variables[name]: value})

    def weights(self):
        """{name: array} of all variables of the networks, moving averages among them."""
        return self.sess.run(self.variables)

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


# ---- A reference in NumPy, float64 ---------------------------------------------------------------

def normalised(w, scope, h, seen):
    """
    What batch normalisation makes of h (N, units), if `w` ({name: array}) has it in this scope.

    `seen` is a dict that the minibatch's mean and variance go to, which count then; or None, where
    the moving averages count.
    """
    if scope + '/scale' not in w:
        return h
    names = scope + '/moving_mean', scope + '/moving_variance'
    mean, variance = (w[name] for name in names)
    if seen is not None:
        mean, variance = h.mean(axis=0), h.var(axis=0)
        seen.update(zip(names, (mean, variance)))
    return w[scope + '/scale'] * (h - mean) / np.sqrt(variance + 1e-3) + w[scope + '/shift']


def dense_stack(w, scope, h, a=None, action_layer=2, seen=None):
    """A network of two hidden layers; see `normalised`."""
    h = normalised(w, scope + 'norm', h, seen)
    for i, layer in enumerate(('dense', 'dense_1', 'dense_2'), start=1):
        if a is not None and i == action_layer:
            h = np.concatenate([h, a], axis=1)
        h = h @ w[scope + layer + '/kernel'] + w.get(scope + layer + '/bias', 0)
        h = normalised(w, scope + 'norm_{}'.format(i), h, seen)
        if i < 3:
            h = np.maximum(h, 0)
    return h


def numpy_pi(w, net, x, seen=None):
    """mu(x), (N, ACT), of the networks in the scope `net`."""
    return (SPACE.high - SPACE.low) / 2 * np.tanh(dense_stack(
        w, net + '/pi/', x, seen=seen)) + (SPACE.high + SPACE.low) / 2


def numpy_q(w, net, x, a, action_layer=2, seen=None):
    """Q(x, a), (N,), of the networks in the scope `net`."""
    return dense_stack(w, net + '/q/', x, a, action_layer, seen)[:, 0]


def finite_differences(loss, w, names, eps=1e-6):
    """{name: gradient} of loss(w), a number, at some of the arrays in w."""
    grads = {}
    for name in names:
        grads[name] = np.zeros_like(w[name])
        for i in np.ndindex(w[name].shape):
            up, down = dict(w), dict(w)
            up[name], down[name] = w[name].copy(), w[name].copy()
            up[name][i] += eps
            down[name][i] -= eps
            grads[name][i] = (loss(up) - loss(down)) / (2 * eps)
    return grads


def numpy_update(w, batch, gamma, polyak, pi_lr, q_lr, weight_decay, decay_kind, action_layer=2,
                 target='target'):
    """
    One update of Algorithm 1 from scratch: backup, critic, actor, targets; Adam's first step.

    Args:
        w (dict): {name: array} of all variables, moving averages among them.
        batch: See `minibatch`.
        target (str): The scope of the backup's networks.
        others: See `ddpg.ddpg`.

    Returns:
        The backup, (N,), and {name: array} afterwards.
    """
    x, a, r, x2, d = (np.asarray(v, np.float64) for v in batch)
    w = {name: np.asarray(value, np.float64) for name, value in w.items()}
    backup = r + gamma * (1 - d) * numpy_q(w, target, x2, numpy_pi(w, target, x2, {}),
                                           action_layer, {})

    def q_loss(w):
        loss = np.mean((backup - numpy_q(w, 'main', x, a, action_layer, {})) ** 2)
        if decay_kind == 'l2':
            loss += weight_decay / 2 * sum((w[name] ** 2).sum() for name in q_names)
        return loss

    def pi_loss(w):
        return -np.mean(numpy_q(w, 'main', x, numpy_pi(w, 'main', x, {}), action_layer, {}))

    def adam(loss, names, lr):
        for name, grad in finite_differences(loss, w, names).items():
            # The first step: both moments, corrected for their bias, are the gradient's own. TF's
            # epsilon counts before the correction: 1 / sqrt(1 - 0.999) times as much.
            w[name] = w[name] - lr * grad / (np.abs(grad) + 1e-8 / np.sqrt(1 - 0.999))

    q_names, pi_names = ([name for name in w if name.startswith(scope) and 'moving' not in name]
                         for scope in ('main/q/', 'main/pi/'))
    seen, before = {}, dict(w)
    numpy_q(w, 'main', x, a, action_layer, seen)
    numpy_pi(w, 'main', x, seen)
    rate = {'times_lr': q_lr * weight_decay, 'per_step': weight_decay, 'l2': 0}[decay_kind]
    adam(q_loss, q_names, q_lr)
    for name in q_names:
        w[name] = w[name] - rate * before[name]
    adam(pi_loss, pi_names, pi_lr)
    for name, of_batch in seen.items():
        w[name] = 0.99 * w[name] + 0.01 * of_batch
    for name in w:
        if name.startswith('target/'):
            w[name] = polyak * w[name.replace('target/', 'main/', 1)] + (1 - polyak) * w[name]
    return backup, w
