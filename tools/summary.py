"""
summary.py: what came out of all runs below a folder: a table over seeds, and a figure; of several
folders, which is better, and how sure that is.

    python -m tools.summary out/sweep_halfcheetah-v2
    python -m tools.summary out/sweep_halfcheetah-v2 --steps 300000     # as it was then
    python -m tools.summary out/notes/notes_all out/notes/notes         # A and B compared

Runs of one experiment (the plotter's exp_name) are a group, and differ in their seeds alone. The
table is printed, and goes with the figure to out/figures/<folder>/ as summary.csv, Performance.png
and Performance.svg, with every test return of every run in curves.csv; with --write, into the
folder itself, as at a sweep's end. With --steps it only prints. A comparison (tools/compare.py)
goes to out/figures/<A>_vs_<B>/.
"""
import itertools
import json
import os
from collections import namedtuple

if __name__ == '__main__':
    from harness.early import ctrl_c_ends
    ctrl_c_ends('tools.summary')

import matplotlib
import numpy as np
import pandas as pd
import scipy.stats

from harness.command import Parser, ending
from harness.files import Unreadable, digest_of, read_config, read_table
from harness.settings import (ACCEPTED, LONGEST_NAME, MAY_CHANGE, BadSetting, Number, as_of_now,
                              checked_value)
from spinup.utils import plot
from tools import figures

FILES = ['summary.csv', 'curves.csv', 'Performance.png', 'Performance.svg']
COMPARED = ['comparison.csv', 'Comparison.png', 'Comparison.svg']
COLUMNS = ['TotalEnvInteracts', 'Time', 'AverageTestEpRet']         # that a run must have

# What a seed has come to, by its test returns, one per epoch. The mean of the last ten is less of
# an accident than the last one; the best one is what a user may pick, and flatters.
METRICS = dict(
    final=lambda returns: returns.iloc[-1],
    last10=lambda returns: returns.iloc[-10:].mean(),
    best=lambda returns: returns.max(),
)


# exp_name ... settings: see `settings_of`; table (DataFrame): see `table_of`.
Run = namedtuple('Run', ['folder', 'exp_name', 'env', 'seed', 'epochs', 'settings', 'table'])


def read_runs(folder, required=False, tell=print):
    """
    The runs below a folder: a list of Run, in the order of their names. `tell` gets a line for each
    that is left out.

    Args:
        folder (str): Where to look.
        required (bool): Whether there must be one.
        tell (callable): Is given each line of what is left out.

    Raises:
        BadSetting: `required`, and there is none that can be used.
    """
    runs, left_out = [], []

    def leave_out(path, why):
        left_out.append('{}: left out; {}'.format(path, why))

    for path, files in plot.walk(folder, lambda error: leave_out(
            error.filename, 'it cannot be read: ' + error.strerror)):
        if 'progress.txt' not in files:
            continue
        try:
            runs.append(Run(path, **settings_of(path), table=table_of(path)))
        except Unreadable as why:
            leave_out(path, why)
    runs = without_copies(runs, leave_out)
    if required and not runs:
        raise BadSetting('FOLDER', folder, '; '.join(['a folder with runs below it']
                                                     + left_out[-1:]))
    for line in left_out:
        tell(line)
    return runs


def without_copies(runs, leave_out):
    """
    The runs without copies: runs with the name, environment and seed of another one, and with its
    returns, or the first of them. One that was begun again, or copied, is not another seed.

    Args:
        runs (list of Run): All.
        leave_out (callable): Is given the folder of each that is not among them, and why.
    """
    def begins(run, whole):
        same = (run.exp_name, run.env, run.seed) == (whole.exp_name, whole.env, whole.seed)
        return same and run.seed is not None and all(
            np.array_equal(run.table[column], whole.table[column][:len(run.table)])
            for column in ('TotalEnvInteracts', 'AverageTestEpRet'))

    kept = {}                   # by folder; the longest come first
    for run in sorted(runs, key=lambda run: -len(run.table)):
        originals = [folder for folder, whole in kept.items() if begins(run, whole)]
        if originals:
            leave_out(run.folder, 'it is {} again: the same seed, and the same returns'.format(
                originals[0]))
        else:
            kept[run.folder] = run
    return [run for run in runs if run.folder in kept]


def settings_of(folder):
    """
    What config.json says of a run, as far as it counts here: {'exp_name', 'env' (text), 'seed',
    'epochs' (a number), 'settings' (a dict: those that the seeds of a group have in common)}. Other
    scripts' need not have all of it.

    Raises:
        Unreadable: There is none that is a dict.
    """
    config = read_config(folder)
    if config is None:
        raise Unreadable('it has no config.json with settings')
    epochs = config.get('epochs')
    networks, names = config.get('ac_kwargs'), set(config) & set(ACCEPTED)
    if 'code' in config and isinstance(networks, dict):     # of ours, maybe older than a setting
        config = as_of_now(config)
        networks, names = config['ac_kwargs'], set(config) - {'env', 'ac_kwargs'}
    settings = {name: config[name] for name in names - MAY_CHANGE - {'seed'}}
    settings.update(('ac_kwargs.' + name, value) for name, value in (
        networks.items() if isinstance(networks, dict) else ()))
    return dict(exp_name=str(config.get('exp_name', 'exp')), env=str(config.get('env', '')),
                seed=config.get('seed'), epochs=epochs if isinstance(epochs, (int, float)) else 0,
                settings=settings)


def table_of(folder):
    """
    The rows of a run's table that have numbers in all of COLUMNS, the steps rising.

    Raises:
        Unreadable: It lacks a column, or has no such row.
    """
    table = read_table(folder)
    for column in COLUMNS:
        if column not in table:
            raise Unreadable('its table has no column ' + column)
        table[column] = pd.to_numeric(table[column], errors='coerce')
        if not np.isfinite(table[column]).any():
            raise Unreadable('its column {} has no number'.format(column))
    table = table[np.isfinite(table[COLUMNS]).all(axis=1)].sort_values(
        'TotalEnvInteracts', kind='mergesort').drop_duplicates('TotalEnvInteracts', keep='last')
    if not len(table):
        raise Unreadable('no row has numbers in all of ' + ', '.join(COLUMNS))
    table.attrs['folder'] = folder          # the plotter names it
    return table.reset_index(drop=True)


def begun(runs, steps):
    """
    Those of the runs (from `read_runs`) that have a row within so many steps; others are named.

    Raises:
        BadSetting: There are runs, but no such one.
    """
    first = [run.table.TotalEnvInteracts.iloc[0] for run in runs]
    if min(first) > steps:
        raise BadSetting('steps', steps, 'at least {:.0f}, where the first row of a run is'.format(
            min(first)))
    for run, its_first in zip(runs, first):
        if its_first > steps:
            print('{}: left out; its first row is at {:.0f} steps'.format(run.folder, its_first))
    return [run for run, its_first in zip(runs, first) if its_first <= steps]


def finished(run, steps=None):
    """Whether a run has all its epochs, or, where there are steps, a row before and after them."""
    if steps is None:
        return len(run.table) >= run.epochs
    return run.table.TotalEnvInteracts.iloc[0] <= steps <= run.table.TotalEnvInteracts.iloc[-1]


def last10_within(table, steps):
    """METRICS['last10'] of a run's table as it was after so many steps."""
    return METRICS['last10'](table[table.TotalEnvInteracts <= steps].AverageTestEpRet)


def interquartile_mean(values, axis=0):
    """
    The mean of the middle half: less moved by one seed than the mean, less noisy than the median
    (Agarwal et al. 2021, arXiv 2108.13264). `axis` is for scipy.stats.bootstrap.
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


def groups_of(runs):
    """[((exp_name, env), its runs in the order of their seeds)] of runs from `read_runs`."""
    groups = {}
    for run in sorted(runs, key=lambda run: '{:>20}'.format(str(run.seed))):    # 9 before 10
        groups.setdefault((run.exp_name, run.env), []).append(run)
    return sorted(groups.items())


def remarks(runs, steps=None):
    """
    What one should know of the groups of `summarise`, in lines: which runs do not count, and where
    those that do differ in more than their seeds.
    """
    lines, groups = [], groups_of(runs)
    for (group, env), of_group in groups:
        if [name for (name, _), _ in groups].count(group) > 1:
            group = '{}, {}'.format(group, env)
        of_seeds = [run for run in of_group if finished(run, steps)]
        for run in of_group:
            if not finished(run, steps):
                why = 'has {} of {} epochs'.format(len(run.table), run.epochs)
                if steps is not None:
                    why = 'ends after {:.0f} steps'.format(run.table.TotalEnvInteracts.iloc[-1])
                lines.append('{}: does not count yet; it {}'.format(run.folder, why))
        ends = sorted({int(run.table.TotalEnvInteracts.iloc[-1]) for run in of_seeds})
        if steps is None and len(ends) > 1:
            lines.append('Warning: the runs of {} end after {} steps; --steps {} shows all of them '
                         'as they were then'.format(group, ' and '.join(map(str, ends)), ends[0]))
        settings = [run.settings for run in of_seeds]
        for name in sorted(set().union(*settings)):
            values = sorted({json.dumps(each[name]) if name in each else 'none'
                             for each in settings})
            if len(values) > 1:
                lines.append('Warning: the runs of {} differ in {}: {}'.format(
                    group, name, ' and '.join(values)))
    return lines


def summarise(runs, steps=None):
    """
    One row per group (exp_name) and environment, over its finished seeds.

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
    rows = []
    for (group, env), of_group in groups_of(runs):
        of_seeds = [run for run in of_group if finished(run, steps)]
        tables = [run.table if steps is None else run.table[run.table.TotalEnvInteracts <= steps]
                  for run in of_seeds]
        row = dict(group=group, env=env, seeds=len(tables),
                   unfinished=len(of_group) - len(tables),
                   steps_per_second=np.mean([table.TotalEnvInteracts.iloc[-1] / table.Time.iloc[-1]
                                             for table in tables]) if tables else np.nan)
        values = {metric: [value(table.AverageTestEpRet) for table in tables]
                  for metric, value in METRICS.items()}
        for metric, of_each in values.items():
            row.update({'{}_{}'.format(metric, name): value
                        for name, value in over_seeds(of_each).items()})
        row.update(max_of_mean=max_of_mean(tables), last10_of_each_seed=', '.join(
            's{} {:.{}f}'.format(run.seed, value, figures.decimals(row['last10_mean']))
            for run, value in zip(of_seeds, values['last10'])))
        rows.append(row)
    return pd.DataFrame(rows)


def curves(runs):
    """
    The test returns of all runs in one tidy table, unfinished ones' among them.

    Args:
        runs (list): From `read_runs`, at least one.

    Returns:
        DataFrame: group, env, seed, run (its folder, from the one that all have in common), steps,
        test_return.
    """
    common = os.path.commonpath([os.path.dirname(run.folder) for run in runs])
    return pd.concat([pd.DataFrame(dict(
        group=run.exp_name, env=run.env, seed=str(run.seed),
        run=os.path.relpath(run.folder, common), steps=run.table.TotalEnvInteracts,
        test_return=run.table.AverageTestEpRet)) for run in runs])


def as_text(summary):
    """The table for the screen, a line per group and metric; and a line per group, of its seeds."""
    def digits(row, *values):
        places = figures.decimals(row.last10_mean)
        return ['' if np.isnan(value) else '{:.{}f}'.format(value, places) for value in values]

    def interval(row, name):
        low, high = digits(row, row[name + '_ci_low'], row[name + '_ci_high'])
        return low and '[{}, {}]'.format(low, high)

    lines, seeds = [], []
    of_several = summary.group.duplicated(keep=False)       # environments
    for i, row in summary.iterrows():
        name = '{}, {}'.format(row.group, row.env) if of_several[i] else row.group
        for metric in METRICS:
            first = metric == 'final'
            mean, std, iqm = digits(row, *(row['{}_{}'.format(metric, what)]
                                           for what in ('mean', 'std', 'iqm')))
            lines.append({
                'group': name if first else '', 'seeds': row.seeds if first else '',
                'test return': metric, 'mean': mean, 'std': std,
                '95% CI': interval(row, metric + '_mean'), 'IQM': iqm,
                '95% CI ': interval(row, metric + '_iqm'),
                'steps/s': '{:.0f}'.format(row.steps_per_second).replace('nan', '') if first
                           else ''})
        lines.append({'test return': 'max of mean', 'mean': digits(row, row.max_of_mean)[0]})
        seeds.append('{}, last10: {}'.format(name, row.last10_of_each_seed))
    table = pd.DataFrame(lines).to_string(index=False, na_rep='')
    return '\n\n'.join([table, '\n'.join(seeds)])


def draw(runs, paths):
    """
    The learning curves: a panel per environment, a curve with its band per group, into files. Where
    runs of a group have finished, they alone are drawn.

    Raises:
        BadSetting: A file cannot be written.
    """
    matplotlib.use('Agg')
    import matplotlib.pyplot as plt
    import seaborn as sns
    drawn = []
    for _, of_group in groups_of(runs):
        drawn += list(filter(finished, of_group)) or of_group
    sns.set_theme(style='darkgrid', font_scale=1.5)
    envs = sorted({run.env for run in drawn})
    columns = min(len(envs), 3)
    rows = -(-len(envs) // columns)
    figure = plt.figure(figsize=(9 * columns, 6 * rows))
    notes = {}                  # {what curves and bands are: environments}
    for i, env in enumerate(envs):
        axes = figure.add_subplot(rows, columns, i + 1)
        try:
            said = plot.plot_data([run.table.assign(Condition1=run.exp_name,
                                                    Performance=run.table.AverageTestEpRet)
                                   for run in drawn if run.env == env])
        except AssertionError as why:       # the plotter's own
            print('{}: not drawn; {}'.format(env or 'no environment', why))
            said = 'nothing to draw'
        notes.setdefault(said, []).append(env)
        axes.set(xlabel='environment steps', ylabel='test return')
    add_titles(figure, envs, rows)
    notes = [said if len(notes) == 1 else '{}: {}'.format(', '.join(of_envs), said)
             for said, of_envs in notes.items() if said]
    figure.text(0.01, 0.01, '\n'.join(notes), fontsize='xx-small', color='dimgray', va='bottom')
    figure.tight_layout(rect=(0, 0.25 * len(notes) / figure.get_figheight(), 1, 1))
    save(figure, paths)


def save(figure, paths):
    """
    Write a figure to files, the same bits for the same figure; and close it.

    Raises:
        BadSetting: A file cannot be written.
    """
    import matplotlib.pyplot as plt
    with matplotlib.rc_context({'svg.hashsalt': 'ddpg'}):      # else its ids are drawn at random
        for path in paths:
            figures.write_figure(figure, path, dpi=100, metadata={'Date': None})
    plt.close(figure)


def add_titles(figure, titles, rows):
    """Titles of a figure's panels, above their legends, for which it is made higher."""
    figure.canvas.draw()
    legends = [axes.get_legend() for axes in figure.axes]
    heights = [legend.get_window_extent().height / figure.dpi if legend else 0
               for legend in legends]           # inches
    for axes, title, height in zip(figure.axes, titles, heights):
        axes.set_title(plot.literal(title), pad=12 + 72 * height)
    figure.set_figheight(figure.get_figheight() + rows * max(heights))


def write(runs, place):
    """
    Print the table of runs; then write it, the curves and the figures.

    Args:
        runs (list): From `read_runs`, at least one.
        place (str): The folder that they go to.

    Returns:
        list of str: The paths that were written.

    Raises:
        BadSetting: They cannot be written.
    """
    for line in remarks(runs):
        print(line)
    summary = summarise(runs)
    print(as_text(summary), flush=True)         # whatever becomes of the files
    *tables, png, svg = paths = [os.path.join(place, name) for name in FILES]
    for path, table in zip(tables, (summary, curves(runs))):
        figures.write(path, table.to_csv(index=False).encode())
    draw(runs, [png, svg])
    return paths


def returns_by_task(folders, steps=None):
    """
    What runs below several folders have come to, task by task. Of a task whose runs have several
    lengths, all count as they were at the end of the shortest.

    Args:
        folders (list of str): Two or more, apart from each other.
        steps (int): As it was after so many environment steps. None: as it is.

    Returns:
        ({task: [array (runs,) per folder]}, list of str): Of the finished runs, METRICS['last10'],
        for each env of config.json that all folders have; and lines that say what is left out.

    Raises:
        BadSetting: A folder lies in another, has no run, or several experiments of one task; or
            there is nothing to compare.
    """
    for one, other in itertools.combinations(folders, 2):
        paths = [os.path.realpath(folder) for folder in (one, other)]
        if os.path.commonpath(paths) in paths:
            raise BadSetting('FOLDER', other, 'a folder apart from {}, to compare'.format(one))
    told, returns = [], {}
    of_folders = [tables_by_task(folder, steps, told.append) for folder in folders]
    for task in sorted(set().union(*of_folders)):
        lacking = [folder for folder, tables in zip(folders, of_folders) if task not in tables]
        if lacking:
            told.append('{}: left out; there is no finished run of it in {}'.format(
                task, ', '.join(lacking)))
            continue
        rows = [table.TotalEnvInteracts for tables in of_folders for table in tables[task]]
        end = min(each.iloc[-1] for each in rows) if steps is None else steps
        if end < max(each.iloc[0] for each in rows):
            told.append('{}: left out; its runs have no steps in common'.format(task))
            continue
        if steps is None and end < max(each.iloc[-1] for each in rows):
            told.append('{}: all as they were after {:.0f} steps, where the shortest run '
                        'ends'.format(task, end))
        returns[task] = [np.array([last10_within(table, end) for table in tables[task]])
                         for tables in of_folders]
    if not returns:
        raise BadSetting('FOLDER', folders[-1], 'finished runs of a task that {} has, too; '
                         '{}'.format(folders[0], '; '.join(dict.fromkeys([told[-1], told[0]]))))
    return returns, told


def tables_by_task(folder, steps, tell):
    """
    {env: the tables of its finished runs} below a folder; others are told. See `returns_by_task`.
    """
    tables, experiments = {}, {}
    for run in read_runs(folder, required=True, tell=tell):
        if run.env and finished(run, steps):
            tables.setdefault(run.env, []).append(run.table)
            experiments.setdefault(run.env, set()).add(run.exp_name)
            continue
        if not run.env:
            why = 'its config.json names no env'
        elif steps is None:
            why = 'it is not finished'
        else:
            why = 'it has rows from {:.0f} to {:.0f} steps'.format(
                *run.table.TotalEnvInteracts.iloc[[0, -1]])
        tell('{}: left out; {}'.format(run.folder, why))
    for env, names in experiments.items():
        if len(names) > 1:
            first, second, *others = sorted(names)
            more = ' and {} more'.format(len(others)) if others else ''
            raise BadSetting('FOLDER', folder, 'one experiment of each task; of {} it has {}, {}{}'
                             ', so name the folder of one'.format(env, first, second, more))
    return tables


def compare_folders(folders, steps=None):
    """
    Compare the runs below several folders; see `returns_by_task`. Prints, and writes COMPARED below
    the current folder. Raises BadSetting.
    """
    returns, told = returns_by_task(folders, steps)
    matplotlib.use('Agg')
    from tools import compare           # with rliable and statsmodels, which only this needs
    paths = [os.path.realpath(folder) for folder in folders]
    names = [os.path.relpath(path, os.path.commonpath(paths)) for path in paths]
    comparison = compare.compare(returns, names)
    if told:
        print('\n'.join(told) + '\n')
    print(compare.as_text(comparison), flush=True)          # whatever becomes of the files
    place = '_vs_'.join(name.replace(os.sep, '-') for name in names)
    if len(os.fsencode(place)) > LONGEST_NAME:
        first = os.fsencode(names[0].replace(os.sep, '-'))[:60].decode(errors='ignore')
        place = '{}_vs_{}_more_{}'.format(first, len(names) - 1, digest_of(os.fsencode(place))[:6])
    place = os.path.join(figures.FIGURES, place + ('' if steps is None else '_{}'.format(steps)))
    table, *pictures = written = [os.path.join(place, name) for name in COMPARED]
    figures.write(table, compare.as_table(comparison).to_csv(index=False).encode())
    save(compare.draw(comparison), pictures)
    print('\nWrote {}'.format(', '.join(written)))


def main(argv=None):
    """The command line. Exit code 2 where there is nothing to summarise."""
    parser = Parser(prog='tools.summary', description='A table and a figure of all runs below a '
                    'folder; of several folders, a comparison of the first with each other one, '
                    'over the tasks that all have.')
    parser.add_argument('folder', nargs='+', metavar='FOLDER')
    parser.add_argument('--steps', metavar='N', help='The runs as they were after so many '
                        'environment steps; nothing is written then, but of a comparison.')
    parser.add_argument('--write', action='store_true', help='Write table and figure into FOLDER. '
                        'Default: {}/<its name>, below the current folder'.format(figures.FIGURES))
    args = parser.parse_args(argv)
    with ending(parser.prog):
        steps = args.steps
        if steps is not None:
            steps = checked_value('steps', steps, Number(int, 1))
            if args.write:
                raise BadSetting('steps', steps, 'nothing beside --write: it only prints')
        folder, *others = args.folder
        if others:
            if args.write:
                raise BadSetting('write', ' '.join(args.folder), 'one FOLDER')
            compare_folders(args.folder, steps)
            return
        runs = read_runs(folder, required=True)
        if steps is not None:
            runs = begun(runs, steps)
            for line in remarks(runs, steps):
                print(line)
            print(as_text(summarise(runs, steps)))
        else:
            paths = write(runs, folder if args.write else os.path.join(
                figures.FIGURES, figures.name_of(folder)))
            print('\nWrote {}'.format(', '.join(paths)))


if __name__ == '__main__':
    main()
