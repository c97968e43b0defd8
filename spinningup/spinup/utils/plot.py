"""
plot.py: the curves of all runs below some folders.

    python -m spinup.run plot out/ddpg_halfcheetah-v2 [--output curve.png]

A folder with a progress.txt is a run; its config.json names its experiment. Runs of one experiment
become one curve, their mean, with a band of one standard deviation. Mended here: a bare name is
looked up in the current folder; smoothing may be wider than a run is long; the figure can be
written to a file, and is where there is no display.
"""
import json
import os

import matplotlib
import numpy as np
import pandas as pd
import seaborn as sns

from spinup.utils.command import Parser, require, telling_bad_input


def resolve(logdirs, select=None, exclude=None):
    """
    The folders that arguments mean: one that ends in '/' means itself, any other all folders beside
    it whose name contains its last component.

    Args:
        logdirs (list of str): Folders, or folders with a part of a name.
        select (list of str): Keep paths with all of these in them.
        exclude (list of str): Drop paths with any of these in them.

    Raises:
        BadInput: An argument matches nothing, or nothing is left.
    """
    folders = []
    for logdir in logdirs:
        if os.path.isdir(logdir) and logdir.endswith(os.sep):
            folders.append(logdir)
            continue
        parent, fragment = os.path.split(logdir)
        parent = parent or os.curdir
        names = sorted(os.listdir(parent)) if os.path.isdir(parent) else []
        matches = [os.path.join(parent, name) for name in names
                   if fragment in name and os.path.isdir(os.path.join(parent, name))]
        require(matches, '{}: expected a folder, or a part of the name of one'.format(logdir))
        folders += matches
    folders = [folder for folder in folders if all(part in folder for part in select or [])
               and not any(part in folder for part in exclude or [])]
    require(folders, '--select and --exclude leave no folder')
    return folders


def get_datasets(logdir, condition=None, first_index=0, units=None):
    """
    The runs below a folder.

    Args:
        logdir (str): Folder.
        condition (str): Name of their curve; None: the exp_name of each run's config.json.
        first_index (int): Number of the first run, for Condition2.
        units (dict): {condition: runs so far}, which this continues.

    Returns:
        A list of DataFrames: progress.txt, and Unit, Condition1, Condition2, Performance.
    """
    units = {} if units is None else units
    datasets = []
    for folder, _, files in sorted(os.walk(logdir)):
        if 'progress.txt' not in files:
            continue
        exp_name = condition or read_exp_name(folder)
        try:
            data = pd.read_csv(os.path.join(folder, 'progress.txt'), sep='\t')
        except (OSError, ValueError) as error:      # pandas' parser errors are ValueErrors
            print('Could not read {}: {}'.format(os.path.join(folder, 'progress.txt'), error))
            continue
        performance = 'AverageTestEpRet' if 'AverageTestEpRet' in data else 'AverageEpRet'
        data = data.assign(
            Unit=units.setdefault(exp_name, 0), Condition1=exp_name,
            Condition2='{}-{}'.format(exp_name, first_index + len(datasets)),
            Performance=data[performance])
        units[exp_name] += 1
        datasets.append(data)
    return datasets


def read_exp_name(folder):
    """The exp_name of a run's config.json; 'exp' where it has none."""
    try:
        with open(os.path.join(folder, 'config.json')) as config:
            return json.load(config).get('exp_name', 'exp')
    except (OSError, ValueError):
        print('No file named config.json in {}'.format(folder))
        return 'exp'


def get_all_datasets(all_logdirs, legend=None, select=None, exclude=None):
    """
    The runs below all folders that the arguments mean; see `resolve` and `get_datasets`.

    Raises:
        BadInput: `legend` has not one name per folder, or there is no run.
    """
    folders = resolve(all_logdirs, select, exclude)
    print('Plotting from...\n' + '=' * 80)
    print('\n'.join(folders) + '\n' + '=' * 80)
    require(not legend or len(legend) == len(folders),
            '--legend: expected one name for each of the {} folders'.format(len(folders)))
    datasets, units = [], {}
    for folder, condition in zip(folders, legend or [None] * len(folders)):
        datasets += get_datasets(folder, condition, len(datasets), units)
    require(datasets, 'no progress.txt with a row in it below ' + ', '.join(folders))
    return datasets


def plot_data(datasets, xaxis='TotalEnvInteracts', value='Performance', condition='Condition1',
              smooth=1, estimator='mean'):
    """
    Draw one column of runs into the current axes.

    Args:
        datasets (list of DataFrame): From `get_all_datasets`.
        xaxis, value (str): Columns.
        condition (str): Column whose values are the curves.
        smooth (int): Width of the centred moving average, in rows.
        estimator (str): NumPy function of the runs that a curve shows.

    Raises:
        BadInput: A run lacks one of the columns.
    """
    import matplotlib.pyplot as plt
    for data in datasets:
        for column in (xaxis, value):
            require(column in data, '{}: expected one of the columns {}'.format(
                column, ', '.join(data.columns)))
    if smooth > 1:
        datasets = [data.assign(**{value: data[value].rolling(
            smooth, center=True, min_periods=1).mean()}) for data in datasets]
    data = pd.concat(datasets, ignore_index=True)
    sns.set_theme(style='darkgrid', font_scale=1.5)
    sns.lineplot(data=data, x=xaxis, y=value, hue=condition, errorbar='sd',
                 estimator=getattr(np, estimator))
    plt.legend(loc='best').set_draggable(True)
    if data[xaxis].max() > 5e3:
        plt.ticklabel_format(style='sci', axis='x', scilimits=(0, 0))
    plt.tight_layout(pad=0.5)


def make_plots(all_logdirs, legend=None, xaxis='TotalEnvInteracts', values=('Performance',),
               count=False, smooth=1, select=None, exclude=None, estimator='mean', output=None):
    """
    One figure per column, on the display or in files. See `main` for the arguments.

    Returns:
        The paths of the files written.

    Raises:
        BadInput: See `get_all_datasets` and `plot_data`; or no figure can be written as `output`.
    """
    datasets = get_all_datasets(all_logdirs, legend, select, exclude)
    if output:
        matplotlib.use('Agg')
    import matplotlib.pyplot as plt
    if output:
        root, extension = os.path.splitext(output)
        kinds = sorted(plt.figure().canvas.get_supported_filetypes())
        require(extension[1:] in kinds, '--output {}: expected a name that ends in one of .{}'
                .format(output, ', .'.join(kinds)))
        several = root + '-{}' + extension
        paths = [output] if len(values) == 1 else [several.format(value) for value in values]
    elif plt.get_backend().lower() == 'agg':        # there is no display
        folder = resolve(all_logdirs, select, exclude)[0]
        paths = [os.path.join(folder, value + '.png') for value in values]
    else:
        paths = []
    for i, value in enumerate(values):
        plt.figure(figsize=(10, 6))
        plot_data(datasets, xaxis, value, 'Condition2' if count else 'Condition1', smooth,
                  estimator)
        if paths:
            plt.savefig(paths[i], dpi=100)
            print('Wrote ' + paths[i])
    if not paths:
        plt.show()
    return paths


def main(argv=None):
    """The command line."""
    parser = Parser(prog='spinup.run plot',
                    description='The curves of all runs below some folders.')
    parser.add_argument('logdir', nargs='+', help='folders, or folders with a part of a name')
    parser.add_argument('--legend', '-l', nargs='*', help='names of the curves, one per folder')
    parser.add_argument('--xaxis', '-x', default='TotalEnvInteracts', help='column to plot against')
    parser.add_argument('--value', '-y', default=['Performance'], nargs='*',
                        help='columns to plot, a figure each; Performance is AverageTestEpRet, or '
                             'AverageEpRet where there is none')
    parser.add_argument('--count', action='store_true', help='a curve per run, not the mean')
    parser.add_argument('--smooth', '-s', type=int, default=1,
                        help='width of a centred moving average, in rows')
    parser.add_argument('--select', nargs='*', help='keep folders with all of these in their path')
    parser.add_argument('--exclude', nargs='*', help='drop folders with any of these')
    parser.add_argument('--est', default='mean', choices=['mean', 'median', 'min', 'max'],
                        help='what a curve shows of its runs')
    parser.add_argument('--output', '-o', metavar='FILE',
                        help='write the figure there (.png, .svg, .pdf) instead of showing it; '
                             'without a display, the default is <value>.png in the first folder')
    args = parser.parse_args(argv)
    with telling_bad_input(parser.prog):
        require(args.smooth >= 1, '--smooth {}: expected at least 1'.format(args.smooth))
        make_plots(args.logdir, args.legend, args.xaxis, args.value, args.count, args.smooth,
                   args.select, args.exclude, args.est, args.output)


if __name__ == '__main__':
    main()
