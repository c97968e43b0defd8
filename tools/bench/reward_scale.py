"""
reward_scale.py: HalfCheetah-v2 with its rewards multiplied by a number, for `--env
reward_scale:HalfCheetahReward0.1-v2`, with this folder on PYTHONPATH. The test returns are
multiplied, too.
"""
import gym
from gym.envs.mujoco.half_cheetah import HalfCheetahEnv


class ScaledHalfCheetah(HalfCheetahEnv):
    """HalfCheetahEnv with `scale` times its rewards."""
    scale = 1.0

    def step(self, a):
        x2, r, d, info = super().step(a)
        return x2, self.scale * r, d, info


class Tenth(ScaledHalfCheetah):
    """A tenth, as with the DDPG of Duan et al. (2016)."""
    scale = 0.1


class TenTimes(ScaledHalfCheetah):
    """Ten times."""
    scale = 10.0


for name, env_class in {'0.1': Tenth, '10': TenTimes}.items():
    gym.register('HalfCheetahReward{}-v2'.format(name), entry_point=env_class,
                 max_episode_steps=1000)
