"""
own_networks.py: networks of one's own (docs/own.md). From the top:

    python -m docs.examples.own_networks
"""
import tensorflow as tf

import core
from ddpg import ddpg


def narrow_actor(x, a, actor_sizes=(16,), critic_sizes=(64, 64), action_space=None):
    """
    An actor that is smaller than its critic. It is for actions with bounds of +-high.

    Args:
        x, a (tensors): Observations (N, obs_dim), actions (N, act_dim).
        actor_sizes, critic_sizes (ints): Units of the hidden layers.
        action_space (gym.spaces.Box): Of the environment.

    Returns:
        pi (N, act_dim), the policy's action; q (N,), the value of `a`; q_pi (N,), that of `pi`.
    """
    def critic(action, reuse=None):
        with tf.variable_scope('q', reuse=reuse):
            q = core.mlp(x, tuple(critic_sizes) + (1,), tf.nn.relu, None, a=action)
            return tf.squeeze(q, axis=1)

    with tf.variable_scope('pi'):
        pi = action_space.high * core.mlp(x, tuple(actor_sizes) + (a.shape[1].value,), tf.nn.relu,
                                          tf.tanh)
    return pi, critic(a), critic(pi, reuse=True)


result = ddpg('docs.examples.walk:Walk-v0', actor_critic=narrow_actor,
              ac_kwargs=dict(actor_sizes=(8, 8)), epochs=4, steps_per_epoch=500, start_steps=500,
              update_after=250, gamma=0.9)
print('Test returns:', result.table.AverageTestEpRet.tolist())
