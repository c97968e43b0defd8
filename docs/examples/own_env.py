"""
own_env.py: train in an environment of one's own, and play (docs/own.md). From the top:

    python -m docs.examples.own_env
"""
import gym

from ddpg import ddpg

NAME, KWARGS = 'docs.examples.walk:Walk-v0', dict(goal=1.)

result = ddpg(NAME, env_kwargs=KWARGS, epochs=4, steps_per_epoch=500, start_steps=500,
              update_after=250, gamma=0.9, ac_kwargs=dict(hidden_sizes=(32, 32)))

env = gym.make(NAME, **KWARGS)
o, done = env.reset(), False
while not done:
    o, r, done, info = env.step(result.policy(o))
print('It walked to {:.2f}; the goal is at 1.'.format(o[0]))
