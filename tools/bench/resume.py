"""
resume.py: training on MuJoCo that is killed again and again ends with the same bits as untouched.

    python -m tools.bench.resume [--kills 20] [--env HalfCheetah-v2 Hopper-v2]

For each environment, one run that nobody touches, and one that is killed by SIGKILL at random
moments, every other time within saving, and resumed each time on one thread or on two (see
trials.py). Every column of the tables (but Time), every weight, Adam's slots, the transitions
and all random states must be the same. Exit code 0 if they are.
"""
import os
import tempfile

import numpy as np

from harness.command import Parser, accepting, ending
from harness.envs import dims_of
from harness.settings import Number
from tools.bench.trials import Run, assert_same_end, killed_often

# 700 steps are no whole number of episodes: every checkpoint but the last is within one.
FLAGS = ('--epochs 10 --steps-per-epoch 700 --start-steps 1000 --update-after 500 --save-freq 1 '
         '--num-test-episodes 2 --replay-size 5000').split()


@ending('tools.bench.resume')
def main(argv=None):
    """The command line."""
    parser = Parser(prog='tools.bench.resume', description=__doc__.split('\n')[1])
    parser.add_argument('--kills', type=accepting(Number(int, 1)), default=20)
    parser.add_argument('--env', nargs='+', default=['HalfCheetah-v2', 'Hopper-v2'])
    args = parser.parse_args(argv)
    for env in args.env:
        dims_of(env)
    for env in args.env:
        with tempfile.TemporaryDirectory() as folder:
            flags = ['--env', env] + FLAGS
            reference = Run(os.path.join(folder, 'untouched'), flags).folder
            done = seed = 0
            while done < args.kills:
                run, kills = killed_often(os.path.join(folder, str(seed)), flags, args.kills - done,
                                          np.random.RandomState(seed), reference)
                assert_same_end(run, reference)
                done, seed = done + kills, seed + 1
                print('{}: killed {} times, the same bits'.format(env, kills), flush=True)


if __name__ == '__main__':
    main()
