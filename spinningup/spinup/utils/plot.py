"""
plot.py: the curves of all runs below some folders.

    python -m spinup.run plot out/ddpg_halfcheetah-v2 [--output curve.png]

A folder with a progress.txt is a run; its config.json names its experiment. Runs of one experiment
become one curve, their mean, with a band of one standard deviation: only where all of them have
rows, interpolated where those are at different x. Runs that cannot be drawn, that repeat another
one, or that end before half of their curve are left out; that is printed, and so is a warning where
runs of a curve differ in more than their seeds. Without a display, the figure goes to a file.
"""
import importlib
import io
import json
import os
import re
import textwrap

import matplotlib.figure
import numpy as np
import pandas as pd

from spinup.utils.command import (BadInput, Parser, command, described, require, whole_number,
                                  writing_whole)

# What config.json has beside settings, or what may be otherwise with each run.
NO_SETTINGS = {'seed', 'exp_name', 'epochs', 'save_freq', 'threads', 'command', 'commit', 'code',
               'processor', 'env_made_by', 'env_fn', 'resume'}

# Where figures go that have no name and no display, below the current folder.
FIGURES = os.path.join('out', 'figures')

LABELS = dict(
    Performance='test return', AverageTestEpRet='test return', AverageEpRet='training return',
    TestEpLen='test episode length', EpLen='episode length', Epoch='epoch', Time='time (s)',
    TotalEnvInteracts='environment steps', AverageQVals='Q', LossQ="critic's loss",
    LossPi="actor's loss")


# ---- Reading ------------------------------------------------------------------------------------

def resolve(logdirs, select=None, exclude=None):
    """
    The folders that arguments mean: a folder means itself; any other path means all folders in its
    parent whose names contain its last component.

    Args:
        logdirs (list of str): Folders, or folders with a part of a name.
        select (list of str): Keep paths with all of these in them.
        exclude (list of str): Drop paths with any of these in them.

    Raises:
        BadInput: An argument matches nothing, or nothing is left.
    """
    folders = []
    for logdir in logdirs:
        require(logdir, "'': expected a folder, or a part of the name of one")
        if os.path.isdir(logdir):
            folders.append(logdir)
            continue
        parent, fragment = os.path.split(logdir)
        parent = parent or os.curdir
        names = sorted(os.listdir(parent)) if os.path.isdir(parent) else []
        matches = [os.path.join(parent, name) for name in names
                   if fragment in name and os.path.isdir(os.path.join(parent, name))]
        require(matches, '{}: expected a folder, or a part of the name of one'.format(logdir))
        folders += matches
    left = [folder for folder in folders if all(part in folder for part in select or [])
            and not any(part in folder for part in exclude or [])]
    require(left, '--select and --exclude leave no folder: expected parts of {} (the runs below '
            'do not count)'.format(', '.join(folders)))
    return left


def get_datasets(logdir, condition=None, first_index=0, units=None):
    """
    The runs below a folder.

    Args:
        logdir (str): Folder.
        condition (str): Name of their curve; None: the exp_name of each run's config.json.
        first_index (int): Number of the first run, for Condition2.
        units (dict): {condition: runs so far}, which this continues.

    Returns:
        A list of DataFrames: progress.txt, and Unit, Condition1, Condition2, Performance (the
        latter where there are returns). Their attrs have the run's folder and config.
    """
    units = {} if units is None else units
    datasets = []

    def cannot_be_listed(error):
        print('{}: left out; it cannot be read ({})'.format(error.filename, error.strerror))

    for folder, files in walk(logdir, cannot_be_listed):
        if 'progress.txt' not in files:
            continue
        try:
            data = read_table(os.path.join(folder, 'progress.txt'))
        except (OSError, ValueError) as error:      # pandas' parser errors are ValueErrors
            print('{}: left out; its progress.txt cannot be read ({})'.format(
                folder, described(error)))
            continue
        if data.empty:
            print('{}: left out; its progress.txt has no row'.format(folder))
            continue
        config = read_config(folder)
        exp_name = condition or str(config.get('exp_name', 'exp'))
        data = data.assign(
            Unit=units.setdefault(exp_name, 0), Condition1=exp_name,
            Condition2='{}-{}'.format(exp_name, first_index + len(datasets)))
        returns = [name for name in ('AverageTestEpRet', 'AverageEpRet') if name in data]
        if returns:
            data['Performance'] = data[returns[0]]
        data.attrs.update(folder=folder, config=config)
        units[exp_name] += 1
        datasets.append(data)
    return datasets


def walk(top, onerror):
    """
    Each folder below `top`, once, in the order of the names: [(path, files)]. Links are followed,
    but not within a run.

    Args:
        top (str): Folder.
        onerror (callable): Is given the OSError of each that cannot be listed.
    """
    found, tops = {}, [top]             # links are walked after what is there without them
    for start in tops:
        for path, folders, files in os.walk(start, onerror=onerror):
            place = os.path.realpath(path)
            if place in found:
                folders.clear()
                continue
            found[place] = path, files
            if 'progress.txt' not in files:
                below = (os.path.join(path, name) for name in sorted(folders))
                tops += filter(os.path.islink, below)
    return sorted(found.values())


def read_table(path):
    """
    A progress.txt as a DataFrame. A last line without its end is still being written, or was never
    finished: its last value, which may be cut off, is dropped.

    Raises:
        OSError, ValueError: It cannot be read, or is no table in UTF-8.
    """
    with open(path, encoding='utf-8') as file:
        text = file.read()
    if not text.endswith('\n'):
        rows, end_of_line, last = text.rpartition('\n')
        text = rows + end_of_line + last.rpartition('\t')[0]
    # Without index_col=False, pandas takes the first column of rows that end in a tab for names.
    return pd.read_csv(io.StringIO(text), sep='\t', index_col=False)


def read_config(folder):
    """A run's config.json; {} where it has none, which is told."""
    try:
        with open(os.path.join(folder, 'config.json'), encoding='utf-8') as file:
            config = json.load(file)
    except FileNotFoundError:
        print('No file named config.json in {}'.format(folder))
        return {}
    except (OSError, ValueError, RecursionError) as error:
        print('{}: its config.json cannot be read ({})'.format(folder, described(error)))
        return {}
    if not isinstance(config, dict):
        print('{}: its config.json holds no settings, but a {}'.format(
            folder, type(config).__name__))
        return {}
    return config


def get_all_datasets(all_logdirs, legend=None, select=None, exclude=None):
    """
    The runs below all folders that the arguments mean; see `resolve` and `get_datasets`.

    Raises:
        BadInput: `legend` has not one name per folder, or there is no run.
    """
    folders = resolve(all_logdirs, select, exclude)
    require(not legend or len(legend) == len(folders),
            '--legend: expected one name for each of the {} folders that are given: {}'.format(
                len(folders), ', '.join(folders)))
    datasets, units = [], {}
    for folder, condition in zip(folders, legend or [None] * len(folders)):
        datasets += get_datasets(folder, condition, len(datasets), units)
    require(datasets, 'no progress.txt with a row in it below ' + ', '.join(folders))
    runs, configs = without_copies(datasets), {}
    for data in runs:
        configs.setdefault(data.Condition1.iloc[0], []).append(data.attrs['config'])
    for curve, of_runs in configs.items():
        for line in differences(of_runs):
            print('Warning: the runs of {} differ in {}'.format(curve, line))
    return runs


def without_copies(datasets):
    """
    The runs without those that another one of their curve repeats, which are printed: of the same
    folder, or of the same seed, with the same returns or the first of them. A run that was begun
    again, or copied, is no other seed.
    """
    def returns(data):
        columns = data.reindex(columns=['TotalEnvInteracts', 'Performance'])
        return columns.apply(pd.to_numeric, errors='coerce').dropna().values        # whole lines

    def repeats(data, rows, whole, others):
        if data.Condition1.iloc[0] != whole.Condition1.iloc[0]:
            return False
        if os.path.realpath(data.attrs['folder']) == os.path.realpath(whole.attrs['folder']):
            return True
        seed, other = (each.attrs['config'].get('seed') for each in (data, whole))
        return (seed is not None and seed == other and len(rows)
                and np.array_equal(rows, others[:len(rows)]))

    kept = []                   # the longest come first
    for data, rows in sorted(((data, returns(data)) for data in datasets),
                             key=lambda found: -len(found[1])):
        originals = [whole.attrs['folder'] for whole, others in kept
                     if repeats(data, rows, whole, others)]
        if originals:
            print('{}: left out; it is {} again'.format(data.attrs['folder'], originals[0]))
        else:
            kept.append((data, rows))
    return [data for data in datasets if any(data is each for each, _ in kept)]


def differences(configs):
    """
    The settings in which runs differ beside their seeds, in lines: '<name>: <value> and ...'. What
    has no config.json is not compared.
    """
    def settings(config):
        found = {name: value for name, value in config.items()
                 if name not in NO_SETTINGS and not isinstance(value, dict)}
        for kwargs in ('ac_kwargs', 'env_kwargs'):
            if isinstance(config.get(kwargs), dict):
                found.update(('{}.{}'.format(kwargs, name), value)
                             for name, value in config[kwargs].items())
        return {name: json.dumps(value) for name, value in found.items()}

    found, lines = [settings(config) for config in configs if config], []
    for name in sorted(set().union(*found)):
        values = sorted({each.get(name, 'none') for each in found})
        if len(values) > 1:
            lines.append('{}: {}'.format(name, ' and '.join(values)))
    return lines


# ---- Drawing ------------------------------------------------------------------------------------

def plot_data(datasets, xaxis='TotalEnvInteracts', value='Performance', condition='Condition1',
              smooth=1, estimator='mean', font_scale=1.5):
    """
    Draw one column of runs into the current axes. It prints which runs and curves are not drawn,
    or not in full, and why.

    Args:
        datasets (list of DataFrame): From `get_all_datasets`; a run each.
        xaxis, value (str): Columns.
        condition (str): Column whose values are the curves.
        smooth (int): Width of the centred moving average, in rows.
        estimator (str): NumPy function of the runs that a curve shows.
        font_scale (float): Of seaborn's text.

    Returns:
        str: What a curve and its band are, for a figure's note.

    Raises:
        BadInput: No run has numbers in both columns.
    """
    import matplotlib.pyplot as plt
    import seaborn as sns
    curves, remarks = curves_of(datasets, xaxis, value, condition, smooth)
    data = pd.concat([pd.DataFrame({xaxis: x, value: y, condition: curve})
                      for curve, x, ys in curves for y in ys], ignore_index=True)
    sns.set_theme(style='darkgrid', font_scale=font_scale)
    sns.lineplot(data=data, x=xaxis, y=value, hue=condition, errorbar='sd',
                 estimator=getattr(np, estimator))
    # Above the axes, where it covers no curve, in as many columns as the names leave room for.
    columns = max(1, 84 // (8 + data[condition].str.len().max()))
    plt.legend(loc='lower left', bbox_to_anchor=(0, 1.01), borderaxespad=0, fontsize='x-small',
               ncol=min(columns, len(curves))).set_draggable(True)
    if data[xaxis].max() > 5e3:
        plt.ticklabel_format(style='sci', axis='x', scilimits=(0, 0))
    plt.tight_layout(pad=0.5)
    return note([len(ys) for _, _, ys in curves], estimator, smooth, remarks)


def curves_of(datasets, xaxis, value, condition, smooth):
    """
    The curves of a figure, [(name, x (M,), its runs' y: list of array (M,))], and what a reader
    should know of them, a set of str; see `plot_data`. It prints what is left out, and why.

    Raises:
        BadInput: No run has numbers in both columns.
    """
    runs, told, reasons = {}, [], []

    def leave_out(name, why):
        told.append('{}: left out; {}'.format(name, why))
        reasons.append(str(why))

    for data in datasets:
        curve = literal(str(data[condition].iloc[0]))
        folder = data.attrs.get('folder', curve)
        try:
            run = points(data, xaxis, value, smooth)
        except BadInput as why:
            leave_out(folder, why)
        else:
            runs.setdefault(curve, []).append((folder, run))
    curves, remarks = [], set()
    for curve, of_curve in runs.items():
        # One that has just begun, or was given up, would leave next to nothing of the others.
        longest = max(run.index[-1] for _, run in of_curve)
        half = longest - abs(longest) / 2
        for folder, run in of_curve:
            if run.index[-1] < half:
                told.append('{}: not drawn; it ends before half of the curve (--count draws each '
                            'run)'.format(folder))
        try:
            x, ys, of_grid = on_common_grid([run for _, run in of_curve if run.index[-1] >= half])
        except BadInput as why:
            leave_out(curve, why)
            continue
        if of_grid:
            told.append('{}: {}'.format(curve, '; '.join(of_grid)))
            remarks.update(of_grid)
        curves.append((curve, x, ys))
    require(curves, '{} over {}: no run can be drawn ({}); the columns are {}'.format(
        value, xaxis, ', or '.join(sorted(set(reasons))),
        ', '.join(sorted(set().union(*datasets)))))
    for line in told:
        print(line)
    return curves, remarks


def literal(name):
    """A name as a legend shows it: `$` begins no mathematics; a first `_` would keep it out."""
    return re.sub('^_', ' _', name).replace('$', r'\$')


def points(data, xaxis, value, smooth):
    """
    A run's points.

    Args:
        data (DataFrame): Its table.
        xaxis, value, smooth: See `plot_data`.

    Returns:
        Series: The column `value`, smoothed, by those of `xaxis`, which rise. Rows without a number
        in both are not among them.

    Raises:
        BadInput: There is no such row.
    """
    for column in (xaxis, value):
        require(column in data, 'it has no column {}'.format(column))
    x, y = (pd.to_numeric(data[column], errors='coerce') for column in (xaxis, value))
    for column, numbers in ((xaxis, x), (value, y)):
        require(np.isfinite(numbers).any(), 'its column {} has no number'.format(column))
    complete = np.isfinite(x) & np.isfinite(y)
    require(complete.any(), 'no row has numbers in both {} and {}'.format(xaxis, value))
    x, y = x[complete], y[complete]
    if smooth > 1:
        y = y.rolling(min(smooth, 2 * len(y)), center=True, min_periods=1).mean()
    return y.groupby(x).mean()


def on_common_grid(runs):
    """
    The runs of a curve at the same x: all that any of them has, where each has some on both sides.

    Args:
        runs (list of Series): From `points`.

    Returns:
        x (M,), the runs' y (list of array (M,)), and what a reader should know of them (list of
        str).

    Raises:
        BadInput: There is no such x.
    """
    low, high = max(run.index[0] for run in runs), min(run.index[-1] for run in runs)
    require(low <= high, 'its runs have no {} in common; --count draws each alone'.format(
        runs[0].index.name))
    x = np.unique(np.concatenate([run.index for run in runs]))
    x = x[(x >= low) & (x <= high)]
    remarks = []
    if any(not np.isin(x, run.index).all() for run in runs):
        remarks.append('interpolated between rows')
    if any(run.index[0] < low or run.index[-1] > high for run in runs):
        remarks.append('only where all runs have rows')
    return x, [np.interp(x, run.index, run) for run in runs], remarks


def note(counts, estimator, smooth, remarks):
    """What a figure shows, in words; see `plot_data`. counts (list of int): each curve's runs."""
    few, many = min(counts), max(counts)
    if many == 1:
        said = ['one run per curve: no band']
    else:
        said = ['{} over {} seeds'.format(estimator, many if few == many else '{} to {}'.format(
            few, many)), 'band: one standard deviation']
    if smooth > 1:
        said.append('smoothed over {} rows'.format(smooth))
    return '; '.join(said + sorted(remarks))


def settle_backend():
    """Use Agg where MPLBACKEND names a module that is not installed, such as a notebook's."""
    backend = matplotlib.get_backend()
    if backend.startswith('module://'):
        try:
            importlib.import_module(backend[len('module://'):])
        except ImportError:
            matplotlib.use('Agg')


def make_plots(all_logdirs, legend=None, xaxis='TotalEnvInteracts', values=('Performance',),
               count=False, font_scale=1.5, smooth=1, select=None, exclude=None, estimator='mean',
               output=None):
    """
    One figure per column, on the display or in files. See `main` for the arguments; font_scale is
    seaborn's.

    Returns:
        The paths of the files written.

    Raises:
        BadInput: See `get_all_datasets`; or there is nothing to draw; or no figure can be written
            as `output`.
    """
    values = [values] if isinstance(values, str) else values
    if output is not None:
        figure_paths(output, values, '')        # it is refused before anything is read
    datasets = get_all_datasets(all_logdirs, legend, select, exclude)
    require(any({xaxis, value} <= set(data) for data in datasets for value in values),
            '{} over {}: no run has both columns; there are {}'.format(
                ', '.join(values), xaxis, ', '.join(sorted(set().union(*datasets)))))
    folders = resolve(all_logdirs, select, exclude)
    print('Plotting from...\n{0}\n{1}\n{0}'.format('=' * 80, '\n'.join(folders)))
    if output:
        matplotlib.use('Agg')
    settle_backend()
    import matplotlib.pyplot as plt
    if plt.get_backend().lower() in map(str.lower, matplotlib.rcsetup.interactive_bk):
        paths = [None] * len(values)
    else:       # there is no display, or it is not wanted
        paths = figure_paths(output, values, folders[0])
    written, faults = [], []
    for value, path in zip(values, paths):
        figure = plt.figure(figsize=(10, 6))
        try:
            said = plot_data(datasets, xaxis, value, 'Condition2' if count else 'Condition1',
                             smooth, estimator, font_scale)
        except BadInput as error:
            plt.close(figure)
            faults.append(str(error))
            continue
        print('{}: {}'.format(value, said))
        finish(figure, label(xaxis, datasets), label(value, datasets), said)
        if path:
            with writing_whole(path) as partial:
                if not output:
                    os.makedirs(FIGURES, exist_ok=True)
                figure.savefig(partial, dpi=100)
            print('Wrote ' + path)
            written.append(path)
    require(len(faults) < len(values), '; '.join(faults))
    for fault in faults:
        print(fault)
    if not written:
        plt.show()
    return written


def figure_paths(output, values, folder):
    """
    Where figures go.

    Args:
        output (str): A file's name, as the user gives it, or None.
        values (list of str): Columns, a figure each.
        folder (str): What is drawn first; the figures have its name where they are given none.

    Returns:
        list of str: A path per figure.

    Raises:
        BadInput: `output` has an ending of no kind of figure.
    """
    names = [re.sub(r'[^\w.+-]+', '-', value) for value in values]
    if output is None:
        folder = os.path.basename(os.path.abspath(folder))
        return [os.path.join(FIGURES, '{}_{}.png'.format(folder, name)) for name in names]
    root, ending = os.path.splitext(output)
    kinds = sorted(set(matplotlib.figure.Figure().canvas.get_supported_filetypes())
                   - {'pgf'})        # which takes LaTeX
    require(ending[1:] in kinds, '--output {}: expected a name that ends in one of .{}'.format(
        output, ', .'.join(kinds)))
    folder = os.path.dirname(os.path.abspath(output))
    require(os.path.isdir(folder) and os.access(folder, os.W_OK) and not os.path.isdir(output),
            '--output {}: cannot be written (expected a file in a folder that can be)'.format(
                output))
    return [output] if len(names) == 1 else ['{}-{}{}'.format(root, name, ending) for name in names]


def label(column, datasets):
    """What an axis is called that shows a column of the runs."""
    if column == 'Performance' and not all('AverageTestEpRet' in data for data in datasets):
        return 'return'
    return LABELS.get(column, column)


def finish(figure, xlabel, ylabel, said):
    """Names the axes of a figure, says in it what it shows, and makes room for a long legend."""
    figure.gca().set(xlabel=xlabel, ylabel=ylabel)
    lines = textwrap.wrap(said, 100)
    figure.text(0.01, 0.01, '\n'.join(lines), fontsize='xx-small', color='dimgray', va='bottom')
    figure.canvas.draw()
    legend = figure.gca().get_legend().get_window_extent().height / figure.dpi
    figure.set_figheight(figure.get_figheight() + max(0, legend - 1))
    for _ in range(2):      # the first one is by the labels of the low figure
        figure.tight_layout(pad=0.5, rect=(0, 0.04 * len(lines), 1, 1))


# ---- The command line ---------------------------------------------------------------------------

@command('spinup.run plot')
def main(argv=None):
    """
    The command line.

    Args:
        argv (list of str): See --help. None: the process's own.

    Raises:
        SystemExit: Exit code 2 where there is nothing to draw, or the figure cannot be written.
    """
    parser = Parser(prog='spinup.run plot',
                    description='The curves of all runs below some folders: the mean over an '
                                "experiment's runs, with a band of one standard deviation.")
    parser.add_argument('logdir', nargs='+',
                        help='folders, or parts of the names of folders that are side by side')
    parser.add_argument('--legend', '-l', nargs='+', help='names of the curves, one per folder')
    parser.add_argument('--xaxis', '-x', default='TotalEnvInteracts', help='column to plot against')
    parser.add_argument('--value', '-y', default=['Performance'], nargs='+',
                        help='columns to plot, a figure each; Performance is AverageTestEpRet, or '
                             'AverageEpRet where there is none')
    parser.add_argument('--count', action='store_true', help='a curve per run, not the mean')
    parser.add_argument('--smooth', '-s', type=whole_number, default=1,
                        help='width of a centred moving average, in rows')
    parser.add_argument('--select', nargs='+', help='keep folders with all of these in their path')
    parser.add_argument('--exclude', nargs='+', help='drop folders with any of these')
    parser.add_argument('--est', default='mean', choices=['mean', 'median', 'min', 'max'],
                        help='what a curve shows of its runs')
    parser.add_argument('--output', '-o', metavar='FILE',
                        help='write the figure there (.png, .svg, .pdf) instead of showing it; '
                             'without a display, the default is <first folder>_<value>.png in {} '
                             'below the current folder'.format(FIGURES))
    args = parser.parse_args(argv)
    require(args.smooth >= 1, '--smooth {}: expected at least 1'.format(args.smooth))
    make_plots(args.logdir, args.legend, args.xaxis, args.value, args.count, smooth=args.smooth,
               select=args.select, exclude=args.exclude, estimator=args.est, output=args.output)


if __name__ == '__main__':
    main()
