"""
benchmark.py: the default settings on every task (see OWN_FLAGS), and the tables of docs/results.md.

    python -m tools.bench.benchmark [--env Ant-v2 Hopper-v2] [--seed 3 4 5] [--data-dir out]
    python -m tools.bench.benchmark --tables            # into docs/results.md, of out/benchmark
    python -m tools.bench.benchmark --tables --check    # exit code 1 where they are others

A sweep, seed by seed (see tools/sweep.py; the same command goes on with one that was killed), in
<data dir>/benchmark/.
"""
import os
import re
import sys

import numpy as np
import pandas as pd

from harness.command import Parser, accepting, ending
from harness.files import write_whole
from harness.origin import HERE
from harness.settings import ACCEPTED, BadSetting
from tools import summary, sweep
from tools.bench import notes, study
from tools.figures import shown

# {task: (epochs of 5,000 steps, seeds from 0 on)}
TASKS = {
    'HalfCheetah-v2': (200, 10), 'Hopper-v2': (200, 10), 'Walker2d-v2': (200, 10),
    'Swimmer-v2': (200, 10), 'Ant-v2': (200, 10), 'Humanoid-v2': (200, 3), 'Reacher-v2': (60, 5),
    'InvertedPendulum-v2': (60, 5), 'InvertedDoublePendulum-v2': (60, 5),
    'Pendulum-v0': (4, 10), 'MountainCarContinuous-v0': (20, 10),
}
# A reward that is met by chance alone, in a valley that one swings out of: noise that goes on in
# one direction.
OWN_FLAGS = {'MountainCarContinuous-v0': study.OU}
HELD_OUT = range(3, 10)             # seeds by which nothing was chosen (docs/study.md)

RUNS, PAGE = os.path.join('out', 'benchmark'), os.path.join('docs', 'results.md')

# What others publish of DDPG at a million steps: {measure: {source: return, or (return, standard
# deviation), of each of COLUMNS, from the first on}}. In brackets: the tasks' version, and the
# number of seeds.
FIVE = ['HalfCheetah', 'Hopper', 'Walker2d', 'Swimmer', 'Ant']
OTHERS = ['Humanoid', 'Reacher', 'InvertedPendulum', 'InvertedDoublePendulum']
COLUMNS = FIVE + OTHERS
PUBLISHED = {
    'last ten': {
        'PFRL (v2, 10)': (9751, 1577, 2098, None, 753, None, -5.64, 844, 6465),
        'ChainerRL (v2, 10)': (10325, 1786, 1925, None, 774, None, -4.88, 785, 7385),
        'the "LQ" benchmark (v2, 8)': (11020, 1702, 1432, 139.2, 743, 1021),
        'Spinning Up, run by others (v2, 6)': (9996, 1731, 2044, 138.9, 592, 70),
        "DDPG of TD3's author, run by others (v2, 5)": (
            8391, 1908, 2234, 32.5, 1096, 210, -10.6, None, 1127),
        '"Our DDPG" of the TD3 paper (v1, 10)': (8401, 1062, 2362, None, 564),
        '"DDPG" of the TD3 paper (v1, 10)': (3163, 1732, 1521, None, 816),
        'Spinning Up, TensorFlow 1 (v3, 10; off its smoothed plots)': (
            (9179, 1756), (1794, 199), (1804, 811), (137, 11), (952, 334)),
        'Spinning Up, PyTorch (v3, 10; off its smoothed plots)': (
            (10110, 979), (1736, 400), (1921, 761), (136, 8), (700, 214)),
    },
    'maximum of the mean': {
        'nnabla-rl (v2, 3)': (10548, 3162, 4076, 98, 998, None, -3.66, 1000, 6238),
        'Tianshou (v3, 10)': ((11719, 466), (2197, 972), (1401, 905), (144, 7), (990, 4),
                              (177, 78), -3.3, 1000, 8364),
        'DI-engine (v3 or v2, 5)': (11334, 3516, 3443),
        '"Our DDPG" of the TD3 paper (v1, 10)': (8577, 1860, 3098, None, 889, None, -4.01, 1000,
                                                 8370),
        '"DDPG" of the TD3 paper (v1, 10)': (3306, 2020, 1844, None, 1005, None, -6.51, 1000,
                                             9356),
    },
    'mean of the maxima': {
        'PFRL (v2, 10)': (10263, 3521, 3933, None, 1532, None, -2.97, 1000, 6558),
        'ChainerRL (v2, 10)': (10797, 3566, 3594, None, 1505, None, -2.92, 902, 7496),
    },
}
# No plain DDPG, or another measure (of training, at its end): not among the others.
APART = {'last ten': {
    'CleanRL (v4, 3; in training; an actor step per two of the critic)': (
        (10374, 157), (1577, 819), (1240, 390), None, None, None, None, 643),
    'TD3 (v1, 10)': (9533, 3305, 4565, None, 4185)}}
# What was to be reached, said before the runs: first, and then.
GOALS = {'last ten': {'the first goal': (10400, 1908, 2420, 144, 700),
                      'the second goal': (11020, 2800, 3000, None, 1096)}}
# {measure: the values of a task's runs (from `finished_runs`), to be averaged}
OURS = {
    'last ten': lambda runs: runs.last10,
    'maximum of the mean': lambda runs: [summary.max_of_mean(list(runs.table))],
    'mean of the maxima': lambda runs: of_each(runs, 'best'),
}


# ---- The runs ------------------------------------------------------------------------------------

def sweep_of(tasks, seeds, data_dir):
    """
    The Sweep of the benchmark.

    Args:
        tasks (list of str): Of TASKS.
        seeds (list of int): Of each task, those that it has. None: all.
        data_dir (str): Where benchmark/ goes.

    Raises:
        BadSetting: A seed that none of the tasks has.
    """
    most = max(TASKS[task][1] for task in tasks)
    for seed in seeds or ():
        if seed >= most:
            raise BadSetting('seed', seed, 'one of 0 to {}, the seeds of {}'.format(
                most - 1, ', '.join(task for task in tasks if TASKS[task][1] == most)))
    groups = {}
    for task in tasks:
        epochs, count = TASKS[task]
        its_own = [str(seed) for seed in range(count) if seeds is None or seed in seeds]
        if its_own:
            groups[notes.short(task)] = [
                '--env', task, *OWN_FLAGS.get(task, '').split(), '--epochs', str(epochs),
                '--seed', *its_own]
    return notes.combined('benchmark', groups, ['--data-dir', data_dir])


# ---- The tables ----------------------------------------------------------------------------------

def finished_runs(folder):
    """
    The finished runs below a folder, whatever their experiments are called.

    Returns:
        DataFrame: task (in the order of TASKS), seed, table (from `summary.table_of`), last10; a
        row per run.

    Raises:
        BadSetting: There is none.
    """
    rows = [(run.env, run.seed, run.table, summary.METRICS['last10'](run.table.AverageTestEpRet))
            for run in summary.read_runs(folder, required=True)
            if run.env in TASKS and summary.finished(run)]
    if not rows:
        raise BadSetting('FOLDER', folder, 'a folder with finished runs of the benchmark')
    runs = pd.DataFrame(rows, columns=['task', 'seed', 'table', 'last10'])
    runs['order'] = runs.task.map(list(TASKS).index)
    return runs.sort_values(['order', 'seed'], kind='mergesort').drop(columns='order')


def of_each(runs, metric):
    """One of `summary.METRICS` of each of the runs (from `finished_runs`), in a list."""
    return [summary.METRICS[metric](table.AverageTestEpRet) for table in runs.table]


def with_std(mean, std, like=None):
    """The same of a mean and its standard deviation; of the mean alone where that is NaN."""
    texts = [shown(value, mean if like is None else like) for value in (mean, std)
             if not np.isnan(value)]
    return ' ± '.join(texts)


def markdown(header, rows):
    """A table; its rows are lists of texts."""
    first, *others = ('| {} |'.format(' | '.join(row)) for row in (header, *rows))
    return '\n'.join([first, '|' + '---|' * len(header), *others])


def of_tasks(runs):
    """What the tasks have come to: `summary.over_seeds` of runs (from `finished_runs`)."""
    rows = []
    for task, of_task in runs.groupby('task', sort=False):
        all_seeds, held_out = (summary.over_seeds(values.last10) for values in (
            of_task, of_task[of_task.seed.isin(HELD_OUT)]))
        like = all_seeds['mean']
        rows.append([
            task, '{:,.0f}'.format(of_task.table.iloc[0].TotalEnvInteracts.iloc[-1]),
            str(len(of_task)),
            '**{}**'.format(with_std(like, all_seeds['std'])),
            shown(all_seeds['iqm'], like) + ('' if len(of_task) < 2 else ' [{}, {}]'.format(
                *(shown(all_seeds['iqm_ci_' + end], like) for end in ('low', 'high')))),
            with_std(held_out['mean'], held_out['std'], like) or '-',
            shown(np.mean(of_each(of_task, 'final')), like),
            shown(summary.max_of_mean(list(of_task.table)), like)])
    return markdown(['task', 'steps', 'runs', 'mean of the last ten tests ± std',
                     'its interquartile mean [95 % CI]', 'seeds 3 to 9 alone', 'last test',
                     'maximum of the mean'], rows)


def of_seeds(runs):
    """The mean of the last ten tests of each run (from `finished_runs`), by its seed."""
    seeds = sorted(set(runs.seed))
    rows = []
    for task, of_task in runs.groupby('task', sort=False):
        like = of_task.last10.mean()
        rows.append([task] + [
            ', '.join(shown(value, like) for value in of_task[of_task.seed == seed].last10) or '-'
            for seed in seeds])
    return markdown(['task', *map('seed {}'.format, seeds)], rows)


def beside(measure, runs, columns):
    """
    What our runs have come to beside PUBLISHED, in one measure. The highest of each is bold; the
    last row says how far ours is from the best of the others.

    Args:
        measure (str): Of PUBLISHED.
        runs (DataFrame): From `finished_runs`.
        columns (list of str): Of COLUMNS; who has none of them has no row.
    """
    def of_columns(sources):        # {source: its (mean, standard deviation) of each column}
        found = {}
        for source, values in sources.items():
            values = map(dict(zip(COLUMNS, values)).get, columns)
            found[source] = [value if isinstance(value, tuple) else
                             (np.nan if value is None else value, np.nan) for value in values]
        return {source: pairs for source, pairs in found.items()
                if not np.isnan([mean for mean, _ in pairs]).all()}

    def row(source, pairs):
        texts = [with_std(*pair) or '-' for pair in pairs]
        return [source] + ['**{}**'.format(text) if mean == top else text
                           for text, (mean, _), top in zip(texts, pairs, highest)]

    others = of_columns(PUBLISHED[measure])
    of_ours = [summary.over_seeds(OURS[measure](runs[runs.task == column + '-v2']))
               for column in columns]
    ours = [(found['mean'], found['std']) for found in of_ours]
    best = np.fmax.reduce([[mean for mean, _ in pairs] for pairs in others.values()])
    highest = np.fmax(best, [mean for mean, _ in ours])

    def distance(what, aims):
        return ['ours, from ' + what] + [
            '-' if np.isnan(mean - aim) else ('+' if mean > aim else '') + shown(mean - aim, aim)
            for (mean, _), aim in zip(ours, aims)]

    return markdown(['', *columns], [
        row('**ours**' + ('' if columns == FIVE else ' (300,000 steps; Humanoid a million)'), ours),
        *(row(*other) for other in others.items()),
        distance('the best of these', best),
        *(distance('{} ({})'.format(goal, ', '.join(shown(aim) for aim, _ in pairs if aim == aim)),
                   [aim for aim, _ in pairs])
          for goal, pairs in of_columns(GOALS.get(measure, {})).items()),
        *(row(*apart) for apart in of_columns(APART.get(measure, {})).items())])


def page(text, runs):
    """
    docs/results.md, its `text`, with the tables of runs (from `finished_runs`) in their places,
    each between `<!-- its name -->` and `<!-- end -->`.
    """
    tables = {'tasks': of_tasks(runs), 'seeds': of_seeds(runs)}
    for measure in PUBLISHED:
        tables[measure] = beside(measure, runs, FIVE)
        tables[measure + ', other tasks'] = beside(measure, runs, OTHERS)
    for name, table in tables.items():
        text, found = re.subn('(<!-- {} -->\n).*?(?=<!-- end -->)'.format(name),
                              lambda match: match.group(1) + table + '\n', text, flags=re.DOTALL)
        assert found == 1, (name, found)
    return text


def main(argv=None):
    """The command line."""
    parser = Parser(prog='tools.bench.benchmark', description=__doc__.split('\n')[1])
    parser.add_argument('--env', nargs='+', choices=TASKS, default=list(TASKS))
    parser.add_argument('--seed', nargs='+', type=accepting(ACCEPTED['seed']))
    parser.add_argument('--data-dir', default='out')
    parser.add_argument('--tables', action='store_true',
                        help='Write the tables of {} anew, and train nothing.'.format(PAGE))
    parser.add_argument('--check', action='store_true',
                        help='With --tables: only look whether they are up to date.')
    args = parser.parse_args(argv)
    if args.check and not args.tables:
        parser.error('--check: expected --tables beside it')
    if not args.tables:
        sweep.run_command(lambda: sweep_of(args.env, args.seed, args.data_dir), parser.prog)
        return
    if any(getattr(args, name) != parser.get_default(name) for name in ('env', 'seed', 'data_dir')):
        parser.error('--tables: expected none of --env, --seed and --data-dir beside it; the '
                     'tables are of all runs in ' + RUNS)
    with ending(parser.prog):
        path = os.path.join(HERE, PAGE)
        with open(path, encoding='utf-8') as file:
            before = file.read()
        text = page(before, finished_runs(os.path.join(HERE, RUNS)))
        if not args.check:
            write_whole(path, text.encode())
        elif text != before:
            sys.exit('{} has other tables than {}: run python -m tools.bench.benchmark '
                     '--tables'.format(PAGE, RUNS))


if __name__ == '__main__':
    main()
