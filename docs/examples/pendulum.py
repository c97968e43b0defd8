"""
pendulum.py: what ddpg() returns, and what one does with it (docs/own.md). From the top, in a
minute:

    python -m docs.examples.pendulum
"""
import gym

from ddpg import ddpg

result = ddpg(lambda: gym.make('Pendulum-v0'), epochs=4, steps_per_epoch=2000, start_steps=1000,
              logger_kwargs=dict(data_dir='out', exp_name='pendulum'))

print(result.folder)
print(result.table[['TotalEnvInteracts', 'AverageTestEpRet']])

env = gym.make('Pendulum-v0')
o, total, done = env.reset(), 0, False
while not done:
    o, r, done, info = env.step(result.policy(o))
    total += r
print('One more episode, a return of {:.0f}'.format(total))
result.policy.close()
