"""
study.py: what each default was worth when these were found: all of them, and each varied alone.

    python -m tools.bench.study [--env HalfCheetah-v2] [--seed 0 1 2] [--epochs 20] [--data-dir out]

A sweep (see tools/sweep.py; the same command goes on with one that was killed). The table and the
figure are in <data dir>/around/. The groups with another reward scale are always HalfCheetah-v2,
and their returns are scaled, too (see reward_scale.py).
"""
import os
import sys

from tools import sweep
from tools.bench import notes

PROG = 'tools.bench.study'

# The defaults of then, where the later study (recipes.py) may replace them.
OU = '--noise ou --noise-sigma 0.2 --noise-final-share 0.25 --noise-anneal-steps 100000'
THEN = '--weight-decay 0 --lr-decay-steps none ' + OU

# {group: flags}, the most likely winners first.
VARIED = {
    'default': '',
    'pi-lr_1e-3': '--pi-lr 1e-3',
    'pi-lr_1e-4': '--pi-lr 1e-4',
    'q-lr_3e-4': '--q-lr 3e-4',
    'polyak_1e-2': '--polyak 0.01',
    'polyak_1e-3': '--polyak 0.001',
    'batch_128': '--batch-size 128',
    'start_1000': '--start-steps 1000',
    'gaussian_0.1': '--noise gaussian --noise-sigma 0.1 --noise-final-share 1',
    'action-layer_1': '--action-layer 1',
    'init_paper': '--init paper',
    'decay_1e-2': '--weight-decay 1e-2 --decay-kind times_lr',
    'reward_0.1': '--env reward_scale:HalfCheetahReward0.1-v2',
    'reward_10': '--env reward_scale:HalfCheetahReward10-v2',
}


def main(argv=None):
    """The command line."""
    # reward_scale is a module that --env names: for this process, and for the workers.
    here = os.path.dirname(os.path.abspath(__file__))
    sys.path.append(here)
    os.environ['PYTHONPATH'] = os.pathsep.join(
        filter(None, [os.environ.get('PYTHONPATH'), here]))
    groups = {'around_' + name: '{} {}'.format(THEN, words).split()
              for name, words in VARIED.items()}
    seeds = ['0', '1', '2']
    sweep.run_command(lambda: notes.sweep_of(PROG, 'around', groups, __doc__, seeds, argv), PROG)


if __name__ == '__main__':
    main()
