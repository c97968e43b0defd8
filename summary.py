"""
summary.py: what came out of all runs below a folder: a table over seeds, and a figure.

    python summary.py out/sweep_halfcheetah-v2

Runs of one experiment (the plotter's exp_name) are a group, and differ in their seeds alone. It
writes summary.csv, Performance.png and Performance.svg there; sweep.py ends with the same.
"""
import os

import matplotlib
import numpy as np
import pandas as pd
import scipy.stats
import seaborn as sns

from checkpoint import read_config, write_whole
from settings import Parser
from spinup.utils import plot

FILES = ['summary.csv', 'Performance.png', 'Performance.svg']


def read_runs(folder):
    """
    The runs below a folder: a list of (config.json, progress.txt as a DataFrame), in the order of
    their names. A folder without either is no run, nor is one without a row.
    """
    runs = []
    for path, _, files in sorted(os.walk(folder)):
        table, config = os.path.join(path, 'progress.txt'), read_config(path)
        if 'progress.txt' in files and config and os.path.getsize(table):
            runs.append((config, pd.read_csv(table, sep='\t')))
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


def summarise(runs):
    """
    One row per group, over its finished seeds.

    Args:
        runs (list): From `read_runs`.

    Returns:
        DataFrame: group, env, seeds, unfinished (runs with fewer epochs than their config.json asks
        for: they count nowhere else), steps_per_second (tests included), and the columns of
        `over_seeds` for the test return after the last epoch (final_) and the highest of a seed's
        test returns (best_).
    """
    rows = []
    for group in sorted({config.get('exp_name', 'exp') for config, _ in runs}):
        of_group = [(config, table) for config, table in runs
                    if config.get('exp_name', 'exp') == group]
        tables = [table for config, table in of_group if len(table) >= config.get('epochs', 0)]
        row = dict(group=group, env=env_of(of_group[0][0]), seeds=len(tables),
                   unfinished=len(of_group) - len(tables),
                   steps_per_second=np.mean([table.TotalEnvInteracts.iloc[-1] / table.Time.iloc[-1]
                                             for table in tables]) if tables else np.nan)
        for metric, value in dict(final=lambda returns: returns.iloc[-1],
                                  best=lambda returns: returns.max()).items():
            found = over_seeds([value(table.AverageTestEpRet) for table in tables])
            row.update({'{}_{}'.format(metric, name): v for name, v in found.items()})
        rows.append(row)
    return pd.DataFrame(rows)


def as_text(summary):
    """The table for the screen: two lines per group, final and best test return."""
    def interval(row, name):
        low, high = row[name + '_ci_low'], row[name + '_ci_high']
        return '' if np.isnan(low) else '[{:.1f}, {:.1f}]'.format(low, high)

    lines = []
    for _, row in summary.iterrows():
        for metric in ('final', 'best'):
            first = metric == 'final'
            lines.append({
                'group': row.group if first else '', 'seeds': row.seeds if first else '',
                'test return': metric, 'mean': row[metric + '_mean'], 'std': row[metric + '_std'],
                '95% CI': interval(row, metric + '_mean'), 'IQM': row[metric + '_iqm'],
                '95% CI ': interval(row, metric + '_iqm'),
                'steps/s': '{:.0f}'.format(row.steps_per_second) if first else ''})
    return pd.DataFrame(lines).to_string(index=False, na_rep='', float_format='{:.1f}'.format)


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
    for path in paths:
        figure.savefig(path, dpi=100)
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


def main():
    """The command line. Exit code 2 where there is nothing to summarise."""
    parser = Parser(prog='summary.py',
                    description='A table and a figure of all runs below a folder.')
    parser.add_argument('folder', metavar='FOLDER')
    folder = parser.parse_args().folder
    try:
        summary = write(folder)
    except OSError as error:
        parser.error('{}: expected a folder that can be written; {}'.format(folder, error.strerror))
    if summary is None:
        parser.error('{}: expected a folder with runs below it'.format(folder))
    print(as_text(summary))


if __name__ == '__main__':
    main()
