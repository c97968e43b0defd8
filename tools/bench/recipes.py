"""
recipes.py: one recipe for every task: the runs of docs/study.md, stage by stage.

    python -m tools.bench.recipes screen
    python -m tools.bench.recipes final --recipe gauss_w3e-3 gauss_w1e-2
    python -m tools.bench.recipes worth --recipe gauss_w1e-2
    python -m tools.bench.recipes screen --scores

A sweep per stage (see tools/sweep.py; the same command goes on with one that was killed), seed by
seed, and recipe by recipe, in <data dir>/<stage>/; with --scores, what has come out of it so far.
Which stages there are, and why, is told in docs/study.md.
"""
import os

import numpy as np
import pandas as pd

from harness.command import Parser, ending
from harness.settings import BadSetting
from tools import summary, sweep
from tools.bench import notes, study

GAUSSIAN = '--noise gaussian --noise-sigma 0.1 --noise-final-share 1'
CANDIDATES = {
    'gauss_w3e-3': GAUSSIAN + ' --weight-decay 0.003',
    'gauss_w1e-2': GAUSSIAN + ' --weight-decay 0.01',
    'spinningup_w1e-2': '--settings spinningup --weight-decay 0.01',
    'td3_w3e-3': '--settings td3 --weight-decay 0.003',
}
RECIPES = {**CANDIDATES, **{name + '_b256': flags + ' --batch-size 256'
                            for name, flags in CANDIDATES.items()}}
FALLING, CONSTANT = '--lr-decay-steps 1000000', '--lr-decay-steps none'

# What is taken back of a recipe: the flags that come after its own.
TAKEN_BACK = {
    'constant': CONSTANT,
    'no-decay': '--weight-decay 0',
    'ou': study.OU,
}

# {stage: (tasks, epochs, seeds, how many recipes are named with it)}
STAGES = {
    'screen': ('HalfCheetah-v2 Ant-v2 Hopper-v2', 80, '0 1', 0),
    'final': ('HalfCheetah-v2 Hopper-v2 Walker2d-v2 Ant-v2', 200, '0 1 2', 2),
    'batch256': ('HalfCheetah-v2 Ant-v2', 200, '0 1', 1),
    'check': ('HalfCheetah-v2 Ant-v2', 200, '0 1 2 3 4', 0),
    'worth': ('HalfCheetah-v2 Ant-v2', 60, '0 1 2', 1),
}

# The best published means of the last ten tests at a million steps.
ANCHORS = {'HalfCheetah-v2': 11020, 'Hopper-v2': 1908, 'Walker2d-v2': 2362, 'Ant-v2': 1096}
STEPS_PER_EPOCH = 5000
OLD_DEFAULTS = os.path.join('out', 'old-defaults')  # the screen's fifth candidate; made before


def groups_of(stage, recipes):
    """
    The groups of a stage on each of its tasks.

    Args:
        stage (str): One of STAGES.
        recipes (list of str): Of RECIPES; as many as are named with the stage.

    Returns:
        {group's name: flags}
    """
    if stage == 'check':
        return {'spinningup': '--settings spinningup'}
    if stage == 'screen':
        return {name: '{} {}'.format(flags, CONSTANT) for name, flags in CANDIDATES.items()}
    found = {name: '{} {}'.format(RECIPES[name], FALLING) for name in recipes}
    if stage == 'worth':
        (name, flags), = found.items()
        taken_back = dict(TAKEN_BACK, **(dict(b64='--batch-size 64') if '_b256' in name else {}))
        found.update({'{}_{}'.format(name, what): '{} {}'.format(flags, back)
                      for what, back in taken_back.items()})
    return found


def sweep_of(stage, recipes, data_dir):
    """
    The Sweep of a stage.

    Args:
        stage, recipes: See `groups_of`.
        data_dir (str): Where the stage's folder goes.

    Raises:
        BadSetting: Another number of recipes is named with the stage.
    """
    tasks, epochs, seeds, number = STAGES[stage]
    if len(recipes) != number:
        raise BadSetting('recipe', recipes, '{} of {} with {}'.format(
            number or 'none', ', '.join(RECIPES), stage))
    groups = {notes.of_task(task, name): '--env {} {}'.format(task, flags).split()
              for name, flags in groups_of(stage, recipes).items() for task in tasks.split()}
    return notes.combined(stage, groups, ['--epochs', str(epochs), '--data-dir', data_dir,
                                          '--seed', *seeds.split()])


def shares_of(stage, data_dir):
    """
    What the finished runs of a stage have come to.

    Args:
        stage (str): One of STAGES.
        data_dir (str): Where the stage's folder is.

    Returns:
        Series of (recipe, env, seed): the mean of the last ten tests, in shares of the anchor. A
        seed that was run twice, on two kinds of processors, has the mean of the two.

    Raises:
        BadSetting: There is no finished run.
    """
    tasks, epochs, seeds, _ = STAGES[stage]
    steps = epochs * STEPS_PER_EPOCH
    folder = os.path.join(data_dir, stage)
    if not os.path.isdir(folder):
        raise BadSetting('data_dir', data_dir, 'a folder that has {}/, where runs of that stage '
                         'are'.format(stage))
    runs = [(notes.without_task(run.exp_name), run)
            for run in summary.read_runs(folder, required=True)]
    if stage == 'screen':
        runs += [('the defaults', run) for run in summary.read_runs(OLD_DEFAULTS)]
    found = []
    for recipe, run in runs:
        if run.env not in tasks.split() or str(run.seed) not in seeds.split():
            continue
        if not summary.finished(run, steps):
            print('{}: left out; it is not finished'.format(run.folder))
            continue
        share = summary.last10_within(run.table, steps) / ANCHORS[run.env]
        found.append((recipe, run.env, run.seed, share))
    if not found:
        raise BadSetting('data_dir', data_dir, 'a folder with finished runs of ' + stage)
    return pd.DataFrame(found, columns=['recipe', 'env', 'seed', 'share']).groupby(
        ['recipe', 'env', 'seed']).share.mean()


def scores(shares):
    """
    The plan's score of each recipe, the highest first.

    Args:
        shares (Series): From `shares_of`.

    Returns:
        DataFrame: recipe, score (the interquartile mean of its shares), low and high (the ends of
        the 95 % bootstrap interval within tasks), and a text per task: the mean, and each seed.
    """
    from tools import compare           # with rliable, which only this needs
    rows = []
    for recipe, of_recipe in shares.groupby('recipe'):
        of_tasks = [share for _, share in of_recipe.groupby('env')]
        score = compare.estimate(
            lambda *samples: summary.interquartile_mean(np.concatenate(samples)),
            [share.to_numpy()[:, None] for share in of_tasks],
            np.array(min(map(len, of_tasks)) < 2))       # a task of one run has no spread
        rows.append(dict(recipe=recipe, score=score.value[0], low=score.low[0], high=score.high[0],
                         **{share.index[0][1]: '{:.2f} ({})'.format(
                             share.mean(), ', '.join(map('{:.2f}'.format, share)))
                            for share in of_tasks}))
    return pd.DataFrame(rows).sort_values('score', ascending=False)


def main(argv=None):
    """The command line."""
    parser = Parser(prog='tools.bench.recipes', description=__doc__.split('\n')[1])
    parser.add_argument('stage', choices=STAGES)
    parser.add_argument('--recipe', nargs='+', choices=RECIPES, default=[])
    parser.add_argument('--data-dir', default='out/study')
    parser.add_argument('--scores', action='store_true', help='Score what has been run, by the '
                        'rule of docs/study.md, and train nothing.')
    args = parser.parse_args(argv)
    if args.scores:
        with ending(parser.prog):
            if args.recipe:
                raise BadSetting('recipe', args.recipe, 'no recipe beside --scores, which has all')
            print(scores(shares_of(args.stage, args.data_dir)).to_string(
                index=False, na_rep='-', float_format='{:.2f}'.format))
        return
    sweep.run_command(lambda: sweep_of(args.stage, args.recipe, args.data_dir), parser.prog)


if __name__ == '__main__':
    main()
