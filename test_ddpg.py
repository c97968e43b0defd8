"""
test_ddpg.py: the update against NumPy, the replay buffer, the loop's episodes and time limits.
"""
import gym
import numpy as np
import pytest
import tensorflow as tf
from gym.spaces import Box

import core
import ddpg

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
            self.sess = tf.Session(config=ddpg.session_config(threads))
            self.sess.run(tf.global_variables_initializer())
        # Biases start at 0 and the targets would equal the main networks: make all of it generic.
        rng = np.random.RandomState(seed)
        for name, value in self.weights().items():
            self.load(name, value + 0.1 * rng.randn(*value.shape))

    def load(self, name, value):
        with self.tf_graph.as_default():
            [v for v in tf.trainable_variables() if v.op.name == name][0].load(value, self.sess)

    def weights(self):
        return dict(zip(self.names, self.sess.run([name + ':0' for name in self.names])))

    def run(self, fetches, batch=None):
        g = self.graph
        feed = dict(zip((g.x, g.a, g.r, g.x2, g.d), batch or minibatch()))
        feed[g.o] = np.zeros((1, OBS))
        return self.sess.run(fetches, feed)


# ---- A reference in NumPy, float64 --------------------------------------------------------------

def dense_stack(w, scope, h, a=None, action_layer=1):
    for i, layer in enumerate(('dense', 'dense_1', 'dense_2'), start=1):
        if a is not None and i == action_layer:
            h = np.concatenate([h, a], axis=1)
        h = h @ w[scope + layer + '/kernel'] + w[scope + layer + '/bias']
        if i < 3:
            h = np.maximum(h, 0)
    return h


def numpy_pi(w, net, x):
    return (SPACE.high - SPACE.low) / 2 * np.tanh(dense_stack(w, net + '/pi/', x)) + (
        SPACE.high + SPACE.low) / 2


def numpy_q(w, net, x, a, action_layer=1):
    return dense_stack(w, net + '/q/', x, a, action_layer)[:, 0]


def finite_differences(loss, w, names, eps=1e-6):
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


def numpy_update(w, batch, gamma, polyak, pi_lr, q_lr, weight_decay, decay_kind, action_layer=1):
    """One update of Algorithm 1 from scratch: backup, critic, actor, targets; Adam's first step."""
    x, a, r, x2, d = (np.asarray(v, np.float64) for v in batch)
    w = {name: np.asarray(value, np.float64) for name, value in w.items()}
    backup = r + gamma * (1 - d) * numpy_q(w, 'target', x2, numpy_pi(w, 'target', x2),
                                           action_layer)

    def q_loss(w):
        loss = np.mean((backup - numpy_q(w, 'main', x, a, action_layer)) ** 2)
        if decay_kind == 'l2':
            loss += weight_decay / 2 * sum((w[name] ** 2).sum() for name in q_names)
        return loss

    def pi_loss(w):
        return -np.mean(numpy_q(w, 'main', x, numpy_pi(w, 'main', x), action_layer))

    def adam(loss, names, lr):
        for name, grad in finite_differences(loss, w, names).items():
            # The first step: both moments, corrected for their bias, are the gradient's own. TF's
            # epsilon counts before the correction: sqrt(1 - 0.999) times as much.
            w[name] = w[name] - lr * grad / (np.abs(grad) + 1e-8 / np.sqrt(1 - 0.999))

    q_names = [name for name in w if name.startswith('main/q/')]
    pi_names = [name for name in w if name.startswith('main/pi/')]
    grads_before_decay = dict(w)
    rate = {'times_lr': q_lr * weight_decay, 'per_step': weight_decay, 'l2': 0}[decay_kind]
    adam(q_loss, q_names, q_lr)
    for name in q_names:
        w[name] = w[name] - rate * grads_before_decay[name]
    adam(pi_loss, pi_names, pi_lr)
    for name in w:
        if name.startswith('target/'):
            w[name] = polyak * w[name.replace('target/', 'main/', 1)] + (1 - polyak) * w[name]
    return backup, w


@pytest.mark.parametrize('decay_kind', ['times_lr', 'per_step', 'l2'])
@pytest.mark.parametrize('action_layer', [1, 2, 3])
def test_one_update_is_algorithm_1(decay_kind, action_layer):
    settings = dict(gamma=0.9, polyak=0.3, pi_lr=2e-2, q_lr=3e-2, weight_decay=0.1,
                    decay_kind=decay_kind)
    tiny = Tiny(ac_kwargs=dict(TINY, action_layer=action_layer), **settings)
    before = tiny.weights()
    backup, expected = numpy_update(before, minibatch(), action_layer=action_layer, **settings)
    got_backup, _ = tiny.run([tiny.graph.backup, tiny.graph.targ_step])
    np.testing.assert_allclose(got_backup, backup, rtol=1e-5)
    for name, value in tiny.weights().items():
        # Adam's first step is lr * sign(grad): where the gradient is about 0, anything goes.
        np.testing.assert_allclose(value, expected[name], atol=2e-5, err_msg=name)
        if 'bias' not in name:
            assert np.abs(value - before[name]).max() > 1e-3
