"""
course.py: how each run below a folder went, seed by seed. What the pages tell of single runs.

    python -m tools.bench.course out/benchmark/hopper
    python -m tools.bench.course out/benchmark/halfcheetah --column QBias
    python -m tools.bench.course out/study/batch256 --every 50000 --rows 1

Of each group, one column of progress.txt, the test returns where none is named:

- the mean of its last ten rows, or of so many, at every so many steps;
- the highest of these means; its deepest fall, from the highest before; and the lowest and the
  highest of the run's last rows themselves;
- the standard deviation of the rows within each of these stretches: how it swings.
"""
import os

import numpy as np
import pandas as pd

from harness.command import Parser, accepting, ending
from harness.settings import BadSetting, Number
from tools import figures, summary

TITLES = ['mean of the last {} at each step', 'extremes of this mean, and of the last {}',
          'standard deviation within the steps up to each']


def course(table, column, every, rows):
    """
    How one column of a run went.

    Args:
        table (DataFrame): From `summary.table_of`; its `column` has numbers.
        column (str): Of progress.txt.
        every (int): Steps between two looks.
        rows (int): How many the means are of.

    Returns:
        [means, marks, swings]: Series. By the steps of the last row before each look, means of the
        last rows (of all, where there are fewer); then their highest and their deepest fall, each
        with the step at which it is, and the lowest and the highest of the last rows; by steps as
        before, standard deviations (n - 1 in them). NaN where there are too few rows, or no fall.
    """
    table = table[table[column].notna()]
    steps, values = table.TotalEnvInteracts.astype(int), table[column]
    look = steps.groupby(-(-steps // every)).transform('max')       # the last row before it
    means, whole = (values.rolling(rows, min_periods=least).mean() for least in (1, rows))
    fall = (whole.cummax() - whole).round(9)        # what is less is the rolling sum's rounding
    marks = {
        'highest': whole.max(), 'highest, at': steps.get(whole.idxmax(), np.nan),
        'deepest fall': fall.max(),
        'deepest fall, at': steps.get(fall.idxmax(), np.nan) if fall.max() > 0 else np.nan,
        'last rows, lowest': values.iloc[-rows:].min(),
        'last rows, highest': values.iloc[-rows:].max()}
    return [means.groupby(look).last(), pd.Series(marks), values.groupby(look).std()]


def with_column(runs, column):
    """
    The runs (from `summary.read_runs`) whose tables have numbers in a column; others are named.

    Raises:
        BadSetting: None has.
    """
    for run in runs:
        run.table[column] = pd.to_numeric(run.table.get(column, np.nan), errors='coerce')
    found = [run for run in runs if run.table[column].notna().any()]
    if not found:
        raise BadSetting('column', column, 'a column with numbers, such as {}'.format(', '.join(
            sorted(set.union(*(set(run.table) for run in runs)) - {column}))))
    for run in runs:
        if run.table[column].isna().all():
            print('{}: left out; its table has no number in {}'.format(run.folder, column))
    return found


def names_of(runs):
    """The runs of a group by their seeds; by their folders' last names, where a seed is twice."""
    seeds = [run.seed for run in runs]
    return ['seed {}'.format(run.seed) if seeds.count(run.seed) == 1 else
            os.path.join(*os.path.abspath(run.folder).split(os.sep)[-2:]) for run in runs]


def text_of(table, like):
    """
    A table of numbers as text; steps are whole numbers, others like `like`. And their means, where
    all have one.
    """
    table = table.assign(mean=table.mean(axis=1, skipna=False))
    rows = {}
    for name, row in table.iterrows():
        of_steps = str(name).endswith('at')
        texts = ['-' if np.isnan(value) else figures.shown(int(value) if of_steps else value, like)
                 for value in row]
        rows[name if isinstance(name, str) else figures.shown(int(name))] = (
            texts[:-1] + ['' if of_steps else texts[-1]])
    return pd.DataFrame.from_dict(rows, orient='index', columns=table.columns).to_string()


def main(argv=None):
    """The command line."""
    parser = Parser(prog='tools.bench.course', description=__doc__.split('\n')[1].split('. ')[0])
    parser.add_argument('folder', metavar='FOLDER')
    parser.add_argument('--column', default='AverageTestEpRet',
                        help='Of progress.txt. Default: AverageTestEpRet')
    parser.add_argument('--every', metavar='STEPS', type=accepting(Number(int, 1)),
                        help='Default: a tenth of the longest run of a group.')
    parser.add_argument('--rows', metavar='N', type=accepting(Number(int, 1)), default=10,
                        help='Rows that a mean is of. Default: 10')
    args = parser.parse_args(argv)
    of_rows = '{} row{}'.format(args.rows, 's' * (args.rows > 1))
    with ending(parser.prog):
        runs = with_column(summary.read_runs(args.folder, required=True), args.column)
        for (group, env), of_group in summary.groups_of(runs):
            steps = max((run.table.TotalEnvInteracts for run in of_group), key=max)
            every = args.every or max(-(-steps.iloc[-1] // 10), steps.iloc[0])
            found = [course(run.table, args.column, every, args.rows) for run in of_group]
            like = np.mean([run.table[args.column].abs().mean() for run in of_group])
            names = names_of(of_group)
            for title, of_runs in zip(TITLES, zip(*found)):
                table = pd.concat(of_runs, axis=1, keys=names).dropna(how='all')
                if len(table):
                    print('\n{}, {}: {}, {}\n{}'.format(group, env, args.column, title.format(
                        of_rows), text_of(table, like)))


if __name__ == '__main__':
    main()
