"""
test_sweep.py: sweeps name, group, train, resume and summarise their runs as they should, with the
bits of ddpg.py; what is left of one whose workers, nodes, terminal or self are killed or fail goes
on to the same bits; and nothing of Ray stays behind.
"""
import glob
import io
import itertools
import json
import logging
import os
import re
import shutil
import signal
import socket
import sys
import time
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import ray
from rich.console import Console

import ddpg
from harness import checkpoint
from harness.origin import provenance
from harness.settings import BadSetting, defaults_of, in_json
from kit import HERE, Run, RunFolder, refusal, run_main, wait_for
from tools import summary, sweep
from tools.bench import benchmark, recipes
from tools.bench.clusters import (Cluster, assert_nothing_stays, finish, left_behind, output_of,
                                  run_folder, start, where)
from tools.board import Board, progress

# Runs of a few seconds, checkpoints at every epoch.
SHORT = ('--env Pendulum-v0 --epochs 3 --steps-per-epoch 230 --max-ep-len 90 --hid 32 24 '
         '--start-steps 200 --update-after 100 --batch-size 16 --num-test-episodes 2 '
         '--save-freq 1').split()
TWO_GROUPS = SHORT + ['--pi-lr', '1e-3', '1e-4', '--exp-name', 'x']
SLOW = SHORT + ['--env', 'pendulums:Slow-v0', '--activation', 'elu']
HOST = ray.util.get_node_ip_address()


def parsed(*words):
    """What the command line means."""
    return sweep.parse_args(list(words))


@pytest.fixture(scope='module')
def alone(tmp_path_factory):
    """alone(words...) -> the Run of `python ddpg.py words`, made once."""
    made = {}

    def run(*words):
        if words not in made:
            made[words] = Run(tmp_path_factory.mktemp('alone'), list(words))
        return made[words]
    return run


# ---- Combinations, and their names ---------------------------------------------------------------

@pytest.mark.parametrize('words, groups', [
    ('--env Pendulum-v0 --seed 0 1', ['sweep_pendulum-v0']),
    ('--env Pendulum-v0 --exp-name x --pi-lr 1e-3', ['x']),
    ('--env Pendulum-v0 MountainCarContinuous-v0 --exp-name x',
     ['x_envpendulum-v0', 'x_envmountaincarcontinuous-v0']),
    ('--env Pendulum-v0 MountainCarContinuous-v0',
     ['sweep_envpendulum-v0', 'sweep_envmountaincarcontinuous-v0']),
    ('--exp-name x --env Pendulum-v0 --q-lr 1e-3 1e-4 --pi-lr 0.1',
     ['x_ql0-001', 'x_ql0-0001']),
    ('--exp-name x --env Pendulum-v0 --hid [64,32] [8] --seed 3', ['x_ac-hid64-32', 'x_ac-hid8']),
    ('--exp-name x --env Pendulum-v0 --hid 64 32', ['x']),
    ('--exp-name x --env Pendulum-v0 --time-limit-terminal false true', ['x', 'x_tim']),
    ('--exp-name x --env Pendulum-v0 --settings default notes --pi_lr 1 2',
     ['x_setdefault_pi1-0', 'x_setdefault_pi2-0', 'x_setnotes_pi1-0', 'x_setnotes_pi2-0']),
    ('--exp-name x --env Pendulum-v0 --activation relu elu', ['x_ac-actrelu', 'x_ac-actelu']),
    ('--exp-name x --env Pendulum-v0 --activation tanh leaky_relu --action-layer 1 2',
     ['x_activation{}_action-layer{}'.format(f, n) for f in ('tanh', 'leaky_relu')
      for n in (1, 2)]),
    ('--exp-name x --env Pendulum-v0 --pi-lr 1 2 --settings default notes',
     ['x_pi1-0_setdefault', 'x_pi1-0_setnotes', 'x_pi2-0_setdefault', 'x_pi2-0_setnotes']),
    ('--exp-name x --env Pendulum-v0 --noise ou gaussian --noise-sigma 0.1 0.2 --init glorot paper',
     ['x_noise{}_noise-sigma{}_ac-ini{}'.format(n, s, i) for n in ('ou', 'gaussian')
      for s in ('0-1', '0-2') for i in ('glorot', 'paper')])])
def test_only_what_varies_is_in_the_name(words, groups):
    runs = parsed(*words.split(), '--data-dir', 'd').runs
    assert [run.group for run in runs if run.kwargs['seed'] == runs[0].kwargs['seed']] == groups
    for run in runs:
        name = '{}_s{}'.format(run.group, run.kwargs['seed'])
        assert run.name == name and run.folder.endswith(os.path.join(run.group, name))


def test_every_combination_is_a_run_with_its_settings():
    given = parsed(*'--env Pendulum-v0 MountainCarContinuous-v0 --seed 7 8 9 '
                   '--settings default notes --hid [5,4] [3] --time-limit-terminal '
                   '--target-networks --batch-size 32 --jobs 3'.split())
    assert len(given.runs) == len({run.folder for run in given.runs}) == 24
    assert (given.jobs, given.threads, given.address, given.max_failures) == (3, 1, None, 3)
    assert {(run.env, run.kwargs['seed'], run.kwargs['pi_lr'],
             run.kwargs['ac_kwargs']['hidden_sizes']) for run in given.runs} == set(
        itertools.product(('Pendulum-v0', 'MountainCarContinuous-v0'), (7, 8, 9), (3e-4, 1e-4),
                          ((5, 4), (3,))))
    for run in given.runs:
        assert run.kwargs['batch_size'] == 32 and run.kwargs['threads'] == 1
        assert run.kwargs['time_limit_terminal'] is run.kwargs['target_networks'] is True
    assert [run.kwargs['seed'] for run in given.runs] == [7] * 8 + [8] * 8 + [9] * 8


def test_the_benchmark_is_of_the_defaults(tmp_path):
    runs = benchmark.sweep_of(list(benchmark.TASKS), None, str(tmp_path)).runs
    assert len(runs) == sum(seeds for _, seeds in benchmark.TASKS.values())
    for run in runs:
        assert {name for name, default in defaults_of(ddpg.ddpg).items()
                if run.kwargs[name] != default} <= {'seed', 'epochs', 'threads'}.union(
                    ['noise', 'noise_sigma', 'noise_final_share']
                    if run.env in benchmark.OWN_FLAGS else []), run.name
    some = benchmark.sweep_of(['Ant-v2', 'Pendulum-v0'], [1, 9], str(tmp_path)).runs
    assert 'pendulum_s9' in [run.name for run in some]
    assert [run.name for run in some][:2] == ['ant_s1', 'pendulum_s1']


@pytest.mark.parametrize('stage, names, groups, steps', [
    ('screen', [], 12, 9.6e6), ('final', ['gauss_w3e-3', 'td3_w3e-3'], 8, 24e6),
    ('batch256', ['gauss_w3e-3_b256'], 2, 4e6), ('check', [], 2, 10e6),
    ('worth', ['gauss_w1e-2'], 8, 7.2e6), ('worth', ['gauss_w1e-2_b256'], 10, 9e6)])
def test_the_stages_of_the_study(stage, names, groups, steps, tmp_path):
    """docs/study.md has the plan; each setting that is taken back is the only one that differs."""
    runs = recipes.sweep_of(stage, names, str(tmp_path)).runs
    assert len({run.group for run in runs}) == groups
    seeds = [run.kwargs['seed'] for run in runs]
    assert seeds == sorted(seeds)
    if stage == 'final':                            # a recipe's tasks together
        assert [run.name.split('_', 1)[1] for run in runs[:8]] == (
            [names[0] + '_s0'] * 4 + [names[1] + '_s0'] * 4)
    assert sum(run.kwargs['epochs'] * run.kwargs['steps_per_epoch'] for run in runs) == steps
    assert all((run.kwargs['lr_decay_steps'] == 1e6) == (
        stage not in ('screen', 'check') and 'constant' not in run.name) for run in runs)
    if names == ['gauss_w1e-2']:
        whole, constant, no_decay, ou = (
            next(run.kwargs for run in runs if run.name == 'ant_gauss_w1e-2{}_s1'.format(back))
            for back in ('', '_constant', '_no-decay', '_ou'))
        assert dict(constant, lr_decay_steps=1e6) == dict(no_decay, weight_decay=0.01) == whole
        assert ou['noise'] == 'ou' and whole['noise'] == 'gaussian'
        assert {name for name in ou if ou[name] != whole[name]} == {
            'noise', 'noise_sigma', 'noise_final_share'}


def test_a_sweep_by_the_settings_of_a_run(tmp_path):
    committed = os.path.join(HERE, 'out', 'old-defaults', 'pendulum', 'pendulum', 'pendulum_s')
    own = sweep.parse_args(['--settings', committed + '2', '--batch-size', '32', '128']).runs
    assert [(run.env, run.kwargs['seed'], run.kwargs['epochs'], run.kwargs['batch_size'],
             run.group) for run in own] == [
        ('Pendulum-v0', 2, 4, 32, 'sweep_pendulum-v0_bat32'),
        ('Pendulum-v0', 2, 4, 128, 'sweep_pendulum-v0_bat128')]
    given = sweep.parse_args(['--settings', committed + '2', '--env', 'Ant-v2', '--seed', '0', '1'])
    assert [(run.env, run.kwargs['seed']) for run in given.runs] == [('Ant-v2', 0), ('Ant-v2', 1)]
    with pytest.raises(BadSetting, match='settings of one seed, or --seed beside them'):
        sweep.parse_args(['--settings', committed + '2', committed + '3'])
    with pytest.raises(BadSetting, match='settings of one env, or --env beside them'):
        sweep.parse_args(['--settings', 'default', committed + '0'])


def test_sweeps_of_several_environments_have_folders_of_their_own():
    def folder(*envs):
        given = parsed('--env', *envs, '--data-dir', 'd')
        assert {run.group.split('_env')[0] for run in given.runs} == {
            'sweep' if len(envs) > 1 else 'sweep_' + envs[0].lower()}
        return os.path.relpath(given.folder, os.path.abspath('d'))

    both = folder('Pendulum-v0', 'MountainCarContinuous-v0')
    assert both == 'sweep_mountaincarcontinuous-v0_pendulum-v0'
    assert both == folder('MountainCarContinuous-v0', 'Pendulum-v0')
    assert folder('Pendulum-v0') == 'sweep_pendulum-v0'
    names = ['Some{}-v{}'.format('x' * 20, i) for i in range(9)]
    assert re.fullmatch('Somex{20}-v0_and_8_more_[0-9a-f]{6}', sweep.all_of(names))
    assert sweep.all_of(names) != sweep.all_of(names[:-1] + ['Another-v0'])
    assert len(sweep.all_of(['x' * 300 + 'a', 'b'])) < 100


# ---- What is refused -----------------------------------------------------------------------------

@pytest.fixture
def refused(monkeypatch, capsys, tmp_path):
    """refused(words...) -> the line on stderr, after checking that nothing was touched."""
    monkeypatch.chdir(tmp_path)
    # `auto` would join whatever cluster someone else has on this machine.
    monkeypatch.setattr(ray._private.services, 'find_gcs_addresses', set)

    def check(*words):
        line = refusal(capsys, *words, main=sweep.main, prog='tools.sweep')
        assert_nothing_stays()
        return line
    return check


@pytest.mark.parametrize('words, said', [
    ('--seed 0 -1', '--seed -1: expected a whole number from 0'),
    ('--seed 0 0.5', '--seed 0.5: expected'),
    ('--seed 1 2 1', '--seed 1 2 1: expected each value once'),
    ('--env Pendulum-v0 Pendulum-v9', '--env Pendulum-v9: expected'),
    ('--env Pendulum-v0 CartPole-v0', '--env CartPole-v0: expected'),
    ('--pi-lr 1e-3 zero', '--pi-lr zero: expected a number above 0'),
    ('--settings default best', '--settings best: expected one of default, notes, paper'),
    ('--batch-size 10 100 --replay-size 50 1000', '--batch-size 100: expected at most'),
    ('--hid [4,4] [4,0]', '--hidden-sizes 4 0: expected'),
    ('--hid [4,4] [x]', '--hidden-sizes x: expected'),
    ('--hid [4,4] [4] --action-layer 1 3', '--action-layer 3: expected at most 2'),
    ('--hid [4,4] [8', '--hidden-sizes [8: expected networks such as [400,300]'),
    ('--hid [4,4] 8', '--hidden-sizes 8: expected networks'),
    ('--hid 4,4', '--hidden-sizes 4,4: expected networks'),
    ('--hid [4,[4]]', '--hidden-sizes [4,[4]]: expected networks'),
    ('--hid [] [4]', '--hidden-sizes []: expected networks'),
    ('--activation elu tanh elu', '--activation elu tanh elu: expected each value once'),
    ('--exp-name {} --pi-lr 1 2 --q-lr 1 2'.format('x' * 190), 'expected at most 200 bytes'),
    ('--exp-name a/b', '--exp-name a/b: expected letters'),
    ('--jobs 0', '--jobs 0: expected a whole number of at least 1'),
    ('--max-failures 0', '--max-failures 0: expected'),
    ('--jobs 2 --address auto', '--jobs 2: expected nothing beside --address'),
    ('--address nowhere', '--address nowhere: expected HOST:PORT'),
    ('--address 127.0.0.1:1', '--address 127.0.0.1:1: expected HOST:PORT'),
    ('--address auto', '--address auto: expected'),
    ('--no-such-flag 1', '--no-such-flag'),
    ('--resume out/x', '--resume'),
    ('--seed', '--seed')])
def test_bad_input_is_told_before_anything_starts(refused, words, said):
    base = [] if '--env' in words else ['--env', 'Pendulum-v0']
    assert said in refused(*base, *words.split())


def test_what_listens_and_is_not_ray_is_told_soon(refused):
    with socket.socket() as silent:
        silent.bind(('127.0.0.1', 0))
        silent.listen(9)
        begin = time.time()
        address = '127.0.0.1:{}'.format(silent.getsockname()[1])
        line = refused('--env', 'Pendulum-v0', '--address', address)
        assert time.time() - begin < 60
        assert line.endswith('or auto; what listens there is not Ray\n') and address in line


def test_runs_at_once_that_do_not_fit_into_memory(refused, monkeypatch):
    monkeypatch.setattr('harness.run.memory_available', lambda: 20e6)
    words = '--env Pendulum-v0 --replay-size 10000 --seed 0 1 --jobs'.split()
    assert '--hidden-sizes 400 300: expected what fits into memory; 2 runs at once take' in refused(
        *words, '2')
    assert len(parsed(*words, '1').runs) == 2


def test_all_groups_of_a_bench_have_to_fit_into_memory(monkeypatch, tmp_path):
    monkeypatch.setattr('harness.run.memory_available', lambda: 300e6)
    monkeypatch.setattr(sweep, 'CORES', 2)
    for env in ('HalfCheetah-v2', 'Hopper-v2'):
        assert len(benchmark.sweep_of([env], [1], str(tmp_path)).runs) == 1
    with pytest.raises(BadSetting, match='2 runs at once take'):
        benchmark.sweep_of(['HalfCheetah-v2', 'Hopper-v2'], [1], str(tmp_path))


def test_a_config_that_is_no_run_of_ours(tmp_path):
    for networks in (None, 'mlp', [1]):
        config = dict(exp_name='x', env='Pendulum-v0', ac_kwargs=networks)
        folder = tmp_path / 'x' / str(networks)
        folder.mkdir(parents=True)
        (folder / 'config.json').write_text(json.dumps(config))
        with pytest.raises(BadSetting, match='expected None, .* or another --exp-name'):
            sweep.check_groups(parsed('--env', 'Pendulum-v0', '--exp-name', 'x', '--data-dir',
                                      str(tmp_path)).runs)


def test_a_python_that_a_shell_would_take_apart(refused, monkeypatch):
    for home in ('some one', "d'Arc", 'a&b'):
        monkeypatch.setattr(sys, 'executable', '/home/{}/python'.format(home))
        assert 'PYTHON /home/{}/python: expected a path without spaces'.format(home) in refused(
            '--env', 'Pendulum-v0')
    monkeypatch.setattr(sys, 'executable', '/home/jörg~1/a^b/python3.7')
    assert parsed('--env', 'Pendulum-v0').runs


def test_groups_of_another_sweep_in_the_folder_are_named(tmp_path):
    def of(*words):
        return parsed(*words, '--env', 'Pendulum-v0', '--exp-name', 'a', '--data-dir',
                      str(tmp_path))

    for group in ('a', 'a_pi1-0'):
        (tmp_path / 'a' / group / 'run').mkdir(parents=True)
        (tmp_path / 'a' / group / 'run' / 'config.json').write_text('{}')
    assert sweep.groups_beside(of()) == ['a_pi1-0']
    assert sweep.groups_beside(of('--pi-lr', '1', '2')) == ['a']


def test_names_that_would_be_the_same(refused, env_module):
    env_module('two_envs', 'import gym\nfor name in ("Same-v0", "same-v0"):\n'
               '    gym.register(name, entry_point="gym.envs.classic_control:PendulumEnv")\n')
    assert 'sweep_envtwo_envs-same-v0' in refused('--env', 'two_envs:Same-v0', 'two_envs:same-v0')


def test_a_data_folder_that_cannot_be_written(refused, tmp_path, monkeypatch):
    monkeypatch.setattr(sweep, 'ray_on_this_machine', None)     # it does not get so far
    (tmp_path / 'file').write_text('kept')
    assert '--data-dir' in refused(*SHORT, '--data-dir', 'file')


def test_so_many_runs_at_once_get_cores(monkeypatch, tmp_path):
    def begun(cores):
        raise RuntimeError('{} cores'.format(cores))

    monkeypatch.setattr(sweep, 'ray_on_this_machine', begun)
    words = '--env Pendulum-v0 --seed 0 1 2 --jobs 2 --data-dir'.split()
    with pytest.raises(RuntimeError, match='^2 cores$'):
        sweep.run_sweep(parsed(*words, str(tmp_path)))


def test_cores_are_divided_by_threads(monkeypatch, tmp_path):
    def begun(cores):
        raise RuntimeError('{} cores'.format(cores))

    monkeypatch.setattr(sweep, 'CORES', 8)
    monkeypatch.setattr(sweep, 'ray_on_this_machine', begun)
    words = '--env Pendulum-v0 --replay-size 1000 --threads 2 --seed 0 1 2 --data-dir'.split()
    assert parsed(*words, str(tmp_path)).jobs == 4
    with pytest.raises(RuntimeError, match='^6 cores$'):
        sweep.run_sweep(parsed(*words, str(tmp_path)))


def test_progress_is_by_the_last_epoch():
    rows = pd.DataFrame(dict(TotalEnvInteracts=[100, 200, 300], Time=[1., 3., 8.],
                             AverageTestEpRet=5.))
    assert progress(SimpleNamespace(kwargs=dict(epochs=5)), rows) == (
        '3/5', '20', '5.0', '0:00:10')


def test_a_dashboard_that_does_not_start_is_not_told(monkeypatch, capsys):
    def init(**options):
        services = logging.getLogger('ray._private.services')
        services.error('Failed to start the dashboard , return code 1')
        services.error(Exception('The last 20 lines of logs/dashboard.log'))
        services.error('No space left')

    monkeypatch.setattr(ray, 'init', init)
    sweep.init_ray()
    assert capsys.readouterr().err == 'No space left\n'


# ---- One sweep, from its beginning to its end ----------------------------------------------------

@pytest.fixture(scope='module')
def finished(tmp_path_factory):
    """(data folder, what was printed) of a sweep of two groups and two seeds."""
    folder = tmp_path_factory.mktemp('finished')
    out, err = finish(start(*TWO_GROUPS, '--seed', '4', '5', '--data-dir', folder))
    assert err == ''
    return folder, out


def test_runs_have_the_bits_of_ddpg(finished, alone):
    folder, _ = finished
    for seed, lr, name in (('4', '1e-3', 'x_pi0-001_s4'), ('5', '1e-4', 'x_pi0-0001_s5')):
        RunFolder(run_folder(folder, name)).assert_same_as(
            alone(*SHORT, '--pi-lr', lr, '--seed', seed))
        with open(os.path.join(run_folder(folder, name), 'config.json')) as file:
            config = json.load(file)
        assert config['exp_name'] == name[:-3] and config['seed'] == int(seed)
        assert '-m tools.sweep ' in config['command'] and '--pi-lr 1e-3 1e-4' in config['command']
    assert len(glob.glob(str(folder / 'x' / '*' / '*' / 'progress.txt'))) == 4


def test_what_is_printed_in_a_pipe(finished):
    _, out = finished
    assert out.startswith('4 runs in 2 groups, of which 0 have finished, in ')
    assert len(re.findall(r'^x_pi0-0+1_s[45]: started$', out, re.MULTILINE)) == 4
    assert len(re.findall(r'^x_pi0-0+1_s[45]: finished$', out, re.MULTILINE)) == 4
    assert len(re.findall(r'^x_pi0-0+1_s[45]: epoch 3/3, \d+ steps/s, test return -\d+\.\d, '
                          r'0:00:00 left$', out, re.MULTILINE)) == 4
    assert '\x1b' not in out and 'summary.csv' in out


def test_the_summary_and_the_plots(finished):
    folder, out = finished
    table = pd.read_csv(str(folder / 'x' / 'summary.csv')).set_index('group')
    assert sorted(table.index) == ['x_pi0-0001', 'x_pi0-001']
    for group, row in table.iterrows():
        returns = np.array([RunFolder(run_folder(folder, '{}_s{}'.format(group, seed))).columns[
            'AverageTestEpRet'] for seed in (4, 5)], float)         # (seeds, epochs)
        for metric, values in dict(final=returns[:, -1], last10=returns.mean(1),     # there are 3
                                   best=returns.max(1)).items():
            assert np.isclose(row[metric + '_mean'], values.mean())
            assert np.isclose(row[metric + '_std'], abs(values[0] - values[1]) / np.sqrt(2))
            assert np.isclose(row[metric + '_iqm'], values.mean())
            assert np.isclose(row[metric + '_mean_ci_low'], values.min())
            assert np.isclose(row[metric + '_mean_ci_high'], values.max())
            assert '{:.1f}'.format(values.mean()) in out
        assert (row.env, row.seeds, row.unfinished) == ('Pendulum-v0', 2, 0)
        assert 10 < row.steps_per_second < 1e5
        assert row.max_of_mean == returns.mean(0).max()
        assert '{}, last10: {}'.format(group, row.last10_of_each_seed) in out
    with open(str(folder / 'x' / 'Performance.png'), 'rb') as png:
        assert png.read(8) == b'\x89PNG\r\n\x1a\n'
    assert '<svg' in (folder / 'x' / 'Performance.svg').read_text()


def test_the_plotter_tells_groups_and_seeds_apart(finished):
    from spinup.utils import plot
    datasets = plot.get_all_datasets([str(finished[0] / 'x') + '/'])
    assert {(data.Condition1[0], data.Unit[0]) for data in datasets} == {
        (group, unit) for group in ('x_pi0-001', 'x_pi0-0001') for unit in (0, 1)}


def test_again_repeats_nothing_and_more_seeds_are_added(finished, tmp_path):
    folder = shutil.copytree(str(finished[0]), str(tmp_path / 'copy'))
    before = {name: os.stat(name).st_mtime_ns for name in glob.glob(folder + '/x/*/*/*')}
    words = TWO_GROUPS + ['--data-dir', folder]
    out, err = finish(start(*words, '--seed', '4', '5'))
    assert '4 runs in 2 groups, of which 4 have finished' in out and err == ''
    assert 'started' not in out and 'summary.csv' in out
    out, _ = finish(start(*words, '--seed', '5', '6'))
    assert '4 runs in 2 groups, of which 2 have finished' in out
    assert {name: os.stat(name).st_mtime_ns for name in before} == before
    table = pd.read_csv(os.path.join(folder, 'x', 'summary.csv'))
    assert list(table.seeds) == [3, 3]


def test_a_folder_with_another_run_is_refused(finished, refused, tmp_path):
    folder = shutil.copytree(str(finished[0]), 'copy')
    words = TWO_GROUPS + ['--data-dir', folder, '--seed', '4']
    assert '--gamma 0.5: expected 0.99' in refused(*words, '--gamma', '0.5')
    assert '--epochs 2: expected at least 3' in refused(*words, '--epochs', '2')
    assert '--hidden-sizes 8 8: expected 32 24' in refused(*words, '--hid', '8', '8')
    other_seed = TWO_GROUPS + ['--data-dir', folder, '--seed', '6']
    assert '--gamma 0.5: expected 0.99' in refused(*other_seed, '--gamma', '0.5')
    assert 'x_s4), or another --exp-name: the runs of a group differ in their seeds alone' in (
        refused(*other_seed, '--policy', 'random').replace('pi0-001_', ''))
    run = run_folder(folder, 'x_pi0-001_s4')
    with open(os.path.join(run, 'config.json')) as file:
        config = json.load(file)
    shutil.rmtree(os.path.join(run, 'checkpoints'))
    assert 'nothing to go on from' in refused(*words, '--epochs', '9')
    for changed, said in ((dict(config, code='other'), 'is of other code'),
                          (dict(config, versions=dict(config['versions'], numpy='1.0')),
                           'numpy 1.0')):
        with open(os.path.join(run, 'config.json'), 'w') as file:
            json.dump(changed, file)
        assert '--exp-name x: expected another name' in refused(*words)
        assert said in refused(*words)
    os.remove(os.path.join(run, 'config.json'))
    assert 'nothing to go on from' in refused(*words)

    # Of before these settings were there: they had the values that they have by default.
    for path in glob.glob(os.path.join(folder, 'x', '*', '*', 'config.json')):
        with open(path) as file:
            config = json.load(file)
        del config['env_kwargs'], config['update_every'], config['ac_kwargs']['norm']
        with open(path, 'w') as file:
            json.dump(config, file)
    sweep.check_groups(parsed(*other_seed).runs)
    with pytest.raises(BadSetting, match='update_every=2: expected 1, '):
        sweep.check_groups(parsed(*other_seed, '--update-every', '2').runs)


def test_runs_of_ddpg_py_by_the_same_name_are_of_the_group(tmp_path):
    """--exp-name x of both goes to one folder, and into one line of the table."""
    words = SHORT + ['--exp-name', 'x', '--data-dir', str(tmp_path)]
    there = tmp_path / 'x' / '2026-01-01-00-00-00_x_s0'
    there.mkdir(parents=True)
    run = parsed(*words).runs[0]
    config = in_json(dict(sweep.settings_of(run), exp_name='x', pi_lr=0.1))
    there.joinpath('config.json').write_text(json.dumps(config))
    with pytest.raises(BadSetting, match='pi_lr=0.0003: expected 0.1, .*_x_s0'):
        sweep.check_groups(parsed(*words, '--seed', '1').runs)
    for other in (dict(exp_name='other'), dict(env='MountainCarContinuous-v0')):
        there.joinpath('config.json').write_text(json.dumps(dict(config, **other)))
        sweep.check_groups(parsed(*words, '--seed', '1').runs)


def test_a_finished_run_without_its_checkpoints_is_not_repeated(finished, tmp_path):
    folder = shutil.copytree(str(finished[0]), str(tmp_path / 'copy'))
    for path in glob.glob(folder + '/x/*/*/checkpoints'):
        shutil.rmtree(path)
    given = parsed(*TWO_GROUPS, '--seed', '4', '5', '--data-dir', folder)
    origin = provenance()
    assert [sweep.epochs_done(run, 'x', origin) for run in given.runs] == [3] * 4


def test_a_second_sweep_in_the_folder_is_refused(finished, refused):
    words = TWO_GROUPS + ['--data-dir', 'copy', '--seed', '4']
    shutil.copytree(str(finished[0]), 'copy')
    with sweep.claimed(os.path.join('copy', 'x')):
        assert '--exp-name x: expected a sweep that is not running' in refused(*words)


# ---- Statistics, and the screen ------------------------------------------------------------------

def test_statistics_over_seeds():
    values = [0., 10., 20., 30., 1000., 40., 50., -500.]
    found = summary.over_seeds(values)
    assert found['mean'] == np.mean(values) and np.isclose(found['std'], np.std(values, ddof=1))
    assert found['iqm'] == 25.      # of 10, 20, 30, 40
    rng = np.random.RandomState(1)
    means = rng.choice(values, (20000, 8)).mean(1)
    assert np.allclose([found['mean_ci_low'], found['mean_ci_high']],
                       np.percentile(means, [2.5, 97.5]), atol=10)
    assert found['iqm_ci_low'] < 25. < found['iqm_ci_high']
    assert summary.over_seeds(values) == found, 'the bootstrap is seeded'
    one = summary.over_seeds([3.])
    assert (one['mean'], one['iqm']) == (3., 3.)
    assert np.isnan([one['std'], one['mean_ci_low'], one['iqm_ci_high']]).all()


def test_metrics_of_runs_as_they_were_after_some_steps(tmp_path, capsys):
    for seed, epochs in ((10, 12), (9, 12), (2, 3)):
        folder = tmp_path / 'out' / 'exp_s{}'.format(seed)
        folder.mkdir(parents=True)
        folder.joinpath('config.json').write_text(
            json.dumps(dict(exp_name='exp', env='E-v0', seed=seed, epochs=12)))
        returns = seed + np.arange(epochs) % 7
        pd.DataFrame(dict(TotalEnvInteracts=100 * np.arange(1, epochs + 1), Time=1.,
                          AverageTestEpRet=returns)).to_csv(
            str(folder / 'progress.txt'), sep='\t', index=False)

    def row(steps=None):
        [found] = summary.summarise(summary.read_runs(str(tmp_path)), steps).to_dict('records')
        return found

    whole = row()           # each seed + 0 1 2 3 4 5 6 0 1 2 3 4; seed 2 has not finished
    assert (whole['seeds'], whole['unfinished']) == (2, 1)
    assert [whole[name + '_mean'] for name in summary.METRICS] == [9.5 + 4, 9.5 + 3, 9.5 + 6]
    assert whole['max_of_mean'] == 9.5 + 6
    assert whole['last10_of_each_seed'] == 's9 12.0, s10 13.0'
    then = row(250)
    assert (then['seeds'], then['unfinished']) == (3, 0)
    assert [then[name + '_mean'] for name in summary.METRICS] == [7 + 1, 7 + 0.5, 7 + 1]
    assert row(400)['seeds'] == 2 and row(400)['max_of_mean'] == 9.5 + 3
    assert row(1201)['seeds'] == 0 and np.isnan(row(1201)['max_of_mean'])

    def command(*words):
        code, out, err = run_main(capsys, tmp_path, *words, main=summary.main)
        assert code in (None, 2)
        return out, err

    assert 's2 2.5, s9 9.5, s10 10.5' in command('--steps', '200')[0]
    assert re.match(r'tools.summary: error: --steps 0: expected a whole number of at least 1\n$',
                    command('--steps', '0')[1])
    assert os.listdir(str(tmp_path)) == ['out'], 'nothing is written'


def test_the_live_table_of_a_terminal(finished):
    runs = parsed(*TWO_GROUPS, '--seed', '4', '9', '--data-dir', str(finished[0])).runs
    board = Board(runs)
    board.console = Console(file=io.StringIO(), width=100, height=30)
    board.state.update({runs[0].name: 'running', runs[-1].name: 'waiting'})
    board.console.print(board._table())
    text = board.console.file.getvalue()
    assert re.search(r'x_pi0-001_s4 .* running .* 3/3 .* \d+ .* -\d+\.\d .* 0:00:00', text)
    assert re.search(r'x_pi0-0001_s9 .* waiting .* 0/3', text)
    assert '1 running, 1 waiting, 2 finished' in text
    board.console = Console(file=io.StringIO(), width=100, height=8)
    board.console.print(board._table())
    assert board.console.file.getvalue().count('x_pi') == 2, 'it fits the terminal'


@pytest.mark.parametrize('is_tty, term, live', [
    (True, 'xterm', True), (True, 'dumb', False), (False, 'xterm', False)])
def test_the_live_table_is_for_terminals_alone(is_tty, term, live, finished, monkeypatch):
    monkeypatch.setenv('TERM', term)
    runs = parsed(*TWO_GROUPS, '--seed', '4', '--data-dir', str(finished[0])).runs
    screen = io.StringIO()
    screen.isatty = lambda: is_tty
    board = Board(runs)
    board.console = Console(file=screen, width=100, force_terminal=True)    # as FORCE_COLOR does
    board.live.console = board.console
    with board:
        assert board.live.is_started == live


# ---- What dies, and what fails -------------------------------------------------------------------

PENDULUMS = '''
import os
import time
import gym
from gym.envs.classic_control import PendulumEnv

def beside(name):
    return os.path.join(os.path.dirname(__file__), name)

class Counts(PendulumEnv):
    def __init__(self):
        super().__init__()
        self.steps = 0

    def step(self, a):
        self.steps += 1
        return super().step(a)

class Slow(Counts):
    """From its 250th step on, it crawls as long as there is the file `slow`."""

    def step(self, a):
        if self.steps >= 250 and os.path.exists(beside('slow')):
            time.sleep(0.2)
        return super().step(a)

class Crashes(Counts):
    """Raises from its 250th step on; with `once`, as long as that file does not exist."""

    def __init__(self, once=''):
        super().__init__()
        self.once = once

    def step(self, a):
        if self.steps >= 250 and not os.path.exists(self.once):
            if self.once:
                open(self.once, 'w').close()
            raise RuntimeError('the pendulum fell off')
        return super().step(a)

for name, made, kwargs in (('Slow-v0', Slow, {}), ('Crashes-v0', Crashes, {}),
                           ('Once-v0', Crashes, dict(once=beside('crashed')))):
    gym.register(name, entry_point=made, max_episode_steps=200, kwargs=kwargs)
'''


@pytest.fixture
def pendulums(tmp_path, monkeypatch):
    """The folder of PENDULUMS, for all processes; with the file `slow`."""
    folder = tmp_path / 'pendulums'
    folder.mkdir()
    (folder / 'pendulums.py').write_text(PENDULUMS)
    (folder / 'slow').write_text('')
    monkeypatch.setenv('PYTHONPATH', str(folder))
    return folder


def epochs_of(data_dir, name):
    """The complete epochs in a run's table; 0 where there is none yet."""
    for path in glob.glob(os.path.join(str(data_dir), '*', '*', name, 'progress.txt')):
        with open(path) as table:
            return max(0, table.read().count('\n') - 1)
    return 0


def wait_until(process, true, seconds=300):
    """Look every moment, while a process runs, until true(). Runs are short: its lines are late."""
    end = time.time() + seconds
    while not true():
        assert process.poll() is None and time.time() < end
        time.sleep(0.02)


def assert_as_alone(data_dir, alone, seeds='45'):
    """The runs of SLOW in a sweep named x have the bits of ddpg.py."""
    for seed in seeds:
        RunFolder(run_folder(data_dir, 'x_s' + seed)).assert_same_as(alone(*SLOW, '--seed', seed))


def test_killed_workers_are_started_again(tmp_path, alone, pendulums):
    process = start(*SLOW, '--seed', '4', '5', '--exp-name', 'x', '--data-dir', tmp_path / 'out')
    for killed in range(2):
        wait_until(process, lambda: epochs_of(tmp_path / 'out', 'x_s4') > 0 and output_of(
            tmp_path / 'out', 'x_s4').count('Going on after step') == killed)
        os.kill(where(tmp_path / 'out', 'x_s4')[-1], signal.SIGKILL)
        wait_for(process, 'x_s4: failed, and is started again')
    (pendulums / 'slow').unlink()
    out, _ = finish(process)
    assert 'x_s4: finished' in out
    assert output_of(tmp_path / 'out', 'x_s4').count('Going on after step') == 2
    assert_as_alone(tmp_path / 'out', alone)


def test_the_sweep_itself_ends_again_and_again(tmp_path, alone, pendulums):
    """By Ctrl-C, `timeout`, a terminal that closes, and killed; at last its reader leaves."""
    folder = str(tmp_path / 'out')

    def life(number):
        """The sweep's process, while its first run trains."""
        process = start(*SLOW, '--exp-name', 'x', '--jobs', '1', '--seed', '4', '5', '--data-dir',
                        folder)
        assert process.stdout.readline().startswith('2 runs in 1 groups, of which 0 have finished')
        wait_until(process, lambda: epochs_of(folder, 'x_s4') > 0 and output_of(
            folder, 'x_s4').count('Going on after step') == number)
        return process

    for before, (number, kill) in enumerate((
            (signal.SIGINT, os.kill), (signal.SIGTERM, os.killpg), (signal.SIGHUP, os.killpg))):
        process = life(before)
        if number == signal.SIGHUP:
            process.stdout.close()                      # and nobody reads any more
        kill(process.pid, number)                       # killpg: Ray's processes get it, too
        assert process.wait(120) == 128 + number
        assert process.stderr.read() == (
            'tools.sweep: Interrupted by {}. The same command goes on.\n'.format(number.name))
        assert_nothing_stays()
        saved_at = re.findall(r'ended: SIGINT at step (\d+)', output_of(folder, 'x_s4'))
        assert len(saved_at) == before + 1
        with checkpoint.Checkpoints(run_folder(folder, 'x_s4'), resume=True) as last:
            assert last.state['t'] == int(saved_at[-1])

    process = life(3)
    here = left_behind()
    assert any(text.startswith('ray::x_s4') for text in here.values()), 'the worker is seen,'
    assert '' in here.values(), "and Ray's folder"
    process.kill()
    finish(process, -signal.SIGKILL)

    process = life(4)
    process.stdout.close()
    (pendulums / 'slow').unlink()
    assert process.wait(300) == 0 and process.stderr.read() == ''
    assert_nothing_stays()
    assert os.path.exists(os.path.join(folder, 'x', 'summary.csv'))
    assert_as_alone(folder, alone)


def test_a_run_that_fails_is_given_up_and_the_others_go_on(tmp_path, pendulums):
    out, err = finish(start(*SHORT, '--env', 'pendulums:Crashes-v0', 'pendulums:Once-v0',
                            '--max-failures', '2', '--exp-name', 'x', '--data-dir',
                            tmp_path / 'out'), 1)
    fails, fails_once = ('x_envpendulums-{}-v0_s0'.format(name) for name in ('crashes', 'once'))
    for name in fails, fails_once:
        assert out.count(name + ': failed, and is started again: ') == 1
    assert fails_once + ': finished' in out
    assert err.startswith('tools.sweep: error: {} was given up: the environment raised '
                          'RuntimeError: the pendulum fell off at step '.format(fails))
    assert err.count('\n') == 1
    table = pd.read_csv(str(tmp_path / 'out' / 'x' / 'summary.csv')).set_index('group')
    assert list(table.seeds) == [0, 1] and list(table.unfinished) == [1, 0]


# ---- A cluster -----------------------------------------------------------------------------------

def test_a_cluster_without_enough_cores_and_one_whose_node_is_killed(tmp_path, alone, pendulums):
    folder = str(tmp_path / 'out')
    with Cluster((0, HOST), (1, '127.0.0.2'), (1, '127.0.0.3')) as cluster:
        process = start(*SHORT, '--address', cluster.address, '--threads', '2', '--data-dir',
                        folder)
        out, err = process.communicate(timeout=300)
        assert process.returncode == 2 and '--threads 2: expected at most 1' in err
        assert not os.path.exists(folder)

        process = start(*SLOW, '--exp-name', 'x', '--seed', '4', '5', '--data-dir', folder,
                        '--address', cluster.address)
        wait_until(process, lambda: epochs_of(folder, 'x_s4') and epochs_of(folder, 'x_s5'))
        lost = [seed for seed in '45'
                if where(folder, 'x_s' + seed)[0] in cluster.processes(1)]
        assert len(lost) == 1, 'a run on each node'
        cluster.kill(1)
        (pendulums / 'slow').unlink()
        wait_for(process, 'x_s{}: failed, and is started again'.format(*lost))
        out, err = process.communicate(timeout=300)
        assert process.returncode == 0, (out, err)
        assert len(where(folder, 'x_s{}'.format(*lost))) == 2
    assert_as_alone(folder, alone)


def test_a_node_that_does_not_share_the_folder_says_so(tmp_path):
    run = sweep.parse_args(SHORT + ['--data-dir', str(tmp_path)]).runs[0]
    origin = provenance()
    folder = os.path.dirname(os.path.dirname(run.folder))
    outcome, why = sweep.train(tuple(run), folder, 'process 1 on head', origin, [])
    assert outcome == 'misplaced' and 'does not see the folder ' + folder in why
    with sweep.claimed(folder):
        with open(os.path.join(folder, 'lock')) as file:
            owner = file.read()
        outcome, why = sweep.train(tuple(run), folder, owner, dict(origin, code='other'), [])
        assert outcome == 'misplaced' and 'is of other code' in why
        outcome, why = sweep.train(tuple(run), folder, 'process 1 on head', origin, [])
        assert outcome == 'misplaced'
        assert not os.path.exists(run.folder)
        os.makedirs(os.path.dirname(run.folder))
        open(run.folder, 'w').close()
        assert sweep.train(tuple(run), folder, owner, origin, []) == (
            'failed', run.folder + ': File exists')
