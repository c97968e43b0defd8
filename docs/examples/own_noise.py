"""
own_noise.py: exploration noise of one's own, and going on with it (docs/own.md). From the top:

    python -m docs.examples.own_noise
"""
import numpy as np

from ddpg import ddpg
from noise import GaussianNoise


class HeldNoise(GaussianNoise):
    """A Gaussian draw that is held for five steps, so that it moves further than single ones."""

    def __init__(self, scale, sigma, seed):
        super().__init__(scale, sigma, seed=seed)
        self.reset()

    def reset(self):
        """The next call draws."""
        self.held, self.left = np.zeros_like(self.scale), 0

    def __call__(self):
        """The noise of one step: (act_dim,), in the environment's units."""
        if not self.left:
            self.held, self.left = super().__call__(), 5
        self.left -= 1
        return self.held

    def get_state(self):
        """For `set_state`: the random numbers, and what is held."""
        return dict(super().get_state(), held=self.held, left=self.left)

    def set_state(self, state):
        """Go on from where another one was."""
        super().set_state(state)
        self.held, self.left = np.array(state['held']), state['left']


settings = dict(noise=HeldNoise, noise_sigma=0.3, steps_per_epoch=500, start_steps=500,
                update_after=250, gamma=0.9, ac_kwargs=dict(hidden_sizes=(32, 32)))
result = ddpg('docs.examples.walk:Walk-v0', epochs=2, **settings)
result = ddpg('docs.examples.walk:Walk-v0', epochs=4, resume=result.folder, **settings)
print('Test returns:', result.table.AverageTestEpRet.tolist())
