"""
test_norm.py: batch normalisation as in the paper's section 3, and the graph without target
networks, against NumPy; which passes move the averages, and what follows them: targets,
checkpoints, exports.
"""
import hashlib
import os

import numpy as np
import pytest
from gym.envs.classic_control import PendulumEnv

import core
import ddpg
from harness.agent import set_variables
from harness.quiet_tf import tf
from kit import (ACT, N, OBS, TINY, RunFolder, Tiny, assert_same_end, finish, finite_differences,
                 minibatch, normalised, numpy_pi, numpy_q, numpy_update, only_run, refusal, start)
from spinup.utils.test_policy import load_policy_and_env
from tools import diagnose

NORMALISED = dict(TINY, norm='batch')
PENDULUM = ('--env Pendulum-v0 --norm batch --seed 5 --epochs 5 --steps-per-epoch 150 --hid 32 24 '
            '--start-steps 200 --update-after 50 --batch-size 16 --num-test-episodes 1 '
            '--save-freq 1').split()


def moving(names):
    return [name for name in names if '/moving_' in name]


# ---- Against NumPy -------------------------------------------------------------------------------

def test_the_formula_forward_and_backward():
    rng = np.random.RandomState(0)
    x, scale, shift, up = rng.randn(6, 3) * 5 + 2, rng.rand(3) + 0.5, rng.randn(3), rng.randn(6, 3)
    w = {'main/pi/n/scale': scale, 'main/pi/n/shift': shift, 'main/pi/n/moving_mean': rng.randn(3),
         'main/pi/n/moving_variance': rng.rand(3) + 0.1, 'x': x}
    with tf.Graph().as_default(), tf.Session() as sess:
        x_ph = tf.placeholder(tf.float32, (None, 3))
        with tf.variable_scope('main/pi'):
            batch = core.batch_norm(x_ph, True, 'n')
        with tf.variable_scope('main/pi', reuse=True):
            average = core.batch_norm(x_ph, False, 'n')
        set_variables(sess, {variable: w[variable.op.name] for variable in tf.global_variables()})
        for y, seen in ((batch, {}), (average, None)):
            np.testing.assert_allclose(sess.run(y, {x_ph: x}), normalised(w, 'main/pi/n', x, seen),
                                       rtol=1e-5, atol=1e-5)
            names = ['main/pi/n/scale', 'main/pi/n/shift', 'x']
            expected = finite_differences(lambda w: (up * normalised(
                w, 'main/pi/n', w['x'], None if seen is None else {})).sum(), w, names)
            grads = sess.run(tf.gradients(tf.reduce_sum(np.float32(up) * y),
                                          tf.trainable_variables() + [x_ph]), {x_ph: x})
            for name, grad in zip(names, grads):
                np.testing.assert_allclose(grad, expected[name], rtol=1e-4, atol=1e-4)
        # A single row is nothing else than that row among others.
        np.testing.assert_allclose(sess.run(average, {x_ph: x[:1]}),
                                   sess.run(average, {x_ph: x})[:1], rtol=1e-6)


@pytest.mark.parametrize('norm, action_layer, decay_kind, target_networks', [
    ('batch', 1, 'l2', True), ('batch', 2, 'times_lr', True), ('batch', 3, 'per_step', True),
    ('batch', 2, 'l2', False), ('none', 2, 'times_lr', False)])
def test_one_update_is_algorithm_1_with_batch_normalisation(norm, action_layer, decay_kind,
                                                            target_networks):
    settings = dict(gamma=0.9, polyak=0.3, pi_lr=2e-2, q_lr=3e-2, weight_decay=0.1,
                    decay_kind=decay_kind)
    tiny = Tiny(ac_kwargs=dict(TINY, norm=norm, action_layer=action_layer),
                target_networks=target_networks, **settings)
    before = tiny.weights()
    backup, expected = numpy_update(
        before, minibatch(), action_layer=action_layer,
        target='target' if target_networks else 'main', **settings)
    got_backup, _ = tiny.run([tiny.graph.backup, tiny.graph.targ_step])
    np.testing.assert_allclose(got_backup, backup, rtol=1e-4, atol=1e-5)
    after = tiny.weights()
    assert set(after) == set(expected) and (norm == 'none') == (not moving(after))
    assert target_networks == any(name.startswith('target/') for name in after)
    for name, value in after.items():
        # Adam's first step is lr * sign(grad): where the gradient is about 0, anything goes. That
        # of the observations' shift is 0, where the mean of the next layer takes it out again.
        if name.endswith('/norm/shift') and (name.split('/')[1] == 'pi' or action_layer > 1):
            continue
        np.testing.assert_allclose(value, expected[name], atol=1e-4, err_msg=name)
        if not name.endswith(('bias', 'shift')):
            assert np.abs(value - before[name]).max() > 1e-4, name


def test_gradients_against_finite_differences():
    tiny = Tiny(gamma=0.9, ac_kwargs=NORMALISED)
    g, w = tiny.graph, tiny.weights()
    with tiny.tf_graph.as_default():
        q_vars, pi_vars = core.get_vars('main/q/'), core.get_vars('main/pi/')
        grads = tiny.run(tf.gradients(g.q_loss, q_vars)
                         + tf.gradients(-tf.reduce_mean(g.q_pi), pi_vars))
    w = {name: np.asarray(value, np.float64) for name, value in w.items()}
    x, a, r, x2, d = minibatch()
    backup = r + 0.9 * (1 - d) * numpy_q(w, 'target', x2, numpy_pi(w, 'target', x2, {}), seen={})
    expected = finite_differences(
        lambda w: np.mean((backup - numpy_q(w, 'main', x, a, seen={})) ** 2), w,
        [v.op.name for v in q_vars])
    expected.update(finite_differences(
        lambda w: -np.mean(numpy_q(w, 'main', x, numpy_pi(w, 'main', x, {}), seen={})), w,
        [v.op.name for v in pi_vars]))
    for variable, grad in zip(q_vars + pi_vars, grads):
        np.testing.assert_allclose(grad, expected[variable.op.name], rtol=1e-3, atol=1e-5)


# ---- What moves the averages, and what they are for ----------------------------------------------

def test_each_step_moves_the_averages_of_its_own_network_and_acting_moves_none():
    tiny = Tiny(ac_kwargs=NORMALISED)
    g, before = tiny.graph, tiny.weights()
    tiny.run([g.pi, g.q, g.q_pi, g.backup, g.q_loss, g.pi_o, g.q_test])
    assert all(np.array_equal(value, before[name]) for name, value in tiny.weights().items())
    tiny.run(g.critic_step)
    after = tiny.weights()
    assert {name for name in moving(after) if not np.array_equal(after[name], before[name])} == {
        name for name in moving(after) if name.startswith('main/q/')}
    tiny.run(g.actor_step)          # which is a second step of the critic, too
    after = tiny.weights()
    assert {name for name in moving(after) if not np.array_equal(after[name], before[name])} == {
        name for name in moving(after) if name.startswith('main/')}


def test_the_layers_that_are_normalised_are_the_paper_s():
    for action_layer, of_q in ((1, ['norm']), (2, ['norm', 'norm_1']),
                               (3, ['norm', 'norm_1', 'norm_2'])):
        names = Tiny(ac_kwargs=dict(NORMALISED, action_layer=action_layer)).weights()
        for scope, expected in (('main/q/', of_q),
                                ('main/pi/', ['norm', 'norm_1', 'norm_2', 'norm_3'])):
            layers = {name[len(scope):].split('/')[0] for name in moving(names)
                      if name.startswith(scope)}
            assert layers == set(expected)
            biases = {name for name in names if name.startswith(scope) and name.endswith('bias')}
            assert len(biases) == 3 - (len(expected) - 1)       # the mean would take a bias out


def test_acting_and_testing_are_by_the_averages_and_the_update_is_by_the_minibatch():
    tiny = Tiny(ac_kwargs=NORMALISED)
    w = {name: np.asarray(value, np.float64) for name, value in tiny.weights().items()}
    x, a, _, _, _ = minibatch()
    g = tiny.graph
    pi, q, q_test = tiny.run([g.pi, g.q, g.q_test])
    np.testing.assert_allclose(pi, numpy_pi(w, 'main', x, {}), rtol=1e-4)
    np.testing.assert_allclose(q, numpy_q(w, 'main', x, a, seen={}), rtol=1e-4)
    np.testing.assert_allclose(q_test, numpy_q(w, 'main', x, a), rtol=1e-4)
    assert np.abs(q_test - q).max() > 1e-2
    for row in x:
        np.testing.assert_allclose(tiny.sess.run(g.pi_o, {g.o: row[None]}),
                                   numpy_pi(w, 'main', row[None]), rtol=1e-4, atol=1e-6)


def test_the_targets_averages_follow_the_soft_update_like_weights():
    tiny = Tiny(polyak=0.25, ac_kwargs=NORMALISED)
    tiny.sess.run(tiny.graph.targ_init)
    before = tiny.weights()
    assert len(moving(before)) == 2 * 2 * (4 + 2)
    for name in moving(before):
        np.testing.assert_array_equal(before[name], before[name.replace('target/', 'main/', 1)])
    tiny.run(tiny.graph.targ_step)
    after = tiny.weights()
    for name in moving(before):
        if name.startswith('target/'):
            main = after[name.replace('target/', 'main/', 1)]
            np.testing.assert_allclose(after[name], 0.25 * main + 0.75 * before[name], atol=1e-6)
            assert not np.array_equal(after[name], before[name])


@pytest.mark.parametrize('settings', [
    dict(ac_kwargs=dict(norm='batch')),
    dict(ac_kwargs=dict(norm='batch'), target_networks=False),
    dict(ac_kwargs=dict(norm='batch'), policy='random')], ids=str)
def test_one_thread_and_two_give_the_same_bits(settings):
    # Wide enough for a race to have time: an unordered graph fails this within a few updates.
    settings = dict(settings, weight_decay=0.1, decay_kind='per_step', ac_kwargs=dict(
        TINY, hidden_sizes=(300, 200), **settings.get('ac_kwargs', {})))

    def trained(threads):
        tiny = Tiny(threads=threads, **settings)
        for i in range(40):
            batch = [np.tile(part, (8,) + (1,) * (part.ndim - 1)) for part in minibatch(i)]
            if settings.get('policy') == 'random':          # in which no actor acts
                tiny.run(tiny.graph.targ_step, batch)
                continue
            acted, _ = tiny.run([tiny.graph.next_pi_o, tiny.graph.targ_step], batch)
            np.testing.assert_array_equal(acted, tiny.sess.run(
                tiny.graph.pi_o, {tiny.graph.o: np.zeros((1, OBS))}))
        return tiny.weights()

    first = trained(1)
    for name, value in trained(2).items():
        np.testing.assert_array_equal(value, first[name], err_msg=name)


# ---- Without it ----------------------------------------------------------------------------------

@pytest.mark.parametrize('kwargs, operations, digest', [
    (dict(), 735, '52e2df1c546a4705'), (dict(policy='random'), 736, '1ca4dbc251a5e12e'),
    (dict(lr_decay=True, weight_decay=0.1), 747, 'fa3d096327143cfe')])
def test_without_it_the_graph_is_the_one_of_before_it(kwargs, operations, digest):
    """These are of commit 7647c0d, which knew neither --norm nor --target-networks."""
    with tf.Graph().as_default() as graph:
        tf.set_random_seed(0)
        ddpg.build_graph(OBS, ACT, ac_kwargs=dict(TINY, norm='none'), target_networks=True,
                         **kwargs)
        assert len(graph.get_operations()) == operations
        assert hashlib.sha256(graph.as_graph_def().SerializeToString(
            deterministic=True)).hexdigest()[:16] == digest


def test_without_target_networks_there_is_neither_a_copy_nor_a_soft_update():
    tiny = Tiny(target_networks=False)
    names = [op.name for op in tiny.tf_graph.get_operations()]
    assert not any('target' in name.split('/') for name in names)
    assert [name for name in names if name.startswith('targ_')] == [
        'targ_init/group_deps', 'targ_step/NoOp']


# ---- Refusals ------------------------------------------------------------------------------------

def test_one_row_has_no_spread(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert '--batch-size 1: expected at least 2 with --norm batch' in refusal(
        capsys, '--norm', 'batch', '--batch-size', '1')
    assert '--norm layer: expected one of none, batch' in refusal(capsys, '--norm', 'layer')


# ---- Networks of one's own -----------------------------------------------------------------------

def deaf(x, a, norm='batch', **kwargs):
    """Normalised, and not told which passes train."""
    return core.mlp_actor_critic(x, a, norm=norm, **kwargs)


@pytest.mark.parametrize('ac_kwargs, said', [
    (NORMALISED, 'nothing moves main/pi/norm/moving_mean, .*takes `training`'),
    (TINY, 'nothing moves main/pi/norm/moving_mean, '),
    (dict(NORMALISED, ignored=True), 'nothing moves an average: ')])
def test_networks_whose_averages_would_stay_are_refused(ac_kwargs, said):
    def other(x, a, training, norm, ignored, **kwargs):
        return core.mlp_actor_critic(x, a, **kwargs)

    with tf.Graph().as_default(), pytest.raises(ValueError, match=said):
        ddpg.build_graph(OBS, ACT, ac_kwargs=ac_kwargs,
                         actor_critic=other if 'ignored' in ac_kwargs else deaf)


def auto_reuse(x, a, training, hidden_sizes=(4,), action_space=None):
    """Each scope by AUTO_REUSE, which creates what is not there; `training` has no default."""
    def net(scope, h, size):
        with tf.variable_scope(scope, reuse=tf.AUTO_REUSE):
            return core.mlp(h, hidden_sizes + (size,), tf.nn.relu, tf.tanh, norm='batch',
                            training=training)

    def critic(a):
        return tf.squeeze(net('q', tf.concat([x, a], axis=1), 1), axis=1)

    pi = net('pi', x, a.shape[1].value)
    return pi, critic(a), critic(pi)


def opened_before(x, a, training, hidden_sizes=(4,), action_space=None):
    """The same in a scope that was opened before: its operations are in `pi_1`."""
    with tf.variable_scope('pi'):
        pass
    return auto_reuse(x, a, training, hidden_sizes)


@pytest.mark.parametrize('actor_critic', [auto_reuse, opened_before])
def test_averages_of_variables_that_are_reused_as_needed_move_once(actor_critic):
    with tf.Graph().as_default():
        nets = core.networks(*core.placeholders(OBS, ACT)[:2], tf.zeros((N, OBS)), actor_critic)
        names = [s.moving.op.name for s in nets.pi_statistics + nets.q_statistics]
    assert sorted(names) == sorted('main/{}/{}/moving_{}'.format(net, layer, of)
                                   for net in ('pi', 'q') for layer in ('norm', 'norm_1', 'norm_2')
                                   for of in ('mean', 'variance'))


def halved(x, a, training=True, hidden_sizes=(4,), action_space=None):
    """Something that is another function in training, with no averages."""
    pi, q, q_pi = core.mlp_actor_critic(x, a, hidden_sizes)
    share = 0.5 if training else 1.
    return share * pi, share * q, share * q_pi


@pytest.mark.parametrize('actor_critic, ac_kwargs', [
    (halved, {}), (auto_reuse, {}), (core.mlp_actor_critic, dict(norm='batch', training=True))])
def test_what_is_told_of_training_is_told_so_everywhere(actor_critic, ac_kwargs, tmp_path):
    """In the Q that is tested, in acting, in the export; whatever `training` is by default."""
    result = ddpg.ddpg('Pendulum-v0', actor_critic, dict(ac_kwargs, hidden_sizes=(4,)), epochs=1,
                       steps_per_epoch=90, start_steps=40, update_after=30, num_test_episodes=1,
                       max_ep_len=40, threads=1, logger_kwargs=dict(output_dir=str(tmp_path)))
    weights = RunFolder(result.folder).weights()
    x = np.random.RandomState(0).randn(5, 3).astype(np.float32)
    a = np.zeros((5, 1), np.float32)
    with tf.Graph().as_default(), tf.Session() as sess:
        with tf.variable_scope('main'):
            pi, q, _ = actor_critic(tf.constant(x), tf.constant(a), **dict(
                ac_kwargs, hidden_sizes=(4,), training=False,
                action_space=PendulumEnv().action_space))
        set_variables(sess, {variable: weights[variable.op.name]
                             for variable in tf.global_variables()})
        pi, q = sess.run((pi, q))
    np.testing.assert_allclose([result.policy(o) for o in x], pi, rtol=1e-5)
    _, get_action = load_policy_and_env(result.folder)
    np.testing.assert_allclose([get_action(o) for o in x], pi, rtol=1e-5)
    with tf.Graph().as_default():
        graph = ddpg.build_graph(3, 1, actor_critic, dict(ac_kwargs, hidden_sizes=(4,)))
        with tf.Session() as sess:
            sess.run(tf.global_variables_initializer())
            set_variables(sess, {variable: weights[variable.op.name]
                                 for variable in graph.main_vars})
            np.testing.assert_allclose(sess.run(graph.q_test, {graph.x: x, graph.a: a}), q,
                                       rtol=1e-5, atol=1e-6)


# ---- Runs ----------------------------------------------------------------------------------------

@pytest.fixture(scope='module')
def reference(tmp_path_factory):
    """A run that nobody touched, on one thread."""
    folder = tmp_path_factory.mktemp('reference')
    finish(start('--data-dir', str(folder), '--threads', '1', *PENDULUM))
    return only_run(folder)


def test_it_goes_on_with_its_averages_on_two_threads(reference, tmp_path, main):
    """Within an episode."""
    assert moving(RunFolder(reference).weights())
    assert main(*PENDULUM, '--epochs', '2', '--threads', '2', '--data-dir', tmp_path)[0] == 0
    run = only_run(tmp_path)
    assert main('--resume', run, '--epochs', '5')[0] == 0
    assert_same_end(run, reference)


def test_player_and_diagnosis_act_by_the_averages(reference):
    weights = {name: np.float64(value) for name, value in RunFolder(reference).weights().items()}
    env, get_action = load_policy_and_env(reference)
    x = np.float32([env.reset() for _ in range(N)])
    half = weights['main/pi/dense_2/kernel'].shape[1] * [2.]

    def layer(h, name, of):
        return normalised(weights, 'main/pi/' + name, h @ weights['main/pi/' + of + '/kernel'],
                          None)

    h = normalised(weights, 'main/pi/norm', x, None)
    h = np.maximum(layer(h, 'norm_1', 'dense'), 0)
    h = np.maximum(layer(h, 'norm_2', 'dense_1'), 0)
    expected = half * np.tanh(layer(h, 'norm_3', 'dense_2'))
    np.testing.assert_allclose([get_action(o) for o in x], expected, rtol=1e-4, atol=1e-5)
    found = diagnose.diagnose(os.path.join(reference), episodes=1)
    assert np.isfinite(found.numbers['here'])
