"""
test_tools.py: what tools.summary and tools.diagnose make of runs that others wrote, or are writing,
or damaged; where they leave what they make; and Ctrl-C.
"""
import glob
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest

from kit import HERE, call, refusal, run_main
from tools import summary

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
    assert 'FOLDER runs/odd: expected a folder with runs below it; runs/odd: left out; ' + why in line


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


def test_a_row_that_is_being_written_or_written_twice_counts_once(here, capsys):
    path = here / 'runs/well/progress.txt'
    path.write_text(path.read_text() + '1500\t3.5\t9.0\n2000\t4.0\t100')
    assert 'exp, last10: s0 4.7' in summarised(capsys, 'runs')[1]      # of 1, 4, 9


def test_steps_before_the_first_row(here, capsys):
    assert '--steps 499: expected at least 500, where the first row' in refusal(
        capsys, 'runs', '--steps', '499', main=summary.main, prog='tools.summary')
    write_run(here / 'runs' / 'slow', TotalEnvInteracts=[700, 1400, 2100])
    code, out, _ = summarised(capsys, 'runs', '--steps', '600')
    assert code is None
    assert out.startswith('runs/slow: left out; its first row is at 700 steps\n')
    assert 'exp, last10: s0 1.0' in out and sorted(os.listdir('.')) == ['runs']


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


def test_runs_without_steps_in_common_leave_a_panel_empty(here, capsys):
    write_run(here / 'runs' / 'later', TotalEnvInteracts=[2000, 3000, 4000])
    code, out, err = summarised(capsys, 'runs')
    assert code is None and err == '' and 'no TotalEnvInteracts in common' in out


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
    code, _, err = summarised(capsys, 'runs')
    assert code == 2 and err.count('\n') == 1 and 'expected a file that can be written' in err
    assert (here / 'out').read_text() == 'a file'


# ---- Ctrl-C --------------------------------------------------------------------------------------

@pytest.mark.parametrize('tool, library', [
    ('summary', '_multiarray_umath'), ('diagnose', '_multiarray_umath'),
    ('diagnose', '_pywrap_tensorflow'), ('sweep', '_pywrap_tensorflow')])
def test_ctrl_c_while_it_imports_is_one_line(tool, library, here):
    process = subprocess.Popen(
        [sys.executable, '-m', 'tools.' + tool, 'runs'], stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, universal_newlines=True, env=dict(os.environ, PYTHONPATH=HERE),
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
    while True:
        with open('/proc/{}/maps'.format(process.pid)) as maps:
            if library in maps.read():
                break
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=60) == ('', 'tools.{}: interrupted\n'.format(tool))
    assert process.returncode == 130


def test_ctrl_c_while_it_works(here, capsys, monkeypatch):
    def interrupted(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(summary, 'summarise', interrupted)
    assert summarised(capsys, 'runs') == (130, '', 'tools.summary: interrupted\n')
