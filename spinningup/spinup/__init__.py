"""The logger, plotter and player of Spinning Up: an independent implementation, not OpenAI's."""


def __getattr__(name):
    """`from spinup import EpochLogger`, which imports no more than is asked for."""
    if name in ('EpochLogger', 'Logger'):
        from spinup.utils import logx
        return getattr(logx, name)
    raise AttributeError('module spinup has no attribute {!r}'.format(name))
