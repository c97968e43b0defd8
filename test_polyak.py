"""
test_polyak.py: the target networks. They equal the main networks after targ_init, not without it,
and follow them by targ <- polyak * main + (1 - polyak) * targ, each variable its own.
"""
import numpy as np
import pytest

import core
import ddpg
from harness.quiet_tf import tf
from kit import Tiny


def changed(before, after):
    """The scopes, such as 'main/q', in which any weight differs."""
    return {'/'.join(name.split('/')[:2]) for name in before
            if not np.array_equal(before[name], after[name])}


def main_of(name):
    return name.replace('target/', 'main/', 1)


def targets(weights):
    return [name for name in weights if name.startswith('target/')]


def test_targ_init_makes_targets_equal_main():
    tiny = Tiny()
    tiny.sess.run(tiny.graph.targ_init)
    weights = tiny.weights()
    assert len(targets(weights)) == len(weights) / 2 == 12
    for name in targets(weights):
        np.testing.assert_array_equal(weights[name], weights[main_of(name)])


def test_without_targ_init_targets_are_not_main():
    # The notes' long-standing bug: an `assign` that nobody runs does nothing.
    with tf.Graph().as_default(), tf.Session() as sess:
        tf.set_random_seed(0)       # else two of 120,000 weights may be equal by chance
        ddpg.build_graph(3, 2)
        sess.run(tf.global_variables_initializer())
        for main, targ in core.paired(core.get_vars('main/'), core.get_vars('target/')):
            if 'kernel' in main.name:
                main, targ = sess.run([main, targ])
                assert not np.any(main == targ)


@pytest.mark.parametrize('polyak', [0, 0.001, 0.3, 1])
@pytest.mark.parametrize('updates', [1, 100])
def test_soft_updates_follow_the_formula(polyak, updates):
    tiny = Tiny()
    with tiny.tf_graph.as_default():
        update = ddpg.targ_update(core.get_vars('main/'), core.get_vars('target/'), polyak)
    before = tiny.weights()
    for _ in range(updates):
        tiny.sess.run(update)
    after = tiny.weights()
    for name in targets(before):
        expected = before[name].astype(np.float64)
        for _ in range(updates):
            expected = polyak * before[main_of(name)] + (1 - polyak) * expected
        # Each update rounds to float32: half a unit in the last place of weights below 1.
        np.testing.assert_allclose(after[name], expected, rtol=0, atol=1e-7 + 3e-8 * updates)
        np.testing.assert_array_equal(after[main_of(name)], before[main_of(name)])
        if polyak == 0:
            np.testing.assert_array_equal(after[name], before[name])
        else:
            assert not np.array_equal(after[name], before[name])


def test_one_whole_update_moves_the_targets_towards_the_new_main():
    tiny = Tiny(polyak=0.25, pi_lr=0.1, q_lr=0.1)
    before = tiny.weights()
    tiny.run(tiny.graph.targ_step)
    after = tiny.weights()
    assert changed(before, after) == {'main/pi', 'main/q', 'target/pi', 'target/q'}
    for name in targets(before):
        expected = 0.25 * after[main_of(name)] + 0.75 * before[name]
        np.testing.assert_allclose(after[name], expected, rtol=0, atol=1e-7)


def test_optimiser_steps_move_their_own_network_only():
    critic_only, both = Tiny(), Tiny()
    before = critic_only.weights()
    critic_only.run(critic_only.graph.critic_step)
    both.run(both.graph.actor_step)         # which runs the critic's step first
    assert changed(before, critic_only.weights()) == {'main/q'}
    assert changed(critic_only.weights(), both.weights()) == {'main/pi'}


def test_pairs_go_by_name_and_refuse_what_is_no_copy():
    with tf.Graph().as_default():
        ddpg.build_graph(3, 2)
        main, targ = core.get_vars('main/'), core.get_vars('target/')
        for m, t in core.paired(main, targ):
            assert main_of(t.op.name) == m.op.name
        for wrong in (targ[:-1], targ[::-1], main[1:] + targ[:1]):
            with pytest.raises(ValueError, match='no copy'):
                core.paired(main, wrong)


def test_scopes_are_whole_names():
    with tf.Graph().as_default():
        ddpg.build_graph(3, 2)
        assert [v.op.name for v in core.get_vars('main/pi/')] == [
            'main/pi/dense{}/{}'.format(layer, part)
            for layer in ('', '_1', '_2') for part in ('kernel', 'bias')]
        for wrong in ('main/p', 'main/pi', 'pi/'):
            with pytest.raises(ValueError, match='slash'):
                core.get_vars(wrong)
