"""
paper.py: the paper's figures 2 and 3 from our own runs: what its parts are worth, Q and returns.

    python -m tools.bench.paper [--env Pendulum-v0 ...] [--group paper ...] [--seed 0 1 2 3 4]
                                [--data-dir out/paper]
    python -m tools.bench.paper --draw [--data-dir out/paper]

The first is a sweep per task (see tools/sweep.py; the same command goes on with one that was
killed), in <data dir>/<task>/; at its end it draws its curves there, which are figure 2. The second
draws figure 3, <data dir>/figure3.png, of those of the runs that have seed 0 and are the paper's or
the old defaults'. docs/paper.md has what came out.
"""
import os

import matplotlib

from harness.command import Parser, accepting, ending
from harness.settings import ACCEPTED, BadSetting
from tools import diagnose, figures, sweep
from tools.bench import notes, study

PROG = 'tools.bench.paper'

# {task: its steps}
TASKS = {
    'Pendulum-v0': '--steps-per-epoch 2500 --epochs 20',
    'HalfCheetah-v2': '--steps-per-epoch 5000 --epochs 60',
    'Hopper-v2': '--steps-per-epoch 5000 --epochs 60',
}
PAPER = '--settings paper'
GROUPS = {
    'paper': PAPER,
    'no-norm': PAPER + ' --norm none',
    'no-targets': PAPER + ' --target-networks false',
    'neither': PAPER + ' --norm none --target-networks false',
    'default': study.THEN,
}
FIGURE_3 = ['paper', 'default']         # its columns
EPISODES = 20           # that figure 3 looks at, per run


def sweep_of(task, names, seeds, data_dir):
    """
    The Sweep of one task. Of the old defaults, which are in figure 3 alone, seed 0 is enough.

    Args:
        task (str): One of TASKS.
        names (list of str): Of GROUPS.
        seeds (list of int): The runs of each group.
        data_dir (str): Where the task's folder goes.

    Raises:
        BadSetting: There is no such run.
    """
    if names == ['default'] and 0 not in seeds:
        raise BadSetting('seed', seeds, '0 among them: of the old defaults there is no other')
    groups = {notes.of_task(task, name): GROUPS[name].split() for name in names}
    made = notes.combined(notes.short(task), groups, [
        '--env', task, *TASKS[task].split(), '--data-dir', data_dir, '--seed', *map(str, seeds)])
    return made._replace(runs=[run for run in made.runs if run.kwargs['seed'] == 0
                               or not run.group.endswith('_default')])


def drawn(data_dir):
    """
    Figure 3: the density of estimated Q against observed returns, a row per task, a column per
    settings.

    Returns:
        The figure.

    Raises:
        BadSetting: There is no run to draw.
    """
    runs = {}
    for task in TASKS:
        for name in FIGURE_3:
            group = notes.of_task(task, name)
            folder = os.path.join(data_dir, notes.short(task), group, group + '_s0')
            if os.path.isdir(os.path.join(folder, 'tf1_save')):
                runs[task, name] = diagnose.diagnose(folder, EPISODES)
    if not runs:
        raise BadSetting('data_dir', data_dir, 'a folder with runs of this command, or its copy; '
                         'none has come to an end there')
    import matplotlib.pyplot as plt
    tasks = sorted({task for task, _ in runs}, key=list(TASKS).index)
    figure, axes = plt.subplots(len(tasks), 2, figsize=(11, 4.5 * len(tasks)), squeeze=False)
    for row, task in zip(axes, tasks):
        for axis, name in zip(row, FIGURE_3):
            if (task, name) not in runs:
                axis.set_axis_off()
                continue
            found = runs[task, name]
            diagnose.draw_density(axis, found.q, found.g)
            axis.set_title('{}, {}\n{:.0f} steps; bias {QBias:.3g}, correlation {QCorr:.2f}'.format(
                task, name, found.table.TotalEnvInteracts.iloc[-1], **found.numbers), fontsize=10)
    figure.tight_layout()
    return figure


def main(argv=None):
    """The command line. Exit code 2 for bad input, in one line."""
    parser = Parser(prog=PROG, description=__doc__.split('\n')[1])
    parser.add_argument('--env', nargs='+', choices=list(TASKS), default=list(TASKS))
    parser.add_argument('--group', nargs='+', choices=list(GROUPS), default=list(GROUPS))
    parser.add_argument('--seed', nargs='+', type=accepting(ACCEPTED['seed']),
                        default=[0, 1, 2, 3, 4])
    parser.add_argument('--data-dir', default=os.path.join('out', 'paper'))
    parser.add_argument('--draw', action='store_true', help='Draw figure 3, and train nothing.')
    args = parser.parse_args(argv)
    if args.draw:
        others = ('env', 'group', 'seed')
        if any(getattr(args, name) != parser.get_default(name) for name in others):
            parser.error('--draw: expected none of --env, --group and --seed beside it')
        with ending(PROG):
            matplotlib.use('Agg')
            path = os.path.join(args.data_dir, 'figure3.png')
            figures.write_figure(drawn(args.data_dir), path, 'data_dir', dpi=80)
            print('Wrote {}'.format(path))
        return
    for task in args.env:
        try:
            sweep.run_command(lambda: sweep_of(task, args.group, args.seed, args.data_dir), PROG)
        except SystemExit as end:
            if end.code:
                raise


if __name__ == '__main__':
    main()
