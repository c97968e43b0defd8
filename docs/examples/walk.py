"""
walk.py: an environment of one's own, and its registration (docs/own.md).
"""
import gym
import numpy as np
from gym.spaces import Box


class Walk(gym.Env):
    """A point within +-3 on a line, to be led to `goal`. It is seen, (1,), and moves by a / 5."""

    def __init__(self, goal=0.):
        self.goal, self.rng = goal, np.random.RandomState()
        self.observation_space = Box(np.float32([-3]), np.float32([3]))
        self.action_space = Box(np.float32([-1]), np.float32([1]))

    def seed(self, seed=None):
        self.rng.seed(seed)

    def reset(self):
        self.x = self.rng.uniform(-3, 3, 1)
        return self.x

    def step(self, a):
        self.x = np.clip(self.x + a / 5, -3, 3)
        return self.x, -abs(self.x[0] - self.goal), False, {}


gym.register('Walk-v0', entry_point=Walk, max_episode_steps=50)
