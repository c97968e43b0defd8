"""
test_ddpg.py: the update against NumPy, the replay buffer, the loop's episodes and time limits.
"""
import os
import threading

import gym
import numpy as np
import pytest
from gym.spaces import Box
from gym.wrappers import TimeLimit

import core
import ddpg
from harness import agent, guard, truth
from harness.quiet_tf import tf
from kit import (ACT, N, OBS, SPACE, TINY, Tiny, finite_differences, minibatch, numpy_pi, numpy_q,
                 numpy_update, without_networks)


# ---- The update --------------------------------------------------------------------------------

@pytest.mark.parametrize('decay_kind', ['times_lr', 'per_step', 'l2'])
@pytest.mark.parametrize('action_layer', [1, 2, 3])
def test_one_update_is_algorithm_1(decay_kind, action_layer):
    settings = dict(gamma=0.9, polyak=0.3, pi_lr=2e-2, q_lr=3e-2, weight_decay=0.1,
                    decay_kind=decay_kind)
    tiny = Tiny(ac_kwargs=dict(TINY, action_layer=action_layer), **settings)
    before = tiny.weights()
    backup, expected = numpy_update(before, minibatch(), action_layer=action_layer, **settings)
    q = numpy_q(before, 'main', *minibatch()[:2], action_layer)
    g = tiny.graph
    got_backup, q_loss, _ = tiny.run([g.backup, g.q_loss, g.targ_step])
    np.testing.assert_allclose(got_backup, backup, rtol=1e-5)
    assert q_loss == pytest.approx(np.mean((backup - q) ** 2), 1e-4), 'it has no decay in it'
    for name, value in tiny.weights().items():
        # Adam's first step is lr * sign(grad): where the gradient is about 0, anything goes.
        np.testing.assert_allclose(value, expected[name], atol=2e-5, err_msg=name)
        if 'bias' not in name:
            assert np.abs(value - before[name]).max() > 1e-3


@pytest.mark.parametrize('decay_kind', ['times_lr', 'per_step', 'l2'])
def test_a_share_of_the_learning_rates_is_that_much_of_both_and_of_the_decay(decay_kind):
    settings = dict(gamma=0.9, polyak=0.3, weight_decay=0.1, decay_kind=decay_kind)
    falling = Tiny(lr_decay=True, pi_lr=2e-2, q_lr=3e-2, **settings)
    lower = Tiny(pi_lr=0.25 * 2e-2, q_lr=0.25 * 3e-2, **dict(
        settings, weight_decay=0.25 * 0.1 if decay_kind == 'per_step' else 0.1))
    for i in range(3):
        falling.run(falling.graph.targ_step, minibatch(i), rate=0.25)
        lower.run(lower.graph.targ_step, minibatch(i))
    for name, value in falling.weights().items():
        np.testing.assert_allclose(value, lower.weights()[name], rtol=1e-5, atol=1e-6)
    before = falling.weights()
    falling.run(falling.graph.targ_step, rate=0.)
    for name, value in falling.weights().items():
        assert np.array_equal(value, before[name]) == name.startswith('main/'), name


def test_constant_learning_rates_have_no_operation_more_and_falling_ones_the_same_weights():
    constant, falling = Tiny(), Tiny(lr_decay=True)
    names, more = ([op.name for op in tiny.tf_graph.get_operations()]
                   for tiny in (constant, falling))
    assert constant.graph.rate == 1. and not any('rate' in name.split('/') for name in names)
    assert len(more) > len(names)
    for name, value in falling.weights().items():
        np.testing.assert_array_equal(value, constant.weights()[name])


def test_the_backup_stops_at_terminal_states():
    tiny = Tiny(gamma=0.99)
    x, a, r, x2, _ = minibatch()
    live = tiny.run(tiny.graph.backup, [x, a, r, x2, np.zeros(N)])
    dead = tiny.run(tiny.graph.backup, [x, a, r, x2, np.ones(N)])
    np.testing.assert_array_equal(dead, r)
    w = tiny.weights()
    np.testing.assert_allclose(
        live, r + 0.99 * numpy_q(w, 'target', x2, numpy_pi(w, 'target', x2)), rtol=1e-5)
    assert live.shape == dead.shape == (N,)


def test_gradients_against_finite_differences():
    tiny = Tiny(gamma=0.9)
    g, w = tiny.graph, tiny.weights()
    with tiny.tf_graph.as_default():
        q_vars, pi_vars = core.get_vars('main/q/'), core.get_vars('main/pi/')
        grads = tiny.run(tf.gradients(g.q_loss, q_vars) + tf.gradients(-tf.reduce_mean(g.q_pi),
                                                                       pi_vars))
    w = {name: np.asarray(value, np.float64) for name, value in w.items()}
    x, a, r, x2, d = minibatch()
    backup = r + 0.9 * (1 - d) * numpy_q(w, 'target', x2, numpy_pi(w, 'target', x2))
    expected = finite_differences(
        lambda w: np.mean((backup - numpy_q(w, 'main', x, a)) ** 2), w, [v.op.name for v in q_vars])
    expected.update(finite_differences(
        lambda w: -np.mean(numpy_q(w, 'main', x, numpy_pi(w, 'main', x))), w,
        [v.op.name for v in pi_vars]))
    for variable, grad in zip(q_vars + pi_vars, grads):
        np.testing.assert_allclose(grad, expected[variable.op.name], rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize('marks', [{}, dict(transpose_a=True), dict(transpose_b=True),
                                   dict(transpose_a=True, transpose_b=True)])
def test_products_in_an_activation_have_their_gradients(marks):
    with tf.Graph().as_default() as graph, tf.Session() as sess:
        rng = np.random.RandomState(0)
        x, w = (tf.constant(rng.randn(4, 4), tf.float32) for _ in 'xw')

        def y():
            return tf.matmul(x, w, **marks) ** 2
        with graph.gradient_override_map(core.FAST_GRADIENTS):
            ours = tf.gradients(y(), [x, w])
        for our, theirs in zip(*sess.run([ours, tf.gradients(y(), [x, w])])):
            np.testing.assert_allclose(our, theirs, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize('weight, marks', [
    ('x', {}), ('x', dict(transpose_a=True)), ('w', dict(transpose_b=True))])
def test_a_weight_that_is_transposed_is_read_in_its_own_pass(weight, marks):
    """An update of it waits for the backward pass before it, and the next pass for the update."""
    with tf.Graph().as_default() as graph:
        shapes = [(4, 4) if weight == name else (4, None) for name in 'xw']
        operands = [tf.placeholder(tf.float32, shape, name) for shape, name in zip(shapes, 'xw')]
        with graph.gradient_override_map(core.FAST_GRADIENTS):
            y = tf.matmul(*operands, **marks)
        tf.gradients(y, operands, grad_ys=[tf.identity(y)])
        reads = [op for op in graph.get_operations()
                 if op.type == 'Transpose' and op.inputs[0].op.name == weight]
        waits = [[before.name for before in op.inputs[1].op.control_inputs] for op in reads]
        assert waits and all(names == ['gradients/grad_ys_0'] for names in waits)


def test_gradient_norms():
    tiny = Tiny(gamma=0.9, q_lr=1e-9)       # the actor's gradient is by the critic after its step
    g, w = tiny.graph, tiny.weights()
    norms = tiny.run([g.q_grad_norm, g.pi_grad_norm])
    w = {name: np.asarray(value, np.float64) for name, value in w.items()}
    x, a, r, x2, d = minibatch()
    backup = r + 0.9 * (1 - d) * numpy_q(w, 'target', x2, numpy_pi(w, 'target', x2))
    for norm, loss, scope in (
            (norms[0], lambda w: np.mean((backup - numpy_q(w, 'main', x, a)) ** 2), 'main/q/'),
            (norms[1], lambda w: -np.mean(numpy_q(w, 'main', x, numpy_pi(w, 'main', x))),
             'main/pi/')):
        grads = finite_differences(loss, w, [name for name in w if name.startswith(scope)])
        assert norm == pytest.approx(np.sqrt(sum((v ** 2).sum() for v in grads.values())), 1e-4)


def test_the_critic_alone():
    settings = dict(gamma=0.9, polyak=0.3, q_lr=3e-2, policy='random')
    tiny = Tiny(**settings)
    before = {name: np.asarray(value, np.float64) for name, value in tiny.weights().items()}
    x, a, r, x2, d = minibatch()
    backup = r + 0.9 * (1 - d) * numpy_q(before, 'target', x2, a[::-1])
    got, _ = tiny.run([tiny.graph.backup, tiny.graph.targ_step])
    np.testing.assert_allclose(got, backup, rtol=1e-5)
    grads = finite_differences(lambda w: np.mean((backup - numpy_q(w, 'main', x, a)) ** 2), before,
                               [name for name in before if name.startswith('main/q/')])
    for name, after in tiny.weights().items():
        if name in grads:
            sure = np.abs(grads[name]) > 1e-3       # Adam's first step is lr * sign(grad)
            np.testing.assert_allclose((after - before[name])[sure],
                                       -3e-2 * np.sign(grads[name])[sure], rtol=1e-3)
        elif name.startswith('main/pi/'):
            np.testing.assert_array_equal(after, np.float32(before[name]))
        else:
            main = tiny.weights()[name.replace('target/', 'main/')]
            np.testing.assert_allclose(after, 0.3 * main + 0.7 * before[name], rtol=1e-5,
                                       atol=1e-6)


def test_the_columns_of_an_update_are_what_they_are_called():
    tiny = Tiny(gamma=0.9, q_lr=3e-2)
    g, (x, a, r, x2, d) = tiny.graph, minibatch()
    with tiny.tf_graph.as_default():
        learner = agent.Agent(g, guard.Watch(lambda: ''), 1)
        norms = [tf.global_norm(tf.gradients(loss, core.get_vars(scope)))
                 for loss, scope in ((g.q_loss, 'main/q/'), (-tf.reduce_mean(g.q_pi), 'main/pi/'))]
    feed = dict(zip((g.x, g.a, g.r, g.x2, g.d), minibatch()))
    w = learner.sess.run(tiny.variables)
    for name in w:              # it begins with targets that are copies
        np.testing.assert_array_equal(w[name], w[name.replace('target/', 'main/', 1)], name)
    norm_q, _ = learner.sess.run(norms, feed)
    found = learner.update(minibatch(), np.ones(OBS, np.float32), t=1)
    after = learner.sess.run(tiny.variables)
    pi = numpy_pi(w, 'main', x)
    backup = r + 0.9 * (1 - d) * numpy_q(w, 'target', x2, numpy_pi(w, 'target', x2))
    for column, expected in dict(
            QVals=numpy_q(w, 'main', x, a), TargetVals=backup, GradNormQ=norm_q,
            LossQ=np.mean((backup - numpy_q(w, 'main', x, a)) ** 2),
            LossPi=-np.mean(numpy_q(after, 'main', x, pi))).items():
        np.testing.assert_allclose(found.pop(column), expected, rtol=1e-3, atol=1e-5,
                                   err_msg=column)
    assert list(found) == ['GradNormPi'] and found['GradNormPi'] != norm_q
    np.testing.assert_allclose(learner.next_a, numpy_pi(after, 'main', np.ones((1, OBS))),
                               rtol=1e-5)


@pytest.mark.parametrize('norm', ['none', 'batch'])
def test_q_of_more_pairs_than_go_into_one_call(norm):
    """As it is tested: normalised by the moving averages."""
    tiny = Tiny(ac_kwargs=dict(TINY, norm=norm))
    with tiny.tf_graph.as_default():
        learner = agent.Agent(tiny.graph, guard.Watch(lambda: ''), 1)
    rng = np.random.RandomState(0)
    x, a = np.float32(3 * rng.randn(2345, OBS) + 1), rng.uniform(-1, 1, (2345, ACT))
    w = learner.sess.run(tiny.variables)
    np.testing.assert_allclose(learner.q(x, a), numpy_q(w, 'main', x, a), rtol=1e-3, atol=1e-4)
    a = np.array([[2, 3], [0, 0], [-2, 0], [0, 2.9], [0, 0]])
    episode = truth.Episode(x[:5], a, np.ones(4), True)
    assert learner.judged([episode], 0.9, SPACE)['ActSaturation'] == 3 / 10


@pytest.mark.parametrize('threads', [1, 2])
def test_updates_repeat_bit_for_bit(threads):
    # Wide enough for a race to have time: an unordered graph fails this within a few updates.
    wide = dict(hidden_sizes=(300, 200), action_space=SPACE)

    def trained():
        tiny = Tiny(threads=threads, ac_kwargs=wide, weight_decay=0.1, decay_kind='per_step')
        acted = [tiny.run([tiny.graph.next_pi_o, tiny.graph.targ_step], minibatch(i))[0]
                 for i in range(100)]
        now = tiny.sess.run(tiny.graph.pi_o, {tiny.graph.o: np.zeros((1, OBS))})
        np.testing.assert_array_equal(acted[-1], now)       # acts by the new weights
        return tiny.weights()

    first, second = trained(), trained()
    for name in first:
        np.testing.assert_array_equal(first[name], second[name], err_msg=name)


def test_shapes_and_action_bounds():
    tiny = Tiny()
    pi, q, q_pi, backup, q_loss, pi_loss = tiny.run(
        [getattr(tiny.graph, name) for name in
         ('pi', 'q', 'q_pi', 'backup', 'q_loss', 'pi_loss')])
    assert pi.shape == (N, ACT) and q.shape == q_pi.shape == backup.shape == (N,)
    assert q_loss.shape == pi_loss.shape == ()
    far = 1e3 * np.random.RandomState(0).randn(200, OBS)
    pi = tiny.run(tiny.graph.pi, [far] + minibatch()[1:])
    np.testing.assert_allclose(pi.min(axis=0), SPACE.low, rtol=1e-5)
    np.testing.assert_allclose(pi.max(axis=0), SPACE.high, rtol=1e-5)


def test_variables_are_set_whatever_their_first_values_share():
    with tf.Graph().as_default(), tf.Session() as sess:
        first = tf.zeros(2)
        values = {tf.Variable(first): [1, 2], tf.Variable(first): [3, 4],
                  tf.Variable(first, use_resource=True): [5, 6], tf.Variable(7.): 8}
        agent.set_variables(sess, values)
        for variable, value in values.items():
            np.testing.assert_array_equal(sess.run(variable), value)


@pytest.mark.parametrize('init', ['paper', 'torch'])
def test_initialisation_bounds(init):
    with tf.Graph().as_default(), tf.Session() as sess:
        tf.set_random_seed(0)
        ddpg.build_graph(OBS, ACT, ac_kwargs=dict(hidden_sizes=(50, 40), init=init,
                                                  action_layer=2, action_space=SPACE))
        sess.run(tf.global_variables_initializer())
        fan_in = {'main/pi/dense/': OBS, 'main/q/dense/': OBS, 'main/pi/dense_1/': 50,
                  'main/q/dense_1/': 50 + ACT}
        bounds = {scope: 1 / np.sqrt(n) for scope, n in fan_in.items()}
        last = 3e-3 if init == 'paper' else 1 / np.sqrt(40)
        bounds.update({'main/pi/dense_2/': last, 'main/q/dense_2/': last})
        for scope, bound in bounds.items():
            for value in sess.run(core.get_vars(scope)):
                assert np.abs(value).max() <= bound
                if value.size > 30:
                    assert np.abs(value).max() > 0.9 * bound


@pytest.mark.parametrize('wrong', [dict(init='zeros'), dict(action_layer=0), dict(action_layer=4)])
def test_networks_refuse_what_they_cannot_build(wrong):
    with tf.Graph().as_default(), pytest.raises(ValueError, match='expected'):
        ddpg.build_graph(OBS, ACT, ac_kwargs=dict(TINY, **wrong))


@pytest.mark.parametrize('scope, said', [
    ('pi', 'the loss does not depend on main/pi/spare/'),
    ('q', 'the loss does not depend on main/q/spare/'),
    ('trunk', 'nothing trains main/trunk/spare/')])
def test_a_variable_that_no_step_would_move_is_named(scope, said):
    def with_a_spare_head(x, a, **kwargs):
        made = core.mlp_actor_critic(x, a, **kwargs)
        with tf.variable_scope(scope + '/spare'):
            core.mlp(x, (3,), None, None)
        return made

    with tf.Graph().as_default(), pytest.raises(ValueError, match=said):
        ddpg.build_graph(OBS, ACT, with_a_spare_head, dict(TINY))


# ---- Replay -------------------------------------------------------------------------------------

def filled(size, n, seed=0):
    replay = ddpg.ReplayBuffer(OBS, ACT, size, seed)
    for i in range(n):
        replay.store(np.full(OBS, i), np.full(ACT, i + 0.1), i + 0.2, np.full(OBS, i + 0.3), i % 2)
    return replay


def test_replay_overwrites_the_oldest():
    assert [len(filled(5, n)) for n in (0, 1, 4, 5, 6, 13)] == [0, 1, 4, 5, 5, 5]
    x, _, _, _, _ = filled(5, 13).sample_batch(1000)
    assert set(x[:, 0]) == {8, 9, 10, 11, 12}


def test_replay_keeps_rows_together():
    x, a, r, x2, d = filled(50, 80).sample_batch(200)
    assert [v.shape[1:] for v in (x, a, r, x2, d)] == [(OBS,), (ACT,), (), (OBS,), ()]
    assert all(len(v) == 200 for v in (x, a, r, x2, d))
    assert all(v.dtype == np.float32 for v in (x, a, r, x2, d))
    for column, offset in ((a[:, 1], 0.1), (r, 0.2), (x2[:, 2], 0.3)):
        np.testing.assert_allclose(column, x[:, 1] + offset, rtol=1e-6)
    np.testing.assert_array_equal(d, x[:, 0] % 2)


@pytest.mark.parametrize('n', [10, 25])       # not yet full; full and wrapped: newest rows, too
def test_replay_samples_uniformly(n):
    x, _, _, _, _ = filled(20, n).sample_batch(20000)
    rows, counts = np.unique(x[:, 0], return_counts=True)
    expected = 20000 / min(n, 20)
    assert list(rows) == list(range(max(0, n - 20), n))
    assert ((counts - expected) ** 2 / expected).sum() < 60     # chi2, 9 or 19 degrees: p < 1e-5


def test_replay_draws_by_its_own_seed():
    np.random.seed(0)
    first = filled(50, 50, seed=1).sample_batch(20)[0]
    np.random.seed(1)
    np.testing.assert_array_equal(filled(50, 50, seed=1).sample_batch(20)[0], first)
    assert not np.array_equal(filled(50, 50, seed=2).sample_batch(20)[0], first)
    with pytest.raises(ValueError):
        filled(50, 0).sample_batch(1)


# ---- The loop -----------------------------------------------------------------------------------

class Counter(gym.Env):
    """
    Observes (episode, step), in an array that it reuses. Terminates after `terminal` steps.
    """
    action_space = Box(np.float32([-2, -1]), np.float32([2, 3]))
    observation_space = Box(-np.inf, np.inf, (2,), np.float32)

    def __init__(self, terminal=10 ** 9):
        self.terminal, self.obs, self.actions = terminal, np.zeros(2), []

    def seed(self, seed=None):
        return [seed]

    def reset(self):
        self.obs += [1, -self.obs[1]]
        return self.obs

    def step(self, a):
        self.actions.append(np.array(a))
        self.obs[1] += 1
        return self.obs, self.obs.sum(), self.obs[1] == self.terminal, {}


@pytest.fixture
def train(tmp_path, monkeypatch):
    """train(env_fn, **kwargs) -> the table's rows, the replay buffer, the training environment."""
    buffers = []
    monkeypatch.setattr(ddpg, 'ReplayBuffer', lambda *args, cls=ddpg.ReplayBuffer: (
        buffers.append(cls(*args)) or buffers[-1]))

    def run(env_fn, **kwargs):
        envs = []
        settings = dict(epochs=1, steps_per_epoch=20, start_steps=0, update_after=15, threads=1,
                        replay_size=1000, batch_size=4, num_test_episodes=1, max_ep_len=50,
                        ac_kwargs=dict(hidden_sizes=(8, 8)),
                        logger_kwargs=dict(output_dir=str(tmp_path / 'run')))
        ddpg.ddpg(lambda: envs.append(env_fn()) or envs[-1], **dict(settings, **kwargs))
        table = np.genfromtxt(str(tmp_path / 'run' / 'progress.txt'), names=True)
        return np.atleast_1d(table), buffers[-1], envs[0]

    return run


@pytest.fixture
def loop(train, monkeypatch):
    """The same without networks, where what they learn is not the point."""
    without_networks(monkeypatch)
    return train


def transitions(replay):
    return [v[:len(replay)] for v in (replay.x, replay.a, replay.r, replay.x2, replay.d)]


@pytest.mark.parametrize('limit, kwargs, ends', [
    ('terminal', {}, True),
    ('own limit', {}, False),
    ('own limit', dict(time_limit_terminal=True), True),
    ('max_ep_len', dict(max_ep_len=6), False),
    ('max_ep_len', dict(max_ep_len=6, time_limit_terminal=True), True),
    ('terminal at the limit', {}, True),
    ('terminal at the limit', dict(max_ep_len=6), True),
])
def test_time_limits_are_not_terminal(loop, limit, kwargs, ends):
    env_fn = {'terminal': lambda: Counter(6),
              'own limit': lambda: TimeLimit(Counter(), 6),
              'max_ep_len': Counter,
              'terminal at the limit': lambda: TimeLimit(Counter(6), 6)}[limit]
    table, replay, _ = loop(env_fn, **kwargs)
    x, _, r, x2, d = transitions(replay)
    step = np.arange(20)
    # Episodes of 6 steps, each from its own reset to its own last observation.
    np.testing.assert_array_equal(x, np.c_[1 + step // 6, step % 6])
    np.testing.assert_array_equal(x2, np.c_[1 + step // 6, step % 6 + 1])
    np.testing.assert_array_equal(r, x2.sum(axis=1))
    np.testing.assert_array_equal(d, (step % 6 == 5) & ends)
    assert table['NumEpisodes'] == 3 and table['EpLen'] == 6
    assert table['NumTerminals'] == (3 if ends else 0)
    assert table['AverageEpRet'] == np.mean([6 * e + 21 for e in (1, 2, 3)])


def test_the_executed_action_is_stored_within_its_bounds(train):
    _, replay, env = train(Counter, noise_sigma=5., start_steps=5)
    a = transitions(replay)[1]
    np.testing.assert_array_equal(a, env.actions)
    assert env.actions[-1].dtype == np.float32
    low, high = env.action_space.low, env.action_space.high
    assert np.all(a >= low) and np.all(a <= high)
    assert np.any(a[5:] == low) and np.any(a[5:] == high)       # clipped, each to its own bound
    assert not np.any((a[:5] == low) | (a[:5] == high))         # uniform at random


def test_random_actions_first_and_updates_from_update_after_on(train):
    table, replay, _ = train(Counter, start_steps=12, update_after=7, noise_sigma=0., epochs=2,
                             pi_lr=1e-9)
    assert list(table['NumUpdates']) == [20 - 6, 20]
    a = transitions(replay)[1]
    # Without noise and with an actor that does not move, actions change little from step to step.
    jumps = np.abs(np.diff(a, axis=0)).max(axis=1)
    assert jumps[:11].mean() > 0.5 and jumps[12:].max() < 0.5


def test_updates_come_so_many_at_a_time(loop):
    table, _, _ = loop(Counter, update_after=7, update_every=5, epochs=2)
    assert list(table['NumUpdates']) == [15, 20]        # at steps 10, 15 and 20; then at each fifth
    table, _, _ = loop(Counter, update_after=7, update_every=30, epochs=2)
    assert list(table['NumUpdates']) == [0, 30]
    assert list(np.isnan(table['LossQ'])) == [True, False]


def test_actions_between_updates_are_of_their_own_observations(train):
    """With an actor that does not move, it makes no difference when it is asked."""
    often, seldom = (transitions(train(Counter, update_every=n, pi_lr=1e-12)[1])[1]
                     for n in (1, 5))
    np.testing.assert_allclose(often, seldom, atol=1e-6)


def test_learning_rates_fall_in_a_line_and_a_shorter_run_is_the_beginning_of_a_longer_one(
        train, monkeypatch):
    rates, prepared_call = [], agent.prepared_call

    def watched(sess, fetches, feeds, operations=(), **options):
        call = prepared_call(sess, fetches, feeds, operations, **options)
        if not operations:
            return call
        assert [tensor.op.name for tensor in feeds[-1:]] == ['rate']
        return lambda *values: rates.append(float(values[-1])) or call(*values)

    monkeypatch.setattr(agent, 'prepared_call', watched)
    long, _, _ = train(Counter, lr_decay_steps=50, epochs=2)
    np.testing.assert_allclose(rates, 1 - np.arange(15, 41) / 50, rtol=1e-6)
    short, _, _ = train(Counter, lr_decay_steps=50)
    for column in set(short.dtype.names) - {'Time'}:
        np.testing.assert_array_equal(short[column], long[column][:1])


def test_a_run_longer_than_its_learning_rates_is_refused(train, tmp_path):
    with pytest.raises(ValueError, match='lr_decay_steps=39: expected at least 40, the steps'):
        train(Counter, lr_decay_steps=39, epochs=2)
    assert not os.path.exists(str(tmp_path / 'run'))
    train(Counter, lr_decay_steps=40, epochs=2)


def test_noise_is_reset_with_every_episode(loop, monkeypatch):
    resets = []
    noise = ddpg.exploration.OrnsteinUhlenbeckNoise
    monkeypatch.setattr(noise, 'reset', lambda self, reset=noise.reset: (
        resets.append(0) or reset(self)))
    loop(lambda: Counter(6), epochs=2, noise='ou')
    assert len(resets) == 1 + 40 // 6       # at its making, and after each episode, not each epoch


@pytest.mark.parametrize('noise, cls', [('ou', 'OrnsteinUhlenbeckNoise'),
                                        ('gaussian', 'GaussianNoise')])
def test_noise_is_annealed_in_a_line_and_then_stays(loop, monkeypatch, noise, cls):
    sizes = []
    cls = getattr(ddpg.exploration, cls)
    monkeypatch.setattr(cls, '__call__', lambda self, call=cls.__call__: (
        sizes.append(self.sigma) or call(self)))
    loop(Counter, noise=noise, start_steps=4, noise_sigma=0.4, noise_final_share=0.5,
         noise_anneal_steps=10)
    np.testing.assert_allclose(sizes, [0.3, 0.28, 0.26, 0.24, 0.22] + [0.2] * 11, rtol=1e-12)
    del sizes[:]
    loop(Counter, noise=noise, noise_sigma=0.2, noise_final_share=1.)
    assert sizes == [0.2] * 20              # to the last bit: the notes' noise, for one


def test_noise_and_replay_get_scale_and_seed(loop, monkeypatch):
    given, process = [], ddpg.exploration.process
    monkeypatch.setattr(ddpg.exploration, 'process', lambda *args: (
        given.append(args) or process(*args)))
    _, replay, _ = loop(Counter, seed=5, noise_sigma=0.3, noise_theta=0.2, noise_dt=0.5,
                        update_after=99)
    (_, scale, *others), = given
    np.testing.assert_array_equal(scale, [2, 2])            # half of each range
    assert others == [0.3, 1.0, 100000, 0.2, 0.5, 5]
    own = np.random.RandomState(np.random.SeedSequence(5).generate_state(7)[0])
    np.testing.assert_array_equal(replay.rng.randint(10 ** 9, size=9), own.randint(10 ** 9, size=9))


def test_epochs_without_an_episode_or_an_update_log_all_the_same(loop):
    table, _, _ = loop(Counter, epochs=3, steps_per_epoch=20, max_ep_len=45, update_after=21)
    assert list(table['TotalEnvInteracts']) == [20, 40, 60]
    assert list(np.isnan(table['AverageEpRet'])) == [True, True, False]
    assert list(np.isnan(table['LossQ'])) == [True, False, False]
    assert np.all(np.isfinite(table['AverageTestEpRet']))


def test_another_kind_of_weight_decay_trains_another_critic(train):
    times_lr, l2 = (train(Counter, decay_kind=kind)[0] for kind in ('times_lr', 'l2'))
    for column in ('LossQ', 'AverageQVals'):
        assert np.isfinite(l2[column]) and l2[column] != times_lr[column]


@pytest.mark.parametrize('wrong', [dict(polyak=2), dict(epochs=0), dict(batch_size=2000),
                                   dict(noise='pink'), dict(gamma=float('nan'))])
def test_ddpg_refuses_bad_settings_before_it_writes(train, tmp_path, wrong):
    with pytest.raises(ValueError, match='{}=.*: expected'.format(list(wrong)[0])):
        train(Counter, **wrong)
    assert not os.path.exists(str(tmp_path / 'run'))


def test_without_a_policy_all_actions_are_uniform(loop, few_states):
    _, replay, env = loop(Counter, policy='random', gamma=0.5, start_steps=5)
    a = transitions(replay)[1]
    assert len(a) == 20 and not np.any((a == env.action_space.low) | (a == env.action_space.high))


def test_the_export_plays_the_trained_policy(train, tmp_path):
    from spinup.utils.test_policy import load_policy_and_env

    def exported(**kwargs):
        _, replay, _ = train(Counter, noise_sigma=0., pi_lr=0.1, **kwargs)
        env, get_action = load_policy_and_env(str(tmp_path / 'run'))
        assert isinstance(env, Counter)
        x, a = transitions(replay)[:2]
        return np.array([get_action(o) for o in x]), a

    # The last update comes after step 20, the last one. What is played afterwards is by the same
    # weights, where there are no more updates.
    played, acted = exported(update_after=1000)
    np.testing.assert_allclose(played, acted, rtol=0, atol=1e-6)
    before, acted = exported(update_after=15, update_every=15, steps_per_epoch=20)
    np.testing.assert_allclose(before[15:], acted[15:], rtol=0, atol=1e-6)
    assert np.abs(before[:15] - acted[:15]).max() > 0.1, 'the actor has moved'


def test_a_call_runs_in_the_thread_that_calls_it_or_in_one_of_the_session():
    with tf.Graph().as_default(), tf.Session(config=agent.session_config(2)) as sess:
        x = tf.placeholder(tf.int64, (), name='x')
        thread = tf.py_func(lambda x: np.int64(threading.get_ident()), [x], tf.int64)
        here, away = (agent.prepared_call(sess, dict(thread=thread), [x], here=here)
                      for here in (True, False))
        assert here(0)['thread'] == threading.get_ident() != away(0)['thread']


def test_the_training_graph_is_final(train, monkeypatch):
    graphs = []
    build_graph = ddpg.build_graph
    monkeypatch.setattr(ddpg, 'build_graph', lambda *args, **kwargs: (
        graphs.append(tf.get_default_graph()) or build_graph(*args, **kwargs)))
    train(Counter, epochs=3)
    assert graphs[0].finalized
