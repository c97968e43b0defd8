"""
test_notes.py: the figures that the development notes recorded, from this project's own functions.

They pin the graph's construction to the operation: an initialiser's seed is the number of
operations before it, 8 for the main actor's first kernel and 125 for the target's.
"""
import numpy as np
import pytest

import core
import ddpg
from harness.agent import session_config
from harness.envs import check_spaces, make_env
from harness.quiet_tf import tf
from harness.settings import SETTINGS
from noise import OrnsteinUhlenbeckNoise

NOTES = SETTINGS['notes']
# Stock TensorFlow gives these digits; Intel's build adds in another order, and one may differ by 1.
FIRST_ACTION = [-0.00724385, 0.00492079, 0.03382656, 0.01570793, -0.00460604, 0.00858583]


def assert_to_the_digit(values, recorded):
    np.testing.assert_array_equal(np.round(np.asarray(values, np.float64), 8), recorded)


@pytest.fixture(scope='module')
def env():
    env = make_env('HalfCheetah-v2')
    check_spaces(env)
    return env


def notes_graph(seed, env):
    """(Graph, session) with the notes' networks, as ddpg() builds them; targets not initialised."""
    with tf.Graph().as_default():
        seeds = ddpg.seed_everything(seed, env, make_env('HalfCheetah-v2'))
        graph = ddpg.build_graph(17, 6, ac_kwargs=dict(NOTES['ac_kwargs'],
                                                       action_space=env.action_space))
        assert seeds[0] == seed
        sess = tf.Session(config=session_config(1))
        sess.run(tf.global_variables_initializer())
    return graph, sess


def test_first_weights_of_the_main_actor(env):
    _, sess = notes_graph(0, env)
    assert_to_the_digit(sess.run('main/pi/dense/kernel:0')[0, :5],
                        [-0.05512697, 0.094685, -0.06746653, 0.09940008, -0.01107508])


def test_targets_that_were_not_initialised_after_one_soft_update(env):
    graph, sess = notes_graph(0, env)
    with graph.x.graph.as_default():
        update = ddpg.targ_update(core.get_vars('main/'), core.get_vars('target/'),
                                  NOTES['polyak'])
        kernel = core.get_vars('main/pi/')[0]
        value = sess.run(kernel)
        value[0, :3] = -0.05522672, 0.09478495, -0.06746653
        kernel.load(value, sess)
    sess.run(update)
    assert_to_the_digit(sess.run('target/pi/dense/kernel:0')[0, :3],
                        [-0.02119069, -0.04744682, -0.0929214])


def test_first_action_and_the_observation_after_it(env):
    graph, sess = notes_graph(1234, env)
    noise = OrnsteinUhlenbeckNoise(env.action_space.high, NOTES['noise_theta'],
                                   NOTES['noise_sigma'], NOTES['noise_dt'], seed=1234)
    pi = sess.run(graph.pi_o, {graph.o: env.reset()[None]})[0]
    a = (pi + noise()).astype(np.float32)
    np.testing.assert_allclose(a, FIRST_ACTION, rtol=0, atol=1.5e-8)
    np.testing.assert_allclose(
        env.step(a)[0][:5], [-0.08694839, 0.09207987, 0.00348153, 0.01589041, 0.0017272], rtol=0,
        atol=2e-7)


def test_the_training_loop_itself_takes_that_action(tmp_path):
    actions = []

    def recording_env():
        env = make_env('HalfCheetah-v2')
        step = env.step
        env.step = lambda a: actions.append(a) or step(a)
        return env

    ddpg.ddpg(recording_env, seed=1234, epochs=1, steps_per_epoch=1, num_test_episodes=1,
              max_ep_len=1, logger_kwargs=dict(output_dir=str(tmp_path)), **NOTES)
    np.testing.assert_allclose(actions[0], FIRST_ACTION, rtol=0, atol=1.5e-8)
