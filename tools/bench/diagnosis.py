"""
diagnosis.py: what it costs to compare Q with observed returns in every epoch.

    python -m tools.bench.diagnosis [--env HalfCheetah-v2] [--epochs 4]

Trains with the default settings, and takes the time of all that is done for the diagnosis' columns
alone: Q at the visited pairs, their returns, the actions at their limits, and what an update with
the gradients' norms takes longer than one without (medians).
"""
import contextlib
import io
import tempfile
import time

import numpy as np

from harness import agent, truth
from harness.command import Parser, accepting, ending
from harness.envs import dims_of
from tools.bench.trials import EPOCHS
import ddpg

times = {}


def timed(name, function):
    """The same function; what its calls take is in times[name]."""
    def call(*args):
        start = time.perf_counter()
        try:
            return function(*args)
        finally:
            times.setdefault(name, []).append(time.perf_counter() - start)
    return call


@ending('tools.bench.diagnosis')
def main(argv=None):
    """The command line."""
    parser = Parser(prog='tools.bench.diagnosis', description=__doc__.split('\n')[1])
    parser.add_argument('--env', default='HalfCheetah-v2')
    parser.add_argument('--epochs', type=accepting(EPOCHS), default=4)
    args = parser.parse_args(argv)
    dims_of(args.env)
    prepared_call = agent.prepared_call
    agent.prepared_call = lambda sess, fetches, *more, **options: timed(
        ' '.join(fetches), prepared_call(sess, fetches, *more, **options))
    for name in ('estimated_and_observed', 'errors', 'saturation'):
        setattr(truth, name, timed(name, getattr(truth, name)))
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        ddpg.ddpg(args.env, epochs=args.epochs, start_steps=1000, threads=1,
                  logger_kwargs=dict(output_dir=folder))
    total = time.perf_counter() - start
    with_norms, = [calls for name, calls in times.items() if 'GradNormQ' in name]
    without, = [calls for name, calls in times.items() if name.endswith('next_a')]
    norms = len(with_norms) * (np.median(with_norms) - np.median(without))
    compared = sum(sum(times[name]) for name in ('estimated_and_observed', 'errors', 'saturation'))
    print('{}, {} epochs: {:.1f} s, of which Q and returns {:.2f} s ({:.2%}), norms {:.2f} s '
          '({:.2%})'.format(args.env, args.epochs, total, compared, compared / total, norms,
                            norms / total))


if __name__ == '__main__':
    main()
