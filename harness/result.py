"""
result.py: what ddpg() returns, to go on with in a script or a notebook.
"""
import os

import numpy as np

from harness.files import read_table


class Result:
    """
    A run that has finished.

    Args:
        folder (str): The run's.
        policy (Policy): What it has learnt.
    """

    def __init__(self, folder, policy):
        self.folder, self.policy = os.path.abspath(folder), policy

    @property
    def table(self):
        """
        progress.txt as it is now, a pandas.DataFrame with a row per epoch. Raises files.Unreadable.
        """
        return read_table(self.folder)

    def __repr__(self):
        return 'Result(folder={!r})'.format(self.folder)


class Policy:
    """
    The policy of a run without noise, a function of an observation: o (obs_dim,) -> a (act_dim,).
    What it gives is legal: within the bounds of the environment's actions, and of their type.

    It has weights of its own, and outlives the run: until `close`, or as long as somebody holds it.

    Args:
        act (function): o (obs_dim,), float32 -> a (act_dim,).
        shape (tuple): Of an observation.
        legal (envs.Legal): The action that is sent for another one.
        close (function): Gives back what `act` needs.

    Raises (when called):
        ValueError: The observation has another shape, or is not finite.
    """

    def __init__(self, act, shape, legal, close):
        self.act, self.shape, self.legal, self.close = act, shape, legal, close

    def __call__(self, o):
        o = np.asarray(o, np.float32)
        if o.shape != self.shape or not np.isfinite(o).all():
            raise ValueError('an observation of shape {}: expected a finite one of shape {}, '
                             'got {}'.format(o.shape, self.shape, o))
        return self.legal(self.act(o))
