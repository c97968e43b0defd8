"""
test_tools.py: what tools.summary and tools.diagnose make of runs that others wrote, or are writing,
or damaged; which runs are compared; where they leave what they make; and Ctrl-C.
"""
import contextlib
import glob
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time

import joblib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from harness.files import read_table
from kit import HERE, Run, call, refusal, run_main
from spinup.utils import plot
from tools import compare, diagnose, summary
from tools.bench import benchmark, course, recipes

ROWS = dict(TotalEnvInteracts=[500, 1000, 1500], Time=[1., 2., 3.], AverageTestEpRet=[1., 4., 7.])


def write_run(folder, config=None, **columns):
    """A run of a few rows, without an export; columns replace its own, or are left out by None."""
    folder.mkdir(parents=True)
    if config is None:
        config = dict(exp_name='exp', env='Some-v0', seed=0, epochs=3)
    folder.joinpath('config.json').write_text(json.dumps(config))
    pd.DataFrame({name: values for name, values in dict(ROWS, **columns).items()
                  if values is not None}).to_csv(str(folder / 'progress.txt'), sep='\t',
                                                 index=False)
    return folder


@pytest.fixture
def here(tmp_path, monkeypatch):
    """The current folder, with a run that is well in it."""
    monkeypatch.chdir(tmp_path)
    write_run(tmp_path / 'runs' / 'well')
    return tmp_path


def summarised(capsys, *words):
    """(exit code, stdout, stderr) of tools.summary."""
    return run_main(capsys, *words, main=summary.main)


# ---- Runs that cannot be used --------------------------------------------------------------------

def sac(folder):
    write_run(folder, AverageTestEpRet=None, AverageEpRet=[1., 2., 3.])


def losses_alone(folder):
    write_run(folder, AverageTestEpRet=None, Time=None, LossV=[1., 2., 3.])


def epochs_alone(folder):
    write_run(folder, TotalEnvInteracts=None, Epoch=[1, 2, 3])


def not_a_number(folder):
    write_run(folder, AverageTestEpRet=['nan', '', 'pending'])


def never_complete(folder):
    write_run(folder, AverageTestEpRet=[np.nan, 2., np.nan], Time=[1., np.nan, 3.])


def latin(folder):
    write_run(folder)
    (folder / 'progress.txt').write_bytes('Time\tGröße\n1\t2\n'.encode('latin-1'))


def empty(folder):
    write_run(folder)
    (folder / 'progress.txt').write_text('')


def heads_alone(folder):
    write_run(folder)
    (folder / 'progress.txt').write_text('TotalEnvInteracts\tTime\tAverageTestEpRet\n5')


def ragged(folder):
    write_run(folder)
    (folder / 'progress.txt').write_text('a\tb\n1\t2\n1\t2\t3\n')


def vanished(folder):
    write_run(folder)
    (folder / 'progress.txt').unlink()
    os.symlink('gone', str(folder / 'progress.txt'))


def settings_in_a_list(folder):
    write_run(folder, config=[['exp_name', 'exp']])


def without_settings(folder):
    write_run(folder)
    (folder / 'config.json').unlink()


@pytest.mark.parametrize('write, why', [
    (sac, 'its table has no column AverageTestEpRet'),
    (losses_alone, 'its table has no column Time'),
    (epochs_alone, 'its table has no column TotalEnvInteracts'),
    (not_a_number, 'its column AverageTestEpRet has no number'),
    (never_complete, 'no row has numbers in all of '),
    (latin, 'progress.txt cannot be read: '),
    (empty, 'progress.txt cannot be read: '),
    (heads_alone, 'progress.txt has no row'),
    (ragged, 'progress.txt cannot be read: '),
    (vanished, 'progress.txt cannot be read: No such file'),
    (settings_in_a_list, 'it has no config.json with settings'),
    (without_settings, 'it has no config.json with settings')])
def test_a_run_that_cannot_be_used_is_told_and_the_others_are_done(write, why, here, capsys):
    write(here / 'runs' / 'odd')
    code, out, err = summarised(capsys, 'runs')
    line, rest = out.split('\n', 1)
    assert code is None and err == '' and line.startswith('runs/odd: left out; ' + why)
    assert 'left out' not in rest and 'exp, last10: s0 4.0' in rest
    assert (here / 'out/figures/runs/Performance.png').exists()
    shutil.rmtree('out')
    line = refusal(capsys, 'runs/odd', main=summary.main, prog='tools.summary')
    assert ('FOLDER runs/odd: expected a folder with runs below it; runs/odd: left out; ' + why
            in line)


def test_a_run_that_is_there_twice_is_one_seed(here, capsys):
    write_run(here / 'runs' / 'again')
    write_run(here / 'runs' / 'begun', TotalEnvInteracts=[500], Time=[9.], AverageTestEpRet=[1.])
    write_run(here / 'runs' / 'of other code', AverageTestEpRet=[1., 4., 8.])
    code, out, err = summarised(capsys, 'runs')
    assert code is None and err == '' and out.startswith(
        'runs/well: left out; it is runs/again again: the same seed, and the same returns\n'
        'runs/begun: left out; it is runs/again again: the same seed, and the same returns\n')
    table = pd.read_csv('out/figures/runs/summary.csv')
    assert table.seeds.tolist() == [2] and table.unfinished.tolist() == [0]


@pytest.mark.parametrize('config', [
    {}, dict(seed='a', epochs='many', env=['x'], exp_name=7), dict(seed=None, epochs=None),
    dict(seed=dict(a=1), exp_name=['b'], env=None, epochs=True)])
def test_settings_of_other_scripts(config, here, capsys):
    write_run(here / 'runs' / 'other', config=config)
    write_run(here / 'runs' / 'another', config=dict(config, seed=3))
    code, out, err = summarised(capsys, 'runs')
    assert code is None and err == '' and 'left out' not in out
    table = pd.read_csv('out/figures/runs/summary.csv')
    assert table.seeds.sum() == 3
    assert set(pd.read_csv('out/figures/runs/curves.csv').run) == {'well', 'other', 'another'}


def test_shares_have_more_digits(here, capsys):
    write_run(here / 'runs' / 'share', dict(exp_name='share', env='Some-v0', seed=0, epochs=3),
              AverageTestEpRet=[0.5, 0.52, 0.571])
    _, out, _ = summarised(capsys, 'runs')
    words = [line.split() for line in out.splitlines()]
    assert ['share', '1', 'final', '0.571', '0.571', '500'] in words
    assert ['exp', '1', 'final', '7.0', '7.0', '500'] in words
    assert 'share, last10: s0 0.530' in out


def test_numbers_are_read_as_they_were_written(tmp_path):
    times = [11.962704181671143] + list(np.random.RandomState(0).uniform(0, 1e4, 500))
    write_run(tmp_path / 'run', **{name: times for name in ROWS})
    assert read_table(str(tmp_path / 'run')).Time.tolist() == times


def test_curves_have_every_test_of_every_run(here, capsys):
    write_run(here / 'runs' / 'below' / 'second', AverageTestEpRet=[-1., 2., 5.5],
              config=dict(exp_name='other', env='Some-v0', seed=7, epochs=99))
    summarised(capsys, 'runs')
    found = pd.read_csv('out/figures/runs/curves.csv')
    assert list(found) == ['group', 'env', 'seed', 'run', 'steps', 'test_return']
    second, well = ['other', 'Some-v0', 7, 'below/second'], ['exp', 'Some-v0', 0, 'well']
    assert found.values.tolist() == [
        second + [500, -1.], second + [1000, 2.], second + [1500, 5.5],
        well + [500, 1.], well + [1000, 4.], well + [1500, 7.]]


def test_a_row_that_is_being_written_or_written_twice_counts_once(here, capsys):
    path = here / 'runs/well/progress.txt'
    path.write_text(path.read_text() + '1500\t3.5\t9.0\n2000\t4.0\t100')
    assert 'exp, last10: s0 4.7' in summarised(capsys, 'runs')[1]      # of 1, 4, 9


def test_one_name_on_two_tasks_is_two_groups(here, capsys):
    for env, last in (('Ant-v2', 7.), ('Hopper-v2', 70.)):
        write_run(here / 'runs' / env, dict(exp_name='exp', env=env, seed=0, epochs=3),
                  AverageTestEpRet=[last] * 3)
    out = summarised(capsys, 'runs')[1]
    assert 'exp, Ant-v2, last10: s0 7.0' in out and 'exp, Hopper-v2, last10: s0 70.0' in out


def test_steps_before_the_first_row(here, capsys):
    assert '--steps 499: expected at least 500, where the first row' in refusal(
        capsys, 'runs', '--steps', '499', main=summary.main, prog='tools.summary')
    write_run(here / 'runs' / 'slow', TotalEnvInteracts=[700, 1400, 2100])
    code, out, _ = summarised(capsys, 'runs', '--steps', '600')
    assert code is None
    assert out.startswith('runs/slow: left out; its first row is at 700 steps\n')
    assert 'exp, last10: s0 1.0' in out and sorted(os.listdir('.')) == ['runs']


def test_steps_per_second_are_of_the_whole_run(here):
    write_run(here / 'a', Time=[1., 2., 6.])
    assert summary.summarise(summary.read_runs('a')).steps_per_second[0] == 1500 / 6


# ---- The figure ----------------------------------------------------------------------------------

def test_the_figure_says_what_it_shows(here, capsys):
    for seed in (1, 2):
        write_run(here / 'runs' / str(seed), dict(exp_name='b', env='Other-v0', seed=seed),
                  AverageTestEpRet=[seed, 2. * seed, 3. * seed])
    summarised(capsys, 'runs')
    text = (here / 'out/figures/runs/Performance.svg').read_text()
    for words in ('Some-v0: one run per curve: no band', 'environment steps', 'test return',
                  'Other-v0: mean over 2 seeds; band: one standard deviation'):
        assert '<!-- {} -->'.format(words) in text, words


def test_names_are_drawn_as_they_are():
    assert plot.literal('_a_$b$') == r' _a_\$b\$'


def test_the_maximum_of_the_mean_is_where_all_seeds_have_rows():
    tables = [pd.DataFrame(dict(TotalEnvInteracts=[1, 2, 3], AverageTestEpRet=[1., 5., 9.]))[:rows]
              for rows in (3, 2)]
    assert summary.max_of_mean(tables) == 5


def test_the_columns_of_the_table_are_what_they_are_called(here):
    for seed, last in enumerate((0., 10., 20., 1000.)):
        write_run(here / 'four' / str(seed), dict(exp_name='exp', env='E-v0', seed=seed, epochs=3),
                  AverageTestEpRet=[last] * 3)
    found = summary.summarise(summary.read_runs('four'))
    head, line = (' '.join(row.split()) for row in summary.as_text(found).splitlines()[:2])
    assert head == 'group seeds test return mean std 95% CI IQM 95% CI steps/s'
    assert line == (
        'exp 4 final {final_mean:.1f} {final_std:.1f} [{final_mean_ci_low:.1f}, '
        '{final_mean_ci_high:.1f}] {final_iqm:.1f} [{final_iqm_ci_low:.1f}, '
        '{final_iqm_ci_high:.1f}] 500').format(**found.iloc[0])
    assert found.final_iqm_ci_high[0] != found.final_mean_ci_high[0]


def test_steps_of_the_first_row_are_enough(here, capsys):
    code, out, _ = summarised(capsys, 'runs', '--steps', '500')
    assert code is None and 'exp, last10: s0 1.0' in out


def test_runs_without_steps_in_common_leave_a_panel_empty(here, capsys):
    write_run(here / 'runs' / 'later', TotalEnvInteracts=[2000, 2500, 3000])
    code, out, err = summarised(capsys, 'runs')
    assert code is None and err == '' and 'no TotalEnvInteracts in common' in out


def test_what_does_not_count_and_what_differs_is_told(here, capsys):
    for seed, epochs, rate in ((1, 3, 1e-3), (2, 2, 1e-3), (3, 4, 1e-3)):
        write_run(here / 'runs' / str(seed), dict(
            exp_name='b', env='Some-v0', seed=seed, epochs=epochs, pi_lr=rate,
            ac_kwargs=dict(hidden_sizes=[8, seed]), threads=seed, output_dir=str(seed)),
                  **{name: values[:max(2, 4 - seed)] for name, values in ROWS.items()})
    code, out, err = summarised(capsys, 'runs')
    assert code is None and err == ''
    assert 'runs/3: does not count yet; it has 2 of 4 epochs\n' in out
    assert ('Warning: the runs of b end after 1000 and 1500 steps; --steps 1000 shows all of them '
            'as they were then\n') in out
    assert 'Warning: the runs of b differ in ac_kwargs.hidden_sizes: [8, 1] and [8, 2]\n' in out
    assert out.count('Warning') == 2 and out.count('does not count') == 1
    _, out, _ = summarised(capsys, 'runs', '--steps', '1200')
    assert 'runs/2: does not count yet; it ends after 1000 steps\n' in out
    # The picture is of those that count.
    svg = (here / 'out/figures/runs/Performance.svg').read_text()
    assert 'mean over 1 to 2 seeds' in svg


def test_rows_that_end_in_a_tab(here, capsys):
    path = write_run(here / 'runs' / 'tabs', dict(exp_name='tabs', epochs=3)) / 'progress.txt'
    head, *rows = path.read_text().splitlines()
    path.write_text('\n'.join([head] + [row + '\t' for row in rows]) + '\n')
    out = summarised(capsys, 'runs')[1]
    assert 'left out' not in out
    table = pd.read_csv('out/figures/runs/summary.csv').set_index('group')
    assert list(table.loc['tabs', ['final_mean', 'best_mean']]) == list(
        table.loc['exp', ['final_mean', 'best_mean']])


# ---- Folders compared ----------------------------------------------------------------------------

@pytest.fixture
def two(tmp_path, monkeypatch):
    """The current folder, with a/ and b/: three runs each of Some-v0, from 1 and from 2."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(compare, 'RESAMPLES', 100)
    for folder, low in (('a', 2), ('b', 1)):
        for seed in range(3):
            write_seed(tmp_path / folder, seed, [low + seed] * 3)
    return tmp_path


def write_seed(folder, seed, returns, exp_name='exp', env='Some-v0', epochs=3):
    """A run of exp_name below a folder, 500 steps per row."""
    return write_run(folder / '{}_{}_{}'.format(exp_name, env, seed),
                     dict(exp_name=exp_name, env=env, seed=seed, epochs=epochs),
                     TotalEnvInteracts=[500 * (row + 1) for row in range(len(returns))],
                     Time=np.arange(1., len(returns) + 1), AverageTestEpRet=returns)


def compared(capsys, *words):
    """(what is told, the table of comparison.csv) of folders that can be compared."""
    code, out, err = summarised(capsys, *words)
    assert code is None and err == '', err
    path, = re.findall(r'Wrote (.+?/comparison.csv)', out)
    return out, pd.read_csv(path).set_index(['task', 'folder'])


def not_compared(capsys, *words):
    """The line that says why folders cannot be compared."""
    return refusal(capsys, *words, main=summary.main, prog='tools.summary')


def test_two_folders(two, capsys):
    out, table = compared(capsys, 'a', 'b')
    assert list(table.index) == [('Some-v0', 'A'), ('Some-v0', 'B')]
    assert list(table.iqm) == [3, 2] and list(table.runs) == [3, 3]
    assert table.p_a_better['Some-v0', 'B'] == pytest.approx((1.5 + 2.5 + 3) / 9)  # of 2, 3, 4
    assert 'left out' not in out and 'A: a\nB: b\n' in out and '0.78' in out
    assert sorted(os.listdir('out/figures/a_vs_b')) == sorted(summary.COMPARED)
    assert sorted(os.listdir('.')) == ['a', 'b', 'out']


def test_the_same_runs_give_the_same_files(two, capsys):
    def files():
        compared(capsys, 'a', 'b')
        return [(two / 'out/figures/a_vs_b' / name).read_bytes() for name in summary.COMPARED]

    first = files()
    np.random.rand()
    assert files() == first


def test_committed_runs(two, capsys):
    """The middle three of five seeds, by the tables themselves."""
    folders = [os.path.join(HERE, 'out', 'notes', name) for name in ('notes_all', 'notes')]
    out, table = compared(capsys, *folders)
    for folder, iqm in zip(folders, table.iqm):
        seeds = [pd.read_csv(path, sep='\t').AverageTestEpRet[-10:].mean()
                 for path in glob.glob(os.path.join(folder, '*', 'progress.txt'))]
        assert len(seeds) == 5 and iqm == pytest.approx(sum(sorted(seeds)[1:-1]) / 3)
    assert table.p_a_better[1] == 1 and 'A: notes_all\nB: notes\n' in out


def test_folders_with_long_names_are_compared(two, capsys):
    for name in 'ab':
        (two / name).rename(two / (120 * name))
    out, _ = compared(capsys, 120 * 'a', 120 * 'b')
    assert re.search('Wrote out/figures/a{60}_vs_1_more_[0-9a-f]{6}/comparison.csv', out)


def test_a_third_folder_is_compared_with_the_first(two, capsys):
    write_seed(two / 'c' / 'deep', 0, [2.5] * 3)
    out, table = compared(capsys, 'a', 'b', 'c/deep')
    assert table.p_a_better['Some-v0', 'C'] == pytest.approx(2 / 3)
    assert np.isnan(table.p_a_better_ci_low['Some-v0', 'C']) and 'C: c/deep\n' in out
    assert os.listdir('out/figures') == ['a_vs_b_vs_c-deep']


def test_runs_and_tasks_that_do_not_count_are_told(two, capsys):
    write_seed(two / 'a', 7, [1000.] * 2)
    write_seed(two / 'a', 0, [1000.] * 3, env='Alone-v0')
    write_seed(two / 'b', 8, [1000.] * 3, env='')
    out, table = compared(capsys, 'a', 'b')
    assert list(table.iqm) == [3, 2] and list(table.runs) == [3, 3]
    assert out.startswith('a/exp_Some-v0_7: left out; it is not finished\n'
                          'b/exp__8: left out; its config.json names no env\n'
                          'Alone-v0: left out; there is no finished run of it in b\n')


def test_longer_runs_are_compared_as_they_were(two, capsys):
    write_seed(two / 'b', 3, [4., 4., 4., 1000.], epochs=4)
    write_seed(two / 'a', 0, [10.] * 3, env='Never-v0')
    late = write_seed(two / 'b', 0, [10.] * 3, env='Never-v0')
    pd.DataFrame(dict(ROWS, TotalEnvInteracts=[1600, 1700, 1800])).to_csv(
        str(late / 'progress.txt'), sep='\t', index=False)
    out, table = compared(capsys, 'a', 'b')
    assert list(table.iqm) == [3, 2.5]
    assert out.startswith('Never-v0: left out; its runs have no steps in common\n'
                          'Some-v0: all as they were after 1500 steps, where the shortest run ')


def test_folders_compared_after_some_steps(two, capsys):
    write_seed(two / 'b', 3, [7., 9.], epochs=9)
    write_seed(two / 'b', 4, [7.], epochs=9)
    out, table = compared(capsys, 'a', 'b', '--steps', '1000')
    assert list(table.runs) == [3, 4] and table.iqm[1] == 2.5       # of 1, 2, 3, 8
    assert out.startswith('b/exp_Some-v0_4: left out; it has rows from 500 to 500 steps\n')
    assert os.listdir('out/figures') == ['a_vs_b_1000']
    shutil.rmtree('out')
    assert ('FOLDER b: expected finished runs of a task that a has, too; b/exp_Some-v0_4: left out'
            in not_compared(capsys, 'a', 'b', '--steps', '499'))


@pytest.mark.parametrize('words, said', [
    (['a', 'a'], 'FOLDER a: expected a folder apart from a, to compare'),
    (['a', 'b', 'link'], 'FOLDER link: expected a folder apart from b, to compare'),
    (['a', 'a/exp_Some-v0_0'], 'FOLDER a/exp_Some-v0_0: expected a folder apart from a'),
    (['a', 'none'], 'FOLDER none: expected a folder with runs below it'),
    (['a', 'other'], 'FOLDER other: expected finished runs of a task that a has, too; Some-v0: '
                     'left out; there is no finished run of it in other'),
    (['a', 'mixed'], 'FOLDER mixed: expected one experiment of each task; of Some-v0 it has u, v '
                     'and 1 more, so name the folder of one'),
    (['a', 'b', '--write'], '--write a b: expected one FOLDER')])
def test_folders_that_cannot_be_compared(words, said, two, capsys):
    os.symlink('b', 'link')
    os.mkdir('none')
    write_seed(two / 'other', 0, [1.] * 3, env='Other-v0')
    for name in 'uvw':
        write_seed(two / 'mixed', 0, [1.] * 3, exp_name=name)
    assert said in not_compared(capsys, *words)


def test_the_comparison_s_figure_says_what_it_shows(two, capsys):
    shutil.move('b', 'of $x_$')         # no formula, for Matplotlib neither
    compared(capsys, 'a', 'of $x_$')
    text = (two / 'out/figures/a_vs_of $x_$/Comparison.svg').read_text()
    for words in ('A: a', 'B: of $x_$', 'Performance profile', 'Interquartile mean', 'Some-v0',
                  'test return', 'Probability that A is above B', 'share of runs above'):
        assert '<!-- {} -->'.format(words) in text, words


def test_the_library_is_imported_where_folders_are_compared_alone():
    for code in ('import tools.sweep; assert "rliable" not in sys.modules',
                 'import tools.compare; assert not {"tensorflow", "jax"} & set(sys.modules)'):
        subprocess.run([sys.executable, '-c', 'import sys, tools.summary; ' + code], cwd=HERE,
                       check=True)


# ---- A diagnosis ---------------------------------------------------------------------------------

@pytest.fixture(scope='module')
def trained(tmp_path_factory):
    """The folder of a short run on Pendulum-v0."""
    return Run(tmp_path_factory.mktemp('trained'), (
        '--env Pendulum-v0 --epochs 1 --steps-per-epoch 300 --start-steps 100 --update-after 100 '
        '--hid 8 8 --num-test-episodes 1 --gamma 0.9').split()).folder


@pytest.fixture
def run(trained, tmp_path, monkeypatch):
    """A copy of it, `run` in the current folder."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(trained, 'run')
    return tmp_path / 'run'


def change_config(run, **settings):
    """Change config.json of a run; a setting that is None there is taken out."""
    path = run / 'config.json'
    config = dict(json.loads(path.read_text()), **settings)
    path.write_text(json.dumps({name: value for name, value in config.items()
                                if value is not None}))


class Bomb:
    """Unpickled, it makes a folder `exploded`."""

    def __reduce__(self):
        return os.mkdir, ('exploded',)


def diagnosed(capsys, *words):
    """(exit code, stdout, stderr) of tools.diagnose."""
    return run_main(capsys, *words, '--episodes', '1', main=diagnose.main)


@pytest.mark.parametrize('made_by', ['id', None])
def test_no_pickle_is_loaded_where_the_environment_has_an_id(made_by, run, capsys):
    joblib.dump(dict(env=Bomb()), str(run / 'vars.pkl'))
    (run / 'tf1_save' / 'model_info.pkl').write_bytes(b'damaged')
    change_config(run, env_made_by=made_by)
    code, out, err = diagnosed(capsys, 'run')
    assert code is None and err == '' and 'FOUND' not in out and not os.path.exists('exploded')
    change_config(run, env_made_by='function')
    assert 'whose environment can be had here; its env: NoneType' in diagnosed(capsys, 'run')[2]
    assert os.path.exists('exploded')
    assert 'only runs you trust' in ' '.join(call(capsys, '--help', main=diagnose.main)[1].split())


def test_a_verdict_that_cannot_be_written_is_printed(run, capsys):
    with open('out', 'w') as file:
        file.write('a file')
    code, out, err = diagnosed(capsys, 'run')
    assert code == 2 and err.count('\n') == 1 and 'expected a file that can be written' in err
    assert 'exploding critic' in out and 'Wrote' not in out


def test_an_environment_is_made_as_config_says(run):
    change_config(run, env_kwargs=dict(g=3.5))
    config, _ = diagnose.read('run')
    with contextlib.ExitStack() as stack:
        env = diagnose.make_run_env('run', config, stack)
        assert env.unwrapped.g == 3.5 and env.inside.outermost.spec.id == 'Pendulum-v0'


def truncated(path):
    path.write_bytes(path.read_bytes()[:-path.stat().st_size // 2])


def without_settings_of_noise(run):
    change_config(run, noise_theta=None)


def of_a_function(run):
    change_config(run, env_made_by='function')
    truncated(run / 'vars.pkl')


def emptied(run):
    change_config(run, env_made_by='function')
    (run / 'vars.pkl').write_bytes(b'')


def test_numbers_that_are_text_in_a_config_are_numbers(run):
    change_config(run, gamma='0.9', max_ep_len='100')
    config, _ = diagnose.read('run')
    assert config['gamma'] == 0.9 and config['max_ep_len'] == 100


@pytest.mark.parametrize('damage, said', [
    (of_a_function, 'a run folder whose vars.pkl can be loaded here; '),
    (emptied, 'a run folder whose vars.pkl can be loaded here; EOFError'),
    (lambda run: truncated(run / 'tf1_save/saved_model.pb'), 'whose tf1_save/ can be loaded here'),
    (lambda run: truncated(run / 'tf1_save/variables/variables.data-00000-of-00001'),
     'whose tf1_save/ can be loaded here; '),
    (lambda run: shutil.rmtree(str(run / 'tf1_save')), 'whose tf1_save/ can be loaded here; '),
    (lambda run: change_config(run, env='Pendulum-v7'), 'its env: Pendulum-v7 is not an environ'),
    (lambda run: change_config(run, env='Acrobot-v1'), 'its env: Acrobot-v1 is not an environment'),
    (lambda run: change_config(run, env_kwargs=dict(mass=1)), 'it raises TypeError'),
    (lambda run: change_config(run, gamma='0,99'), 'in this one gamma=0,99: expected a number'),
    (lambda run: change_config(run, polyak=[0.1]), 'in this one polyak=[0.1]: expected a number'),
    (without_settings_of_noise, 'and an epoch in it; it lacks noise_theta'),
    (lambda run: truncated(run / 'progress.txt'), 'progress.txt of ddpg.py, and an epoch in it')])
def test_what_cannot_be_diagnosed_is_one_line(damage, said, run, capsys):
    damage(run)
    line = refusal(capsys, 'run', main=diagnose.main, prog='tools.diagnose')
    assert line.startswith('tools.diagnose: error: RUN_FOLDER run: expected a run') and said in line


CLOSED = """
import os
import gym
from gym.envs.classic_control import PendulumEnv

class Counted(PendulumEnv):
    def step(self, u):
        if os.environ.get('FALLS'):
            raise OSError('it fell')
        return super().step(u)

    def close(self):
        print('closed')

gym.register('Counted-v0', entry_point=Counted, max_episode_steps=30)
"""


def test_every_environment_is_closed(run, capsys, env_module, monkeypatch):
    env_module('counted', CLOSED)
    change_config(run, env='counted:Counted-v0')
    shutil.copytree('run', 'other')
    code, out, err = diagnosed(capsys, 'run', 'other')
    assert code is None and err == '' and out.count('closed\n') == 2
    monkeypatch.setenv('FALLS', '1')
    code, out, err = diagnosed(capsys, 'run', 'other')
    assert code == 1 and out == 'closed\n' and err.count('\n') == 1 and 'OSError: it fell' in err


# What was measured, with the old defaults, of a pendulum that stands after 20,000 steps, and of a
# cheetah's first 20,000 and 2,000 steps; trained_return is of runs in out/old-defaults
# (pendulum_s0, and the first 20,000 steps of halfcheetah_s0).
STANDS = dict(
    q_max=288.8, return_bound=1618, trained_return=1824, here=109.9, own_target=108.7, g_std=72.34,
    batch_q=36.14, batch_target=36.19, q_size=113, g_size=77.46, q_std=76.03,
    limit_is_terminal=False, learned=True, worse_than_random=0.47, QBias=111.4, g=-27.72,
    exploration=0.35, saturation=0.4, updates=19001, time_constants=0.95, pairs=630)
RUNS = dict(
    STANDS, q_max=218.2, return_bound=453.2, trained_return=1125, here=192.6, own_target=191.7,
    g_std=21.55, batch_q=164.8, batch_target=164.8, q_size=193, g_size=112.4, q_std=5.927,
    worse_than_random=0.15, QBias=82.61, g=110.3, saturation=0.97, pairs=8630)
BEGINS = dict(
    RUNS, q_max=5.565, return_bound=87.52, here=0.9629, own_target=0.5114, g_std=2.353,
    batch_q=0.4993, batch_target=0.508, q_size=0.9685, g_size=42.97, q_std=0.09787,
    worse_than_random=0.63, QBias=43.87, g=-42.91, saturation=0.01, updates=1001,
    time_constants=0.05)


@pytest.mark.parametrize('numbers, early', [
    (STANDS, ['flat critic', 'over-estimation', 'saturated actor']),
    (RUNS, ['flat critic', 'over-estimation', 'saturated actor']),
    (BEGINS, ['target lag', 'critic shrunk toward zero', 'flat critic', 'actor against the critic',
              'over-estimation', 'saturated actor'])])
def test_a_short_run_that_is_well_is_called_so(numbers, early):
    diagnosis = diagnose.Diagnosis('run', {}, None, [], [], numbers)
    assert diagnose.found(diagnosis) == []
    assert diagnose.found_in_words(diagnosis) == (
        'no sign of bad training; too early to tell: ' + ', '.join(early))
    later = diagnosis._replace(numbers=dict(numbers, updates=60000, time_constants=3.))
    assert diagnose.found(later)
    assert 'too early' not in diagnose.found_in_words(later)


def test_without_a_policy_nothing_is_said_of_it():
    for updates in (10, 60000):
        with_mu = diagnose.Diagnosis('run', {}, None, [], [], dict(
            STANDS, worse_than_random=0.6, exploration=0.01, saturation=1., updates=updates))
        without = with_mu._replace(numbers=dict(with_mu.numbers, learned=False))
        for name in ('actor against the critic', 'no exploration', 'saturated actor'):
            assert name in diagnose.found_in_words(with_mu)
            assert name not in diagnose.found_in_words(without)


def test_a_q_that_a_return_in_training_was_is_not_exploding():
    """The policy has stopped moving: its rewards are nearly 0, those of training were not."""
    still = diagnose.Diagnosis('run', {}, None, [], [], dict(
        STANDS, q_max=0.16, return_bound=1e-4, trained_return=34.))
    assert 'exploding critic' not in diagnose.found(still)
    assert 'exploding critic' in diagnose.found(still._replace(
        numbers=dict(still.numbers, q_max=34.1)))


def test_few_observed_returns_say_nothing_of_q():
    few = diagnose.Diagnosis('run', {}, None, [], [], dict(
        STANDS, updates=60000, time_constants=3., pairs=29))
    assert 'over-estimation' not in diagnose.found(few)
    assert 'too early to tell: critic shrunk' in diagnose.found_in_words(few)


def test_returns_that_a_limit_cuts_off_are_not_waited_for():
    none = diagnose.Diagnosis('run', {}, None, [], [], dict(
        STANDS, updates=60000, time_constants=3., pairs=0, stored_as_terminal=0.,
        ended_by_limit=1.))
    assert diagnose.found_in_words(none) == (
        'no sign of bad training; cannot be told, as a time limit cuts off all returns: critic '
        'shrunk toward zero, flat critic, over-estimation')
    said = diagnose.verdict(none)
    assert 'no return was observed: a time limit ended each of these episodes while what' in said
    assert '\n  ?     over-estimation: ' in said and 'too early' not in said
    # Where the limit is stored as terminal, the returns to it were to be learned.
    terminal = none._replace(numbers=dict(none.numbers, limit_is_terminal=True, q_size=1.,
                                          g_size=100.))
    said = diagnose.verdict(terminal)
    assert '\n  FOUND critic shrunk toward zero: ' in said and '\n  ?     flat critic: ' in said


WELL = dict(STANDS, updates=60000, time_constants=9., here=-100., own_target=-100., batch_q=-50.,
            batch_target=-50., q_size=100., g_size=100., q_std=70., g_std=70., QBias=0., g=-100.)


@pytest.mark.parametrize('name, not_yet, beyond', [
    ('saturated actor', dict(saturation=0.9), dict(saturation=0.91)),
    ('no exploration', dict(exploration=0.05), dict(exploration=0.049)),
    ('actor against the critic', dict(worse_than_random=0.5), dict(worse_than_random=0.51)),
    ('over-estimation', dict(QBias=19.), dict(QBias=21.)),
    ('over-estimation', dict(QBias=21., q_size=49.), dict(QBias=21., q_size=50.)),
    ('flat critic', dict(q_std=14.1), dict(q_std=13.9)),
    ('flat critic', dict(q_std=10., q_size=49.), dict(q_std=10., q_size=50.)),
    ('critic shrunk toward zero', dict(q_size=50.), dict(q_size=49.)),
    ('target lag', dict(own_target=-75.), dict(own_target=-74.)),
    ('target lag', dict(own_target=-74., batch_q=-55.1), dict(own_target=-74., batch_q=-54.9)),
    ('exploding critic', dict(q_max=4854.), dict(q_max=4855.))])
def test_signs_begin_where_their_rules_say(name, not_yet, beyond):
    for numbers, is_there in ((not_yet, False), (beyond, True)):
        diagnosis = diagnose.Diagnosis('run', {}, None, [], [], dict(WELL, **numbers))
        assert (name in diagnose.found(diagnosis)) == is_there, numbers


def test_a_run_of_the_first_steps(run, capsys):
    code, out, _ = diagnosed(capsys, 'run')
    assert out.startswith('run: no sign of bad training; too early to tell: target lag, critic ')
    assert '  early over-estimation: ' in out and '        too early: 201 updates are ' in out


def test_the_density_has_returns_across_and_q_upwards():
    plt.switch_backend('Agg')
    figure, axes = plt.subplots()
    diagnose.draw_density(axes, q=np.full(9, 7.), g=np.full(9, 1.))
    (x, y), = axes.collections[0].get_offsets()
    assert x < 4 < y and 'return' in axes.get_xlabel()
    plt.close(figure)


# ---- Where it goes -------------------------------------------------------------------------------

def test_nothing_is_written_beside_the_runs_unless_asked_to(here, capsys):
    _, out, _ = summarised(capsys, 'runs')
    assert sorted(os.listdir('runs')) == ['well']
    assert sorted(os.listdir('out/figures/runs')) == sorted(summary.FILES)
    assert all('out/figures/runs/' + name in out for name in summary.FILES)
    _, out, _ = summarised(capsys, 'runs', '--write')
    assert sorted(os.listdir('runs')) == sorted(summary.FILES + ['well'])
    assert '--steps 600: expected nothing beside --write' in refusal(
        capsys, 'runs', '--write', '--steps', '600', main=summary.main, prog='tools.summary')


def test_a_folder_that_cannot_be_written(here, capsys):
    (here / 'out').write_text('a file')
    code, out, err = summarised(capsys, 'runs')
    assert code == 2 and err.count('\n') == 1 and 'expected a file that can be written' in err
    assert 'last10' in out and 'Wrote' not in out
    write_seed(here / 'others', 0, [1, 2, 3])
    code, out, err = summarised(capsys, 'runs', 'others')
    assert code == 2 and err.count('\n') == 1 and 'P(A > it)' in out and 'Wrote' not in out
    assert (here / 'out').read_text() == 'a file'


# ---- The study's scores --------------------------------------------------------------------------

def test_scores_of_a_stage(here, capsys):
    rows = dict(TotalEnvInteracts=5000 * np.arange(1, 61), Time=np.arange(1., 61))

    def run(name, env, seed, last10, length=60):
        """A run whose last ten tests have the mean last10, and all before them another."""
        columns = dict(rows, AverageTestEpRet=np.r_[[-9e4] * 50, last10 + np.arange(10) - 4.5])
        write_run(here / 'out' / 'study' / 'worth' / name / '{}_s{}'.format(name, seed),
                  dict(exp_name=name, env=env, seed=seed, epochs=60),
                  **{column: values[:length] for column, values in columns.items()})

    for seed, share in enumerate((0.2, 0.9, 0.4)):
        run('halfcheetah_some', 'HalfCheetah-v2', seed, share * 11020)
        run('halfcheetah_some_ou', 'HalfCheetah-v2', seed, 11020)
    run('ant_some', 'Ant-v2', 0, 0.5 * 1096)
    run('ant_some', 'Ant-v2', 1, 0.6 * 1096)
    run('ant_some', 'Ant-v2', 2, 3 * 1096, length=59)
    run('ant_some', 'Ant-v2', 3, 3 * 1096)          # no seed of the stage
    run('swimmer_some', 'Swimmer-v2', 0, 3)
    run('halfcheetah_young', 'HalfCheetah-v2', 0, 0.1 * 11020)
    _, out, err = run_main(capsys, 'worth', '--scores', main=recipes.main)
    lines = [' '.join(line.split()) for line in out.splitlines()]
    assert err == '' and 'ant_some_s2: left out; it is not finished' in lines[0] and lines[2:] == [
        'some_ou 1.00 1.00 1.00 - 1.00 (1.00, 1.00, 1.00)',
        'some 0.50 0.33 0.80 0.55 (0.50, 0.60) 0.50 (0.20, 0.90, 0.40)',        # of 0.4, 0.5, 0.6
        'young 0.10 - - - 0.10 (0.10)']

    assert '--data-dir none: expected a folder that has worth/' in refusal(
        capsys, 'worth', '--scores', '--data-dir', 'none', main=recipes.main,
        prog='tools.bench.recipes')


# ---- How single runs went ------------------------------------------------------------------------

def test_the_course_of_runs(here, capsys):
    def run(seed, returns, **columns):
        steps = 100 * np.arange(1, len(returns) + 1)
        write_run(here / 'runs' / 'some_s{}'.format(seed),
                  dict(exp_name='some', env='Some-v0', seed=seed, epochs=len(returns)),
                  TotalEnvInteracts=steps, Time=steps / 100., AverageTestEpRet=returns, **columns)

    def printed(*words):
        _, out, err = run_main(capsys, here / 'runs', *words, main=course.main)
        assert err == ''
        return [' '.join(line.split()) for line in out.splitlines() if line]

    shutil.rmtree(str(here / 'runs' / 'well'))
    returns = np.r_[[5, 15] * 5, [110] * 10, [60] * 10].astype(float)
    run(0, returns)
    run(1, np.r_[returns + 600, 0.], QBias=['', 'nan'] + [5.] * 28 + [16.])
    assert printed('--every', '1000') == [
        'some, Some-v0: AverageTestEpRet, mean of the last 10 rows at each step',
        'seed 0 seed 1 mean',
        '1,000 10.0 610.0 310.0',
        '2,000 110.0 710.0 410.0',
        '3,000 60.0 660.0 360.0',
        '3,100 - 594.0 -',
        'some, Some-v0: AverageTestEpRet, extremes of this mean, and of the last 10 rows',
        'seed 0 seed 1 mean',
        'highest 110.0 710.0 410.0',
        'highest, at 2,000 2,000',
        'deepest fall 50.0 116.0 83.0',
        'deepest fall, at 3,000 3,100',
        'last rows, lowest 60.0 0.0 30.0',
        'last rows, highest 60.0 660.0 360.0',
        'some, Some-v0: AverageTestEpRet, standard deviation within the steps up to each',
        'seed 0 seed 1 mean',
        '1,000 5.3 5.3 5.3',
        '2,000 0.0 0.0 0.0',
        '3,000 0.0 0.0 0.0']

    # By default, ten looks; here at a column that one of the runs has alone.
    left_out, _, _, *looks = printed('--column', 'QBias')[:13]
    assert left_out.endswith('some_s0: left out; its table has no number in QBias')
    assert looks == ['{:,} {} {}'.format(step, mean, mean) for step, mean in zip(
        [*range(300, 3000, 300), 3100], ['5.00'] * 9 + ['6.10'])]
    assert 'deepest fall 0.0 0.0 0.0' in printed('--column', 'Time')
    assert printed('--rows', '1', '--every', '1600', '--column', 'AverageTestEpRet')[1:11] == [
        'seed 0 seed 1 mean',
        '1,600 110.0 710.0 410.0',
        '3,000 60.0 - -',
        '3,100 - 0.0 -',
        'some, Some-v0: AverageTestEpRet, extremes of this mean, and of the last 1 row',
        'seed 0 seed 1 mean',
        'highest 110.0 710.0 410.0',
        'highest, at 1,100 1,100',
        'deepest fall 50.0 710.0 380.0',
        'deepest fall, at 2,100 3,100']
    assert '--column Q: expected a column with numbers, such as AverageTestEpRet, ' in refusal(
        capsys, here / 'runs', '--column', 'Q', main=course.main, prog='tools.bench.course')


# ---- The benchmark's tables ----------------------------------------------------------------------

def test_tables_of_the_benchmark(here):
    rows = dict(TotalEnvInteracts=5000 * np.arange(1, 201), Time=np.arange(1., 201))
    for seed, last10 in enumerate([11000, 11100, 11200, 12900]):
        returns = np.r_[[0.] * 150, [20000. + seed], [0.] * 39, last10 + np.arange(10) - 4.5]
        write_run(here / 'out' / 'halfcheetah' / 's{}'.format(seed),
                  dict(exp_name='any{}'.format(seed), env='HalfCheetah-v2', seed=seed, epochs=200),
                  **rows, AverageTestEpRet=returns)
    write_run(here / 'out' / 'ant', dict(exp_name='ant', env='Ant-v2', seed=0, epochs=200),
              **rows, AverageTestEpRet=np.full(200, 96.))
    write_run(here / 'out' / 'unfinished', dict(exp_name='ant', env='Ant-v2', seed=1, epochs=201),
              **rows, AverageTestEpRet=np.full(200, 9e9))
    runs = benchmark.finished_runs('out')
    tasks = benchmark.of_tasks(runs).split('\n')[2:]
    assert tasks == [
        '| HalfCheetah-v2 | 1,000,000 | 4 | **11,550 ± 904** | 11,150 [11,000, 12,900] | 12,900 | '
        '11,554 | 20,002 |', '| Ant-v2 | 1,000,000 | 1 | **96.0** | 96.0 | - | 96.0 | 96.0 |']
    assert benchmark.of_seeds(runs).split('\n')[2:] == [
        '| HalfCheetah-v2 | 11,000 | 11,100 | 11,200 | 12,900 |', '| Ant-v2 | 96.0 | - | - | - |']
    beside = benchmark.beside('last ten', runs, benchmark.FIVE).split('\n')
    assert '| **ours** | **11,550 ± 904** | - | - | - | 96.0 |' in beside
    assert '| the "LQ" benchmark (v2, 8) | 11,020 | 1,702 | 1,432 | **139.2** | 743 |' in beside
    assert '| ours, from the best of these | +530 | - | - | - | -1,000 |' in beside
    assert '| TD3 (v1, 10) | 9,533 | 3,305 | **4,565** | - | 4,185 |' not in beside
    assert '| **ours** | **20,002 ± 1** |' in benchmark.beside(
        'mean of the maxima', runs, benchmark.FIVE)
    assert benchmark.beside('mean of the maxima', runs, benchmark.OTHERS[1:]).split('\n') == [
        '|  | Reacher | InvertedPendulum | InvertedDoublePendulum |', '|---|---|---|---|',
        '| **ours** (300,000 steps; Humanoid a million) | - | - | - |',
        '| PFRL (v2, 10) | -2.97 | **1,000** | 6,558 |',
        '| ChainerRL (v2, 10) | **-2.92** | 902 | **7,496** |',
        '| ours, from the best of these | - | - | - |']
    others = benchmark.beside('last ten', runs, benchmark.OTHERS)
    assert '"LQ"' in others and 'PyTorch' not in others and 'TD3 (v1' not in others


# ---- Ctrl-C --------------------------------------------------------------------------------------

@pytest.mark.parametrize('prog, library', [
    ('tools.summary', '_multiarray_umath'), ('tools.diagnose', '_multiarray_umath'),
    ('tools.diagnose', '_pywrap_tensorflow'), ('tools.sweep', '_pywrap_tensorflow'),
    ('ddpg.py', '_pywrap_tensorflow')])
def test_ctrl_c_while_it_imports_is_one_line(prog, library, here):
    script = [os.path.join(HERE, prog)] if prog == 'ddpg.py' else ['-m', prog]
    process = subprocess.Popen(
        [sys.executable, *script, 'runs'], stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, universal_newlines=True, env=dict(os.environ, PYTHONPATH=HERE),
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
    while True:
        with open('/proc/{}/maps'.format(process.pid)) as maps:
            if library in maps.read():
                break
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=60) == ('', prog + ': interrupted\n')
    assert process.returncode == 130


@pytest.mark.parametrize('in_c_code', [False, True])
def test_ctrl_c_while_it_works(in_c_code, here, capsys, monkeypatch):
    def interrupted(*args):
        if in_c_code:
            raise SystemError('returned a result with an error set') from KeyboardInterrupt()
        raise KeyboardInterrupt

    monkeypatch.setattr(summary, 'summarise', interrupted)
    assert summarised(capsys, 'runs') == (130, '', 'tools.summary: interrupted\n')


def test_an_error_of_c_code_is_one(here, capsys, monkeypatch):
    def broken(*args):
        raise SystemError('bad call')

    monkeypatch.setattr(summary, 'summarise', broken)
    with pytest.raises(SystemError, match='bad call'):
        summarised(capsys, 'runs')
