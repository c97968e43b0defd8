"""
test_compare.py: the numbers of a comparison, beside what is reckoned by hand and by SciPy.
"""
import warnings

import numpy as np
import pytest
import scipy.stats

from tools import compare

ONE_TO_EIGHT = np.arange(1., 9.)


@pytest.fixture(autouse=True)
def few_resamples(monkeypatch):
    monkeypatch.setattr(compare, 'RESAMPLES', 100)


def compared(**returns):
    """The comparison of folders, by their returns in each task."""
    folders = len(next(iter(returns.values())))
    return compare.compare({task: [np.array(of_folder, float) for of_folder in of_task]
                            for task, of_task in returns.items()}, list('xyz')[:folders])


def test_interquartile_means():
    outlier = np.append(ONE_TO_EIGHT[:-1], 1000)
    found = compared(task=[ONE_TO_EIGHT, outlier, [7, 1, 4]])
    assert found.iqm.value.tolist() == [[4.5, 4.5, 4]]      # of 3, 4, 5, 6; of all three


@pytest.mark.parametrize('a, b, probability', [
    ([1, 2, 3], [2, 2, 4], 3 / 9),          # 0 + (1/2 + 1/2) + (1 + 1)
    ([1, 2], [1, 2], 1 / 2), ([2, 1, 1], [1, 1, 2], 1 / 2),
    ([5, 5], [5, 5, 5], 1 / 2), ([5], [5], 1 / 2),
    ([3, 4], [1, 2], 1), ([-3, -4], [-1, -2, -2], 0), ([1, 2, 3, 4], [2.5], 1 / 2)])
def test_probability_of_improvement(a, b, probability):
    with warnings.catch_warnings():
        warnings.simplefilter('error', RuntimeWarning)
        found = compared(task=[a, b])
    assert found.better.value[0, 0] == pytest.approx(probability, abs=1e-12)
    assert compared(task=[b, a]).better.value[0, 0] == pytest.approx(1 - probability, abs=1e-12)


def test_each_folder_is_compared_with_the_first():
    found = compared(task=[[1, 3], [2, 2], [0, 0]])
    assert found.better.value.tolist() == [[0.5, 1]]


def test_a_profile_is_the_share_of_runs_above_a_threshold():
    found = compared(task=[[0, 1, 2, 3], [0, 0, 0, 100]])
    a, b = found.profile.value
    for threshold, shares in ((-1, (1, 1)), (1.5, (0.5, 0.25)), (50, (0, 0.25)), (101, (0, 0))):
        i = np.argmin(abs(found.thresholds - threshold))
        assert (a[i], b[i]) == shares, threshold
    assert a[0] == b[0] == 1 and a[-1] == b[-1] == 0


def test_over_tasks_the_worst_run_is_0_and_the_best_1():
    """Also where returns are negative; and it is the same for a folder wherever it stands."""
    pendulum, cheetah = [[-200, -160], [-1200, -700]], [[1000, 11000], [6000, 6000]]
    found = compared(pendulum=pendulum, cheetah=cheetah)
    # A: 1, 1000 / 1040; 0, 1. B: 0, 500 / 1040; 1/2, 1/2. Of four scores, the middle two.
    assert found.worst.tolist() == [-1200, 1000] and found.span.tolist() == [1040, 10000]
    assert found.iqm.value[-1] == pytest.approx([(1000 / 1040 + 1) / 2, (500 / 1040 + 0.5) / 2])
    assert found.iqm.value[:2].tolist() == [[-180, -950], [6000, 6000]]     # these are returns
    assert found.better.value.ravel().tolist() == [1, 0.5, 0.75]
    turned = compared(pendulum=pendulum[::-1], cheetah=cheetah[::-1])
    assert turned.iqm.value.tolist() == found.iqm.value[:, ::-1].tolist()


def test_over_tasks_each_task_counts_the_same():
    few, many = [[10, 10], [0, 0]], [[0] * 6, [100, 100]]
    found = compared(few=few, many=many)
    assert found.iqm.value[-1].tolist() == [0.5, 0.5] and found.better.value[-1].tolist() == [0.5]
    assert found.profile.value[0, 50] == 0.5


def test_a_task_in_which_all_runs_are_the_same():
    found = compared(same=[[7, 7], [7, 7]], other=[[1, 2], [0, 0]])
    assert found.iqm.value[0].tolist() == [7, 7] and found.better.value[:, 0].tolist() == [
        0.5, 1, 0.75]
    assert np.isfinite(np.concatenate(found.iqm)).all()


def test_intervals_are_those_of_a_bootstrap_within_tasks_and_folders(monkeypatch):
    monkeypatch.setattr(compare, 'RESAMPLES', 2000)
    rng = np.random.RandomState(0)
    tasks = [[5 * rng.randn(6), rng.randn(4) + 3], [rng.randn(5) + 20, 3 * rng.randn(8)]]
    found = compared(one=tasks[0], two=tasks[1])

    def interval(statistic, samples):
        return scipy.stats.bootstrap(
            samples, statistic, vectorized=False, method='percentile', n_resamples=4000,
            random_state=np.random.RandomState(1)).confidence_interval

    def share(a, b):
        return np.mean(np.sign(a[:, None] - b)) / 2 + 0.5

    for folder in (0, 1):
        low, high = interval(lambda values: scipy.stats.trim_mean(values, 0.25),
                             (tasks[0][folder],))
        assert found.iqm.low[0, folder] == pytest.approx(low, abs=0.1 * (high - low))
        assert found.iqm.high[0, folder] == pytest.approx(high, abs=0.1 * (high - low))
    low, high = interval(lambda a, b, c, d: (share(a, b) + share(c, d)) / 2, sum(tasks, []))
    assert found.better.low[-1, 0] == pytest.approx(low, abs=0.05)
    assert found.better.high[-1, 0] == pytest.approx(high, abs=0.05)


def test_the_same_runs_give_the_same_intervals():
    np.random.seed(1)
    first = compared(task=[ONE_TO_EIGHT, ONE_TO_EIGHT / 2])
    np.random.seed(2)
    again = compared(task=[ONE_TO_EIGHT, ONE_TO_EIGHT / 2])
    for name in ('iqm', 'better', 'profile'):
        assert np.array_equal(getattr(first, name), getattr(again, name)), name
    assert first.iqm.low[0, 0] < 4.5 < first.iqm.high[0, 0]


def test_a_single_run_has_no_interval():
    found = compared(one=[[1, 2, 3], [2]], two=[[1, 2], [0, 3]])
    alone = [[False, True], [False, False], [False, True]]      # the last one: all tasks
    for ends in found.iqm[1:]:
        assert np.isnan(ends).tolist() == alone
    for ends in found.better[1:]:
        assert np.isnan(ends[:, 0]).tolist() == [True, False, True]
    for ends in found.profile[1:]:
        assert np.isnan(ends).all(axis=1).tolist() == [False, True]
    assert np.isfinite(np.concatenate([found.iqm.value, found.better.value], axis=1)).all()
    text = compare.as_text(found)
    assert 'nan' not in text and 'none where one has a single run' in text


def test_the_table_says_which_numbers_are_of_all_tasks():
    found = compared(one=[[1, 2, 3], [2, 0]], two=[[1, 2], [0, 3]])
    table = compare.as_table(found).set_index(['task', 'folder'])
    assert list(table.runs) == [3, 2, 2, 2, 5, 4] and list(table.name) == ['x', 'y'] * 3
    assert table.iqm['all tasks', 'B'] == found.iqm.value[2, 1]
    assert table.p_a_better['two', 'B'] == 0.5 and np.isnan(table.p_a_better['two', 'A'])
    assert '0 is the worst run of a task here' in compare.as_text(found)
    assert '0 is the worst' not in compare.as_text(compared(one=[[1], [2]]))
