"""
notes.py: why the notes' agent did not learn: its settings, each mend alone, and all together.

    python -m tools.bench.notes [--env HalfCheetah-v2] [--seed 0 1 2 3 4] [--epochs 20]
                                [--data-dir out]

A sweep of 6 groups (see tools/sweep.py; the same command goes on with one that was killed). The
table and the figure are in <data dir>/notes/.
"""
import os

from harness.command import Parser
from tools import sweep

PROG = 'tools.bench.notes'

MENDS = dict(
    decay=['--decay-kind', 'times_lr'],             # of 1e-2 * q_lr per step, not 1e-2
    limits=['--time-limit-terminal', 'false'],
    noise=['--noise-dt', '1'],                      # an OU process that moves within an episode
    start=['--start-steps', '10000'])               # at random

NOTES = ['--settings', 'notes']
GROUPS = {
    'notes': NOTES,
    **{'notes_' + name: NOTES + words for name, words in MENDS.items()},
    'notes_all': sum(MENDS.values(), NOTES)}


def sweep_of(prog, exp_name, groups, doc, seeds, argv):
    """
    The Sweep of groups that are no product of values, by the command line.

    Args:
        prog (str): The calling script's name in messages.
        exp_name (str): The sweep's name.
        groups (dict): {name: its flags of tools.sweep, a list}. They come after the command line's.
        doc (str): The calling script's docstring.
        seeds (list of str): The default of --seed.
        argv (list of str): The command line; None: the process's.
    """
    parser = Parser(prog=prog, description=doc.split('\n')[1])
    parser.add_argument('--env', default='HalfCheetah-v2')
    parser.add_argument('--seed', nargs='+', default=seeds)
    parser.add_argument('--epochs', default='20')
    parser.add_argument('--data-dir', default='out')
    args = parser.parse_args(argv)
    return combined(exp_name, groups, ['--env', args.env, '--epochs', args.epochs, '--data-dir',
                                       args.data_dir, '--seed', *args.seed])


def short(task):
    """The name of a task in folders, such as 'pendulum'."""
    return task.split('-')[0].lower()


def of_task(task, name):
    """The name of a group where several tasks have groups of the same name: 'pendulum_paper'."""
    return '{}_{}'.format(short(task), name)


def without_task(group):
    """The name that `of_task` made one of a task of: 'paper'."""
    return group.split('_', 1)[-1]


def combined(exp_name, groups, words):
    """
    The Sweep of groups that are no product of values, seed by seed.

    Args:
        exp_name (str): The sweep's name.
        groups (dict): {name: its flags of tools.sweep, a list}.
        words (list of str): Flags of all groups, which come before those.
    """
    runs = []
    for group, flags in groups.items():
        of_group = sweep.parse_args([*words, '--exp-name', exp_name, *flags])
        for run in of_group.runs:
            name = '{}_s{}'.format(group, run.kwargs['seed'])
            runs.append(run._replace(name=name, group=group,
                                     folder=os.path.join(of_group.folder, group, name)))
    sweep.check_runs(runs, of_group.jobs)           # all at once
    return of_group._replace(runs=sorted(runs, key=lambda run: run.kwargs['seed']))


def main(argv=None):
    """The command line."""
    seeds = ['0', '1', '2', '3', '4']
    sweep.run_command(lambda: sweep_of(PROG, 'notes', GROUPS, __doc__, seeds, argv), PROG)


if __name__ == '__main__':
    main()
