"""
noise.py: exploration noise for the policy's actions in training (paper, section 3, equation 7).

A process is called once a step for the next vector (act_dim,) in the environment's units, and is
reset at the start of every episode. Each has a RandomState of its own: nothing else moves it. All
that the next calls depend on is in get_state(), which set_state() takes.
"""
import numpy as np


class OrnsteinUhlenbeckNoise:
    """
    The Ornstein-Uhlenbeck process (Uhlenbeck and Ornstein 1930; paper, section 7), Euler-Maruyama:

        x[0]   = x0
        x[k+1] = x[k] + theta * (mu - x[k]) * dt + sigma * sqrt(dt) * n[k],     n[k] ~ N(0, 1)

    The k-th call returns scale * x[k]. In the long run the mean of x is mu, its standard deviation
    sigma * sqrt(dt / (1 - (1 - theta*dt)**2)), its correlation over k steps (1 - theta*dt)**k, or
    1/e over -1 / ln(1 - theta*dt) steps. With the paper's theta and sigma, deviation and steps are
    0.38 and 6 for dt = 1, but 0.37 and 6,666 for the notes' dt = 1e-3, with which it hardly moves.

    Args:
        scale (array): Half the range of each action, (act_dim,).
        theta (float): Rate of the return to mu, per unit of time.
        sigma (float): Volatility, in shares of `scale` per square root of a unit of time.
        dt (float): Time that one step takes.
        mu, x0 (float or (act_dim,)): Where it returns to and where it starts, in shares of `scale`.
        seed (int): Seed of its RandomState.
    """

    def __init__(self, scale, theta=0.15, sigma=0.2, dt=1.0, mu=0.0, x0=0.0, seed=None):
        self.scale = np.asarray(scale, np.float64)
        self.theta, self.sigma, self.dt, self.mu, self.x0 = theta, sigma, dt, mu, x0
        self.rng = np.random.RandomState(seed)
        self.reset()

    def reset(self):
        """Start again at x0. The stream of random numbers goes on."""
        self.x = np.full(self.scale.shape, self.x0, np.float64)

    def __call__(self):
        """One step of the process: (act_dim,), in the environment's units."""
        self.x = (self.x + self.theta * (self.mu - self.x) * self.dt
                  + self.sigma * np.sqrt(self.dt) * self.rng.randn(*self.scale.shape))
        return self.scale * self.x

    def get_state(self):
        """For `set_state`: where the process is, and its RandomState."""
        return dict(x=self.x, rng=self.rng.get_state(legacy=False))

    def set_state(self, state):
        """Go on from where another one was."""
        self.x = np.array(state['x'])
        self.rng.set_state(state['rng'])

    def __repr__(self):
        return 'OrnsteinUhlenbeckNoise(theta={}, sigma={}, dt={}, mu={}, x0={}, scale={})'.format(
            self.theta, self.sigma, self.dt, self.mu, self.x0, self.scale)


class GaussianNoise:
    """
    Independent draws, scale * (mu + sigma * N(0, 1)): what most later implementations use.

    Args:
        scale (array): Half the range of each action, (act_dim,).
        sigma (float): Standard deviation, in shares of `scale`.
        mu (float or (act_dim,)): Mean, in shares of `scale`.
        seed (int): Seed of its RandomState.
    """

    def __init__(self, scale, sigma=0.2, mu=0.0, seed=None):
        self.scale = np.asarray(scale, np.float64)
        self.sigma, self.mu = sigma, mu
        self.rng = np.random.RandomState(seed)

    def reset(self):
        """Nothing to do: no draw depends on the one before."""

    def __call__(self):
        """One draw: (act_dim,), in the environment's units."""
        return self.scale * (self.mu + self.sigma * self.rng.randn(*self.scale.shape))

    def get_state(self):
        """For `set_state`: its RandomState."""
        return dict(rng=self.rng.get_state(legacy=False))

    def set_state(self, state):
        """Go on from where another one was."""
        self.rng.set_state(state['rng'])

    def __repr__(self):
        return 'GaussianNoise(sigma={}, mu={}, scale={})'.format(self.sigma, self.mu, self.scale)


class Annealed:
    """
    A process whose sigma goes linearly from its own to a share of it, and stays there.

    Args:
        process (OrnsteinUhlenbeckNoise or GaussianNoise): What is called.
        final_share (float): The share that is left; 1: all of it.
        steps (int): Steps within which it goes there.
    """

    def __init__(self, process, final_share, steps):
        self.process, self.final_share, self.steps = process, final_share, steps
        self.sigma = process.sigma
        self.reset, self.get_state, self.set_state = (
            process.reset, process.get_state, process.set_state)

    def __call__(self, t):
        """The noise of step `t`, counted from the run's first: (act_dim,)."""
        self.process.sigma = self.sigma * np.interp(t, (0, self.steps), (1., self.final_share))
        return self.process()


def process(noise, scale, sigma, final_share, anneal_steps, theta, dt, seed):
    """The Annealed process of ddpg()'s settings; `scale` (act_dim,), `noise` a name or a class."""
    if noise == 'ou':
        made = OrnsteinUhlenbeckNoise(scale, theta, sigma, dt, seed=seed)
    else:
        made = (GaussianNoise if noise == 'gaussian' else noise)(scale, sigma=sigma, seed=seed)
    return Annealed(made, final_share, anneal_steps)
