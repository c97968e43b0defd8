"""
sweeps.py: what a sweep costs, and that it survives the death of a node, and of itself.

    python -m tools.bench.sweeps [--env HalfCheetah-v2] [--epochs 4]

Four runs of `python ddpg.py`, one after the other; the same by a sweep on this machine; on a Ray
cluster of two nodes, the second in a network namespace of its own (root only), one time killed and
one time cut off in the middle; and by a sweep that is killed and started again. Every bit of
each run is compared (the column Time aside). It prints the times. Exit code 0 if all is the same,
and the sweep takes at most 1.15 times half of the four runs' time, Ray's start apart.
"""
import contextlib
import os
import subprocess
import sys
import tempfile
import time

from harness.command import Parser, accepting, ending
from harness.envs import dims_of
from tools.bench.clusters import Cluster, finish, run_folder, start, where
from tools.bench.trials import EPOCHS, Run, RunFolder, wait_for

SEEDS = '0 1 2 3'.split()
IPS = '10.99.0.1', '10.99.0.2'


@contextlib.contextmanager
def network_namespace(name='ddpg-node'):
    """A network namespace with one link to this machine's own. Gives a function that cuts it."""
    def ip(words):
        subprocess.run(['ip'] + words.format(name, *IPS).split(), check=True)

    ip('netns add {0}')
    try:
        ip('link add {0} type veth peer name eth0 netns {0}')
        ip('address add {1}/24 dev {0}')
        ip('link set {0} up')
        ip('-n {0} address add {2}/24 dev eth0')
        ip('-n {0} link set eth0 up')
        ip('-n {0} link set lo up')
        yield lambda: ip('link set {0} down')
    finally:
        ip('netns delete {0}')


@ending('tools.bench.sweeps')
def main(argv=None):
    """The command line."""
    parser = Parser(prog='tools.bench.sweeps', description=__doc__.split('\n')[1])
    parser.add_argument('--env', default='HalfCheetah-v2')
    parser.add_argument('--epochs', type=accepting(EPOCHS), default=4)
    args = parser.parse_args(argv)
    dims_of(args.env)
    if os.geteuid():
        parser.error('expected root, who may make a network namespace')
    flags = ['--env', args.env, '--epochs', str(args.epochs), '--save-freq', '1', '--start-steps',
             '1000', '--num-test-episodes', '1']
    with tempfile.TemporaryDirectory() as folder:
        begin, alone = time.time(), {}
        for seed in SEEDS:
            alone[seed] = Run(os.path.join(folder, 'alone' + seed),
                              flags + ['--threads', '1', '--seed', seed])
        one_by_one = time.time() - begin
        print('4 runs of ddpg.py, one after the other: {:.0f} s'.format(one_by_one), flush=True)

        def sweep(name, *words):
            return start(*flags, '--seed', *SEEDS, '--exp-name', name, '--data-dir', folder, *words)

        def compare(name, what, begin):
            for seed in SEEDS:
                RunFolder(run_folder(folder, '{}_s{}'.format(name, seed))).assert_same_as(
                    alone[seed])
            print('{}: {:.0f} s, the same bits'.format(what, time.time() - begin), flush=True)

        begin = time.time()
        process = sweep('quiet')
        wait_for(process, ': started')
        trains_from = time.time()
        finish(process)
        share = (time.time() - trains_from) / (one_by_one / 2)
        compare('quiet', 'the sweep', begin)
        print('the sweep without the start of Ray: {:.2f} of half of the runs\' time'.format(share))

        for what in ('killed', 'cut off'):
            begin, name = time.time(), what.replace(' ', '-')
            # Ray's folder is another one there, as it is on another machine.
            elsewhere = ['ip', 'netns', 'exec', 'ddpg-node', 'sh', '-c',
                         'mount -t tmpfs none "$0" && exec "$@"', 'FOLDER']
            with network_namespace() as cut_off, Cluster(
                    (1, IPS[0]), (1, IPS[1], elsewhere)) as cluster:
                process = sweep(name, '--address', cluster.address)
                seen = ''
                while not all('{}_s{}: epoch 1'.format(name, seed) in seen for seed in SEEDS[:2]):
                    seen += wait_for(process, ': epoch 1')
                lost, = [seed for seed in SEEDS[:2] if set(cluster.processes(1)) & set(
                    where(folder, '{}_s{}'.format(name, seed)))]
                if what == 'killed':
                    cluster.kill(1)
                else:
                    cut_off()
                wait_for(process, '{}_s{}: failed, and is started again'.format(name, lost))
                out, err = process.communicate()
                assert process.returncode == 0, (out, err)
            compare(name, 'two nodes, of which one is {}'.format(what), begin)

        begin = time.time()
        process = sweep('again')
        wait_for(process, 'again_s1: finished')
        process.kill()
        finish(process, -9)
        done = [seed for seed in SEEDS[:2]
                if len(RunFolder(run_folder(folder, 'again_s' + seed)).columns['Epoch'])
                == args.epochs]
        before = {seed: os.stat(os.path.join(run_folder(folder, 'again_s' + seed),
                                             'progress.txt')).st_mtime_ns for seed in done}
        out, _ = finish(sweep('again'))
        for seed in done:
            assert before[seed] == os.stat(os.path.join(
                run_folder(folder, 'again_s' + seed), 'progress.txt')).st_mtime_ns
        compare('again', 'the sweep, killed and started again', begin)
        sys.exit(share > 1.15)


if __name__ == '__main__':
    main()
