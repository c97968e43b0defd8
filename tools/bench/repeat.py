"""
repeat.py: the same bits on one thread and on two, many times, on a machine that is busy otherwise.

    python -m tools.bench.repeat [--times 20]

Trains HalfCheetah-v2 and Pendulum-v0 for a few hundred steps, again and again in new processes,
with one thread and two in turn, while other processes keep every core busy; every table (but Time)
and every weight must equal the first run's. Exit code 0 if they do.
"""
import multiprocessing
import os
import tempfile

from harness.command import Parser, accepting, ending
from harness.settings import Number
from tools.bench.trials import CHEETAH, PENDULUM, Run


def keep_busy():
    """A load that ends with the process that started it, however that ends."""
    parent = os.getppid()
    while os.getppid() == parent:
        sum(range(10 ** 6))


@ending('tools.bench.repeat')
def main(argv=None):
    """The command line."""
    parser = Parser(prog='tools.bench.repeat', description=__doc__.split('\n')[1])
    parser.add_argument('--times', type=accepting(Number(int, 2)), default=20)
    times = parser.parse_args(argv).times
    for _ in range(len(os.sched_getaffinity(0))):
        multiprocessing.Process(target=keep_busy, daemon=True).start()
    for flags in (CHEETAH, PENDULUM):
        with tempfile.TemporaryDirectory() as folder:
            first = None
            for i in range(times):
                threads = str(1 + i % 2)
                run = Run(os.path.join(folder, str(i)), flags + ['--threads', threads])
                first = first or run
                run.assert_same_as(first)
                print('{} run {} on {} thread(s): the same bits'.format(flags[1], i + 1, threads),
                      flush=True)


if __name__ == '__main__':
    main()
