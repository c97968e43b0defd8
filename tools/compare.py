"""
compare.py: folders of runs compared as Agarwal et al. 2021 (arXiv 2108.13264) do, by their library,
rliable: interquartile means, probabilities of improvement and performance profiles, with intervals.

    python -m tools.summary out/notes/notes_all out/notes/notes

tools/summary.py has the runs and their scores; it imports this only where folders are compared.
"""
from collections import namedtuple

import numpy as np
import pandas as pd
import seaborn as sns
from rliable import library, metrics, plot_utils

from spinup.utils import plot
from tools import figures

RESAMPLES = 2000        # rliable's own number for profiles; a quarter of a minute for five tasks
ALL = 'all tasks'

# Arrays of one shape. The ends of the 95 % intervals are NaN where a single run tells nothing.
Estimate = namedtuple('Estimate', ['value', 'low', 'high'])

# K tasks in F folders. Where K > 1, the last row of iqm and better is of all tasks.
Comparison = namedtuple('Comparison', [
    'tasks',            # list of K names
    'names',            # list of F names; the folders are A, B, ... in that order
    'runs',             # (K, F): how many
    'worst', 'span',    # (K,): a return R has the score (R - worst) / span over tasks
    'iqm',              # Estimate (rows, F): interquartile means; of a task, of returns
    'better',           # Estimate (rows, F - 1): probability that a run of A beats one of B, ...
    'thresholds',       # (T,)
    'profile',          # Estimate (F, T): share of runs above each threshold
])


def compare(returns, names):
    """
    Compare folders of runs.

    Over several tasks, returns are made scores: 0 is the worst of all runs of a task, 1 the best.
    That holds for returns of any sign and size, and favours no folder; but it belongs to these
    folders alone. Each task counts the same, however many runs it has.

    Args:
        returns (dict): {task: [array (runs,) per folder]}, all finite; at least one run each.
        names (list of str): Of the folders, two or more.

    Returns:
        Comparison: The same for the same runs, to the bit.
    """
    samples = [of_folder[:, None] for of_task in returns.values() for of_folder in of_task]
    runs = np.reshape([len(sample) for sample in samples], (len(returns), len(names)))
    several = len(returns) > 1
    worst, span = np.zeros(len(returns)), np.ones(len(returns))
    if several:
        together = [np.concatenate(of_task) for of_task in returns.values()]
        worst = np.array([min(values) for values in together])
        span = np.array([np.ptp(values) or 1. for values in together])

    def tasks_of(resampled):
        return [resampled[i:i + len(names)] for i in range(0, len(resampled), len(names))]

    def scores_of(resampled):       # per folder: (runs, K), where each task has as many runs
        size = np.lcm.reduce(runs, axis=0)
        return [np.hstack([
            np.repeat((of_task[folder] - worst[k]) / span[k], size[folder] // runs[k, folder], 0)
            for k, of_task in enumerate(tasks_of(resampled))]) for folder in range(len(names))]

    def iqm(*resampled):
        rows = tasks_of(resampled) + ([scores_of(resampled)] if several else [])
        return np.array([[metrics.aggregate_iqm(values) for values in row] for row in rows])

    def better(*resampled):
        with np.errstate(divide='ignore', invalid='ignore'):    # its p-value, where all runs tie
            rows = [[metrics.probability_of_improvement(first, other) for other in others]
                    for first, *others in tasks_of(resampled)]
        return np.array(rows + ([np.mean(rows, axis=0)] if several else []))

    def profile(*resampled):
        return np.array([library.score_distributions(scores, thresholds)
                         for scores in scores_of(resampled)])

    scores = np.concatenate([values.ravel() for values in scores_of(samples)])
    margin = 0.02 * np.ptp(scores) or 1.
    thresholds = np.linspace(scores.min() - margin, scores.max() + margin, 101)
    alone = runs < 2
    if several:
        alone = np.vstack([alone, alone.any(axis=0)])
    return Comparison(
        list(returns), list(names), runs, worst, span, estimate(iqm, samples, alone),
        estimate(better, samples, alone[:, :1] | alone[:, 1:]), thresholds,
        estimate(profile, samples, alone[-1][:, None]))


def estimate(statistic, samples, alone):
    """
    A statistic, with the percentile intervals of a bootstrap within each task and folder.

    Args:
        statistic (callable): Of as many arrays as there are samples; it returns an array.
        samples (list): Arrays (runs, 1).
        alone (array of bool): Where a single run tells nothing; of a shape that broadcasts.

    Returns:
        Estimate
    """
    np.random.seed(0)       # rliable draws from NumPy's own state, whatever `random_state` it has
    value = statistic(*samples)
    _, intervals = library.get_interval_estimates(
        {'': samples}, lambda *resampled: statistic(*resampled).ravel(), reps=RESAMPLES)
    return Estimate(value, *(np.where(alone, np.nan, ends.reshape(value.shape))
                             for ends in intervals['']))


def letter(folder):
    """'A' for folder 0, and so on."""
    return chr(ord('A') + folder)


def rows_of(comparison):
    """The names of the rows of `iqm` and `better`."""
    return comparison.tasks + [ALL] * (len(comparison.tasks) > 1)


def as_table(comparison):
    """
    DataFrame: a row per task and folder; then, of several tasks, one of all per folder, its iqm in
    scores: task, folder, name, runs, iqm, p_a_better, and the ends of their intervals.
    """
    rows = []
    for i, task in enumerate(rows_of(comparison)):
        for folder, name in enumerate(comparison.names):
            runs = comparison.runs[:, folder]
            row = dict(task=task, folder=letter(folder), name=name,
                       runs=runs.sum() if task == ALL else runs[i])
            for column, found, j in (('iqm', comparison.iqm, folder),
                                     ('p_a_better', comparison.better, folder - 1)):
                row.update({column + suffix: np.nan if j < 0 else ends[i, j] for suffix, ends in
                            zip(('', '_ci_low', '_ci_high'), found)})
            rows.append(row)
    return pd.DataFrame(rows)


def as_text(comparison):
    """The table for the screen, and what its numbers are."""
    def interval(row, column, decimals):
        low, high = row[column + '_ci_low'], row[column + '_ci_high']
        return '' if np.isnan(low) else '[{:.{d}f}, {:.{d}f}]'.format(low, high, d=decimals)

    lines = []
    for _, row in as_table(comparison).iterrows():
        if row.folder == 'A':           # as many for all of a task
            decimals = 3 if row.task == ALL else figures.decimals(row.iqm)
        lines.append({
            'task': row.task if row.folder == 'A' else '', '': row.folder, 'runs': row.runs,
            'IQM': '{:.{}f}'.format(row.iqm, decimals), '95% CI': interval(row, 'iqm', decimals),
            'P(A > it)': '' if row.folder == 'A' else '{:.2f}'.format(row.p_a_better),
            '95% CI ': interval(row, 'p_a_better', 2)})
    return '\n\n'.join([
        '\n'.join('{}: {}'.format(letter(folder), name)
                  for folder, name in enumerate(comparison.names)),
        pd.DataFrame(lines).to_string(index=False), '\n'.join(meaning(comparison))])


def meaning(comparison):
    """What the numbers are: a list of lines."""
    lines = ['A run counts by the mean of its last ten tests. IQM: interquartile mean over runs.',
             'P(A > it): how often a run of A is above one of the other folder; ties count half.']
    if len(comparison.tasks) > 1:
        lines.append('All tasks: 0 is the worst run of a task here, 1 the best; each task counts '
                     'the same.')
    lines.append('Intervals: 95 %, bootstrap within each task and folder ({} resamples); none '
                 'where one has a single run.'.format(RESAMPLES))
    return lines


def draw(comparison):
    """
    The performance profiles, the interquartile means and the probabilities of improvement.

    Returns:
        The figure.
    """
    import matplotlib.pyplot as plt
    sns.set_theme(style='whitegrid', font_scale=1.2)
    rows, folders = rows_of(comparison), len(comparison.names)
    figure, (profiles, means, better) = plt.subplots(
        1, 3, figsize=(20, 4 + 0.35 * len(rows) * folders),
        gridspec_kw=dict(width_ratios=[4, 4, 3]))
    colors = sns.color_palette('colorblind', folders)
    several = len(comparison.tasks) > 1
    unit = 'score: 0 the worst run of a task here, 1 the best' if several else 'test return'

    letters = list(map(letter, range(folders)))
    plot_utils.plot_performance_profiles(
        dict(zip(letters, comparison.profile.value)), comparison.thresholds, dict(zip(
            letters, zip(comparison.profile.low, comparison.profile.high))), ax=profiles,
        colors=dict(zip(letters, colors)), xlabel=unit, ylabel='share of runs above',
        labelsize='medium', ticklabelsize='medium')
    profiles.set_title('Performance profile')

    # Scores, with the row of all tasks as it is.
    worst, span = (np.append(of_tasks, of_all)[:len(rows), None] for of_tasks, of_all in
                   ((comparison.worst, 0.), (comparison.span, 1.)))
    draw_intervals(means, Estimate(*((ends - worst) / span for ends in comparison.iqm)), rows,
                   colors)
    means.set(xlabel=unit, title='Interquartile mean')
    draw_intervals(better, comparison.better, rows, colors[1:])
    better.axvline(0.5, color='gray', linestyle='--')
    better.set(xlabel='share of pairs of runs', xlim=(-0.03, 1.03), title='Probability that ' + (
        'A is above ' + ', '.join(letters[1:])))
    figure.tight_layout()
    bottom = figure.text(0.01, 0.01, '\n'.join(meaning(comparison)), fontsize='x-small',
                         color='dimgray', va='bottom')
    top = figure.legend(
        profiles.lines, [plot.literal('{}: {}'.format(*named)) for named in
                         zip(letters, comparison.names)], loc='upper left', frameon=False)
    make_room(figure, top, bottom)
    return figure


def draw_intervals(axes, found, rows, colors):
    """A bar for each interval of an Estimate (rows, columns), a stroke for its value."""
    height = 0.8 / len(colors)
    for column, color in enumerate(colors):
        y = np.arange(len(rows)) + (column - (len(colors) - 1) / 2) * height
        value, low, high = (ends[:, column] for ends in found)
        axes.barh(y, high - low, 0.8 * height, left=low, color=color, alpha=0.6)
        axes.vlines(value, y - 0.4 * height, y + 0.4 * height, color=color, linewidth=3)
    axes.use_sticky_edges = False               # room beside a bar that ends at 0
    axes.set_yticks(np.arange(len(rows)))
    axes.set_yticklabels(rows)
    axes.set_ylim(len(rows) - 0.5, -0.5)        # the first one on top


def make_room(figure, top, bottom):
    """Make a figure higher by what stands above and below its panels."""
    figure.canvas.draw()
    above, below = (artist.get_window_extent().height / figure.dpi + 0.15
                    for artist in (top, bottom))            # inches
    height = figure.get_figheight() + above + below
    figure.set_figheight(height)
    figure.tight_layout(rect=(0, below / height, 1, 1 - above / height))
