"""
own_activation.py: another activation of the hidden layers (docs/own.md). From the top:

    python -m docs.examples.own_activation
"""
import tensorflow as tf

from ddpg import ddpg


def mish(x):
    """x tanh(softplus(x)) (Misra 2019): smooth, and a little below 0 on its way to 0."""
    return x * tf.tanh(tf.nn.softplus(x))


result = ddpg('docs.examples.walk:Walk-v0', epochs=4, steps_per_epoch=500, start_steps=500,
              update_after=250, gamma=0.9,
              ac_kwargs=dict(hidden_sizes=(32, 32), activation=mish))
print('Test returns:', result.table.AverageTestEpRet.tolist())
