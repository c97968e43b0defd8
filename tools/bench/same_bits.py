"""
same_bits.py: another commit and this checkout, trained side by side: is every bit the same?

    python -m tools.bench.same_bits COMMIT [--seed 3] [--steps 3000]

For refactorings, which change none. Each case is trained by `python ddpg.py` of both trees, with
each tree's own spinup; what is compared is every column of progress.txt but Time, and every
variable of the last checkpoint: main and target networks, Adam's slots and powers. Cases with flags
that the other commit refuses are told, and left out; where it refuses all, that is no success.
"""
import glob
import os
import subprocess
import sys
import tempfile

import numpy as np

from harness.command import Parser, accepting, ending
from harness.origin import HERE
from harness.settings import ACCEPTED, BadSetting, Number
from tools.bench import recipes
from tools.bench.study import THEN
from tools.bench.trials import RunFolder

# In full what the two trees' defaults may have otherwise; the study's winner, beside THEN.
WINNER = recipes.groups_of('final', ['gauss_w1e-2'])['gauss_w1e-2']
SHORT = '--num-test-episodes 2 --save-freq 1 --start-steps 900 --update-after 500'
CASES = ['--env {} --threads {} {} {}'.format(env, threads, recipe, SHORT)
         for env, recipe in (('HalfCheetah-v2', WINNER), ('Hopper-v2', THEN),
                             ('Pendulum-v0', WINNER), ('MountainCarContinuous-v0', THEN))
         for threads in (1, 2)] + [
    '--env HalfCheetah-v2 --settings notes --num-test-episodes 2',
    '--env Hopper-v2 ' + THEN + ' --init paper --polyak 0.001 --pi-lr 1e-4 --weight-decay 0.01 '
    '--decay-kind l2 --noise-final-share 1 --start-steps 0 --update-after 0 --num-test-episodes 2',
    '--env Hopper-v2 --settings paper --norm batch --threads 2 --num-test-episodes 2',
    '--env HalfCheetah-v2 ' + THEN + ' --norm batch --target-networks false ' + SHORT,
    '--env HalfCheetah-v2 --settings spinningup --lr-decay-steps 100000 ' + SHORT,
    '--env Ant-v2 --settings td3 --weight-decay 0.003 ' + SHORT,
    '--env Pendulum-v0 --policy random --gamma 0.9 ' + SHORT,
    '--env HalfCheetah-v2 --policy random --gamma 0.9 --threads 2 ' + SHORT,
    '--env Walker2d-v2 ' + THEN + ' --noise gaussian --weight-decay 0.01 --decay-kind per_step '
    + SHORT,
    '--env Swimmer-v2 ' + THEN + ' --weight-decay 0.01 --decay-kind l2 --action-layer 1 '
    '--batch-size 100 ' + SHORT]


def trained(tree, flags, folder):
    """The folder of a run by the ddpg.py of a tree; or None, where it refuses the flags."""
    done = subprocess.run(
        [sys.executable, 'ddpg.py', '--data-dir', folder] + flags, cwd=tree,
        env=dict(os.environ, PYTHONPATH=os.path.join(tree, 'spinningup')),
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, universal_newlines=True)
    if done.returncode == 2:
        return None
    if done.returncode:
        sys.exit('{}: {}'.format(' '.join(flags), done.stderr))
    run, = glob.glob(os.path.join(folder, '*', '*'))
    return run


def contents(run):
    """{name: values or bytes} of all that is compared."""
    found = dict(RunFolder(run).columns)
    last = max(glob.glob(os.path.join(run, 'checkpoints', 'checkpoint-*.npz')))
    with np.load(last) as arrays:
        found.update({name.split('/weights/')[1]: arrays[name].tobytes()
                      for name in arrays.files if '/weights/' in name})
    return found


@ending('tools.bench.same_bits')
def main(argv=None):
    """The command line. Exit code 1 where a bit differs, or nothing could be compared."""
    parser = Parser(prog='tools.bench.same_bits', description=__doc__.split('\n')[1])
    parser.add_argument('commit')
    parser.add_argument('--seed', type=accepting(ACCEPTED['seed']), default=3)
    parser.add_argument('--steps', type=accepting(Number(int, 1000)), default=3000)
    args = parser.parse_args(argv)
    if subprocess.run(['git', 'rev-parse', '--verify', '-q', args.commit + '^{commit}'],
                      cwd=HERE, stdout=subprocess.DEVNULL).returncode:
        raise BadSetting('COMMIT', args.commit, 'a commit of this repository')
    different = compared = 0
    with tempfile.TemporaryDirectory() as folder:
        tree = os.path.join(folder, 'before')
        subprocess.run(['git', 'worktree', 'add', '--detach', '-q', tree, args.commit], cwd=HERE,
                       check=True)
        try:
            for number, case in enumerate(CASES):
                flags = case.split() + ['--seed', str(args.seed), '--epochs', '2',
                                        '--steps-per-epoch', str(args.steps // 2)]
                runs = [trained(each, flags, os.path.join(folder, '{}_{}'.format(number, name)))
                        for name, each in (('now', HERE), ('before', tree))]
                if None in runs:
                    different += runs[0] is None
                    print('{}: refused {}'.format(case, 'there' if runs[0] else 'here'), flush=True)
                    continue
                now, before = map(contents, runs)
                other = sorted(name for name in set(before) | set(now)
                               if before.get(name) != now.get(name))
                different, compared = different + bool(other), compared + 1
                print('{}: {}'.format(case, 'other bits in ' + ', '.join(other) if other else
                                      'the same {} columns and variables'.format(len(now))),
                      flush=True)
        finally:
            subprocess.run(['git', 'worktree', 'remove', '--force', tree], cwd=HERE, check=True)
    print('{} of {} cases compared'.format(compared, len(CASES)))
    sys.exit(bool(different) or not compared)


if __name__ == '__main__':
    main()
