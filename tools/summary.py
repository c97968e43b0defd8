"""
summary.py: what came out of all runs below a folder: a table over seeds, and a figure.

    python -m tools.summary out/sweep_halfcheetah-v2
    python -m tools.summary out/sweep_halfcheetah-v2 --steps 300000     # as it was then

Runs of one experiment (the plotter's exp_name) are a group, and differ in their seeds alone. It
writes summary.csv, Performance.png and Performance.svg there; a sweep ends with the same. With
--steps it only prints.
"""
import os

import matplotlib
import numpy as np
import pandas as pd
import scipy.stats
import seaborn as sns

from harness.command import Parser, ending
from harness.files import Unreadable, read_config, read_table, write_whole
from harness.settings import Number, checked_value
from spinup.utils import plot

FILES = ['summary.csv', 'Performance.png', 'Performance.svg']

# What a seed has come to, by its test returns, one per epoch. The mean of the last ten is less of
# an accident than the last one; the best one is what a user may pick, and flatters.
METRICS = dict(
    final=lambda returns: returns.iloc[-1],
    last10=lambda returns: returns.iloc[-10:].mean(),
    best=lambda returns: returns.max(),
)


def read_runs(folder):
    """
    The runs below a folder: a list of (config.json, progress.txt as a DataFrame), in the order of
    their names. A folder without either is no run, nor is one without a row. A table that cannot be
    read is named, and left out.
    """
    runs = []
    for path, _, files in sorted(os.walk(folder)):
        config = read_config(path)
        if 'progress.txt' in files and config and os.path.getsize(os.path.join(
                path, 'progress.txt')):
            try:
                runs.append((config, read_table(path)))
            except Unreadable as why:
                print('{}: left out; {}'.format(path, why))
    return runs


def env_of(config):
    """The environment's id, by config.json; '' where it is of another script, and does not say."""
    return config.get('env', '')


def interquartile_mean(values, axis=0):
    """
    The mean of the middle half: less moved by one seed than the mean, less noisy than the median
    (Agarwal et al. 2021, arXiv 2108.13264).
    """
    return scipy.stats.trim_mean(values, 0.25, axis=axis)


def over_seeds(values):
    """
    Statistics of one number per seed.

    Args:
        values (array): (seeds,).

    Returns:
        dict: mean, std (of the sample, n - 1), iqm (interquartile mean), and the ends of the 95 %
        percentile bootstrap confidence intervals of mean and iqm; NaN where one seed tells nothing.
    """
    values = np.asarray(values, np.float64)
    found = dict(mean=values.mean() if len(values) else np.nan,
                 std=values.std(ddof=1) if len(values) > 1 else np.nan,
                 iqm=interquartile_mean(values) if len(values) else np.nan)
    for name, statistic in dict(mean=np.mean, iqm=interquartile_mean).items():
        low = high = np.nan
        if len(values) > 1:
            low, high = scipy.stats.bootstrap(
                (values,), statistic, method='percentile', n_resamples=10000,
                random_state=np.random.RandomState(0)).confidence_interval
        found.update({name + '_ci_low': low, name + '_ci_high': high})
    return found


def max_of_mean(tables):
    """
    The highest point of the curve that is the mean over seeds, of test returns, by their tables:
    the papers' "maximum over time of the average". NaN where there is no table.
    """
    if not tables:
        return np.nan
    return pd.concat([table.set_index('TotalEnvInteracts').AverageTestEpRet for table in tables],
                     axis=1, join='inner').mean(axis=1).max()


def summarise(runs, steps=None):
    """
    One row per group, over its finished seeds.

    Args:
        runs (list): From `read_runs`.
        steps (int): As it was after so many environment steps: the rest of a run does not count,
            and runs that have come so far are the finished ones. None: as it is.

    Returns:
        DataFrame: group, env, seeds, unfinished (runs with fewer epochs than their config.json asks
        for: they count nowhere else), steps_per_second (tests included), the columns of
        `over_seeds` for each of METRICS (final_, last10_, best_), max_of_mean, and
        last10_of_each_seed, a text.
    """
    def finished(config, table):
        if steps is None:
            return len(table) >= config.get('epochs', 0)
        return table.TotalEnvInteracts.iloc[-1] >= steps

    rows = []
    for group in sorted({config.get('exp_name', 'exp') for config, _ in runs}):
        of_group = sorted([(config, table) for config, table in runs
                           if config.get('exp_name', 'exp') == group],
                          key=lambda run: run[0].get('seed', 0))
        of_seeds = [(config.get('seed'), table) for config, table in of_group
                    if finished(config, table)]
        tables = [table if steps is None else table[table.TotalEnvInteracts <= steps]
                  for _, table in of_seeds]
        row = dict(group=group, env=env_of(of_group[0][0]), seeds=len(tables),
                   unfinished=len(of_group) - len(tables),
                   steps_per_second=np.mean([table.TotalEnvInteracts.iloc[-1] / table.Time.iloc[-1]
                                             for table in tables]) if tables else np.nan)
        values = {metric: [value(table.AverageTestEpRet) for table in tables]
                  for metric, value in METRICS.items()}
        for metric, of_each in values.items():
            row.update({'{}_{}'.format(metric, name): value
                        for name, value in over_seeds(of_each).items()})
        row.update(max_of_mean=max_of_mean(tables), last10_of_each_seed=', '.join(
            's{} {:.1f}'.format(seed, value)
            for (seed, _), value in zip(of_seeds, values['last10'])))
        rows.append(row)
    return pd.DataFrame(rows)


def as_text(summary):
    """The table for the screen, a line per group and metric; and a line per group, of its seeds."""
    def interval(row, name):
        low, high = row[name + '_ci_low'], row[name + '_ci_high']
        return '' if np.isnan(low) else '[{:.1f}, {:.1f}]'.format(low, high)

    lines, seeds = [], []
    for _, row in summary.iterrows():
        for metric in METRICS:
            first = metric == 'final'
            lines.append({
                'group': row.group if first else '', 'seeds': row.seeds if first else '',
                'test return': metric, 'mean': row[metric + '_mean'], 'std': row[metric + '_std'],
                '95% CI': interval(row, metric + '_mean'), 'IQM': row[metric + '_iqm'],
                '95% CI ': interval(row, metric + '_iqm'),
                'steps/s': '{:.0f}'.format(row.steps_per_second) if first else ''})
        lines.append({'test return': 'max of mean', 'mean': row.max_of_mean})
        seeds.append('{}, last10: {}'.format(row.group, row.last10_of_each_seed))
    table = pd.DataFrame(lines).to_string(index=False, na_rep='', float_format='{:.1f}'.format)
    return '\n\n'.join([table, '\n'.join(seeds)])


def draw(runs, paths):
    """The learning curves: a panel per environment, a curve with its band per group, into files."""
    matplotlib.use('Agg')
    import matplotlib.pyplot as plt
    sns.set_theme(style='darkgrid', font_scale=1.5)
    envs = sorted({env_of(config) for config, _ in runs})
    columns = min(len(envs), 3)
    rows = -(-len(envs) // columns)
    figure = plt.figure(figsize=(9 * columns, 6 * rows))
    for i, env in enumerate(envs):
        axes = figure.add_subplot(rows, columns, i + 1)
        plot.plot_data([table.assign(Condition1=config.get('exp_name', 'exp'),
                                     Performance=table.AverageTestEpRet)
                        for config, table in runs if env_of(config) == env])
        axes.set(title=env, xlabel='environment steps', ylabel='test return')
        axes.legend(loc='best', fontsize='x-small')
    figure.tight_layout()
    with matplotlib.rc_context({'svg.hashsalt': 'ddpg'}):      # else its ids are drawn at random
        for path in paths:
            figure.savefig(path, dpi=100, metadata={'Date': None})
    plt.close(figure)


def write(folder):
    """
    Write summary.csv and the figures of the runs below a folder.

    Returns:
        DataFrame: See `summarise`; or None where there is no run, and nothing is written.

    Raises:
        OSError: The folder cannot be written.
    """
    runs = read_runs(folder)
    if not runs:
        return None
    summary = summarise(runs)
    table, *figures = [os.path.join(folder, name) for name in FILES]
    write_whole(table, summary.to_csv(index=False).encode())
    draw(runs, figures)
    return summary


def main(argv=None):
    """The command line. Exit code 2 where there is nothing to summarise."""
    parser = Parser(prog='tools.summary',
                    description='A table and a figure of all runs below a folder.')
    parser.add_argument('folder', metavar='FOLDER')
    parser.add_argument('--steps', metavar='N', help='The runs as they were after so many '
                        'environment steps; nothing is written then.')
    args = parser.parse_args(argv)
    folder = args.folder
    with ending(parser.prog):
        try:
            if args.steps is None:
                summary = write(folder)
            else:
                steps = checked_value('steps', args.steps, Number(int, 1))
                runs = read_runs(folder)
                summary = summarise(runs, steps) if runs else None
        except OSError as error:
            parser.error('{}: expected a folder that can be written; {}'.format(
                folder, error.strerror))
        if summary is None:
            parser.error('{}: expected a folder with runs below it'.format(folder))
    print(as_text(summary))


if __name__ == '__main__':
    main()
