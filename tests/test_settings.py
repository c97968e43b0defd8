"""
test_settings.py: the command line. Bad input gets one line that names flag, value and what would be
accepted, exit code 2, and nothing on disk; --help tells all defaults; run folders never collide.
"""
import inspect
import json
import os
import re
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

import core
import ddpg
from harness import cli, files, run, settings
from harness.quiet_tf import tf
from harness.settings import BadSetting
from kit import HERE, call, refusal

MODULE = '''
import gym
import numpy as np
from gym.spaces import Box, Dict, Discrete

class Odd(gym.Env):
    def __init__(self, observation_space, action_space):
        self.observation_space, self.action_space = observation_space, action_space

def box(*shape, bound=1.):
    return Box(-bound, bound, shape, np.float32)

for name, spaces in dict(
        UnboundedActions=(box(3), box(2, bound=np.inf)), HalfBounded=(box(3), Box(
            np.float32([-1, -np.inf]), np.float32([1, 1]))),
        Image=(Box(0, 255, (84, 84, 3), np.uint8), box(2)), ImageActions=(box(3), box(4, 4)),
        Goal=(Dict(goal=box(3)), box(2)), DiscreteObs=(Discrete(5), box(2)),
        Empty=(box(3), Box(np.float32([1, 0]), np.float32([1, 1])))).items():
    gym.register(name + '-v0', entry_point=lambda spaces=spaces: Odd(*spaces))
'''


@pytest.fixture
def refused(monkeypatch, capsys, tmp_path):
    """refused(flags...) -> the line on stderr, after checking that all else is as it should be."""
    monkeypatch.chdir(tmp_path)

    return lambda *flags: refusal(capsys, *flags)


@pytest.mark.parametrize('flag, value, accepted', [
    ('--seed', '-1', 'from 0 to 4294967295'), ('--seed', '4294967296', 'from 0'),
    ('--seed', '1.5', 'whole number'), ('-s', 'x', 'whole number'),
    ('--steps-per-epoch', '0', 'at least 1'), ('--epochs', '-3', 'at least 1'),
    ('--epochs', 'many', 'whole number'), ('--replay-size', '0', 'at least 1'),
    ('--gamma', '1.01', 'from 0 to 1'), ('--gamma', 'nan', 'from 0 to 1'),
    ('--polyak', '-0.1', 'from 0 to 1'), ('--polyak', '2', 'from 0 to 1'),
    ('--pi-lr', '0', 'above 0'), ('--pi-lr', '-1e-3', 'above 0'), ('--q-lr', 'inf', 'above 0'),
    ('--weight-decay', '-1', 'at least 0'), ('--decay-kind', 'l1', 'times_lr, per_step, l2'),
    ('--batch-size', '0', 'at least 1'), ('--start-steps', '-1', 'at least 0'),
    ('--update-after', '-1', 'at least 0'), ('--noise', 'pink', 'ou, gaussian'),
    ('--update-every', '0', 'at least 1'), ('--lr-decay-steps', '0', 'at least 1, or none'),
    ('--lr-decay-steps', '999999', 'at least 1000000, the steps of 200 epochs, or none'),
    ('--noise-sigma', '-1', 'at least 0'), ('--noise-final-share', '-1', 'at least 0'),
    ('--noise-anneal-steps', '0', 'at least 1'), ('--noise-theta', '-1', 'at least 0'),
    ('--noise-dt', '0', 'above 0'), ('--time-limit-terminal', 'maybe', 'False, True'),
    ('--num-test-episodes', '0', 'at least 1'), ('--max-ep-len', '0', 'at least 1'),
    ('--save-freq', '0', 'at least 1'), ('--threads', '0', 'at least 1'),
    ('--action-layer', '4', 'at most 3'), ('--action-layer', '0', 'at least 1'),
    ('--init', 'zeros', 'glorot, paper, torch'),
    ('--settings', 'best', 'default, notes, paper, spinningup, td3'),
    ('--exp-name', 'a/b', 'letters'), ('--exp-name', '', 'letters'),
    ('--env', 'HalfCheeta-v2', 'HalfCheetah-v2'), ('--env', 'halfcheetah-v2', 'HalfCheetah-v2'),
    ('--env', 'CartPole-v0', 'Discrete(2)'), ('--env', 'not an id', 'nearest'),
    ('--env', 'no_such_module:Env-v0', 'module'),
])
def test_one_line_names_flag_value_and_what_is_accepted(refused, flag, value, accepted):
    line = refused(flag, value)
    name = {'-s': '--seed'}.get(flag, flag)
    assert '{} {}: expected'.format(name, value) in line and accepted in line


def test_errors_that_take_two_flags_or_several_values(refused):
    assert 'replay size, 50' in refused('--batch-size', '100', '--replay_size', '50')
    assert '--hidden-sizes 400 0' in refused('--hid', '400', '0')
    assert refused('--lr-decay-steps', '4999').strip().endswith('epochs, or none')
    for theta in ('2.1', '2.0'):
        assert '--noise-theta {}: expected below 2, 2 / noise_dt'.format(theta) in refused(
            '--noise', 'ou', '--noise-theta', theta)
    gaussian = cli.parse_args(['--noise-theta', '2.1'], ddpg.ddpg)[3]
    assert (gaussian['noise'], gaussian['noise_theta']) == ('gaussian', 2.1), 'it has no theta'
    assert '--no-such-flag' in refused('--no-such-flag', '1')
    assert '--epochs' in refused('--epochs')
    assert '--epoch' in refused('--epoch', '3'), 'no abbreviations'


@pytest.mark.parametrize('name, text', [
    ('UnboundedActions', 'finite bounds'), ('HalfBounded', 'finite bounds'),
    ('Empty', 'finite bounds'), ('ImageActions', 'actions are a vector'),
    ('Image', 'observations are a vector'), ('Goal', 'observations are a vector'),
    ('DiscreteObs', 'observations are a vector')])
def test_spaces_that_ddpg_cannot_use(refused, env_module, name, text):
    env_module('odd_envs', MODULE)
    assert text in refused('--env', 'odd_envs:{}-v0'.format(name))


@pytest.mark.parametrize('module, text', [
    ('raise RuntimeError("no\\nlicence")', 'can be imported; it raises RuntimeError: no\n'),
    ('import gym\ngym.register("Raises-v0", entry_point=lambda: {}["size"])',
     "can be made here; it raises KeyError: 'size'\n")])
def test_environments_that_raise(refused, env_module, module, text):
    env_module('raising', module)
    assert refused('--env', 'raising:Raises-v0').endswith(text)


def test_a_folder_that_cannot_be_written(refused, tmp_path):
    (tmp_path / 'file').write_text('kept')
    for folder in ('file', 'file/below', '/proc/here'):
        assert '--data-dir {}: expected a folder that can be written'.format(folder) in refused(
            '--env', 'Pendulum-v0', '--data-dir', folder)
    assert (tmp_path / 'file').read_text() == 'kept'


def test_mujoco_without_its_extension_says_how_to_set_up(refused, tmp_path, monkeypatch):
    (tmp_path / 'mujoco_py').mkdir()
    (tmp_path / 'mujoco_py' / '__init__.py').write_text('raise SystemError("it must not compile")')
    monkeypatch.delitem(sys.modules, 'mujoco_py', raising=False)
    monkeypatch.syspath_prepend(str(tmp_path))
    assert 'make setup' in refused('--env', 'HalfCheetah-v2')


def test_help_has_every_setting_with_its_default(capsys):
    code, out, _ = call(capsys, '--help')
    assert code == 0
    words = ' '.join(out.split())
    for function in (ddpg.ddpg, core.mlp_actor_critic):
        for name, default in settings.defaults_of(function).items():
            assert '--' + name.replace('_', '-') in words
            shown = (' '.join(map(str, default)) if isinstance(default, tuple) else
                     getattr(default, '__name__', default))
            assert 'Default: {} '.format(shown) in words + ' '


def parsed(*flags):
    return cli.parse_args(flags, ddpg.ddpg)


@pytest.fixture
def with_own(monkeypatch):
    """ddpg() with arguments that someone has added to it."""
    monkeypatch.setattr(settings, 'ACCEPTED', dict(settings.ACCEPTED))
    monkeypatch.setattr(cli, 'ACCEPTED', settings.ACCEPTED)
    monkeypatch.setattr(settings, 'DEFAULTS', dict(settings.DEFAULTS))
    added = dict(grad_clip=np.float64(10), delay=2, huber=False, note='a', made=len, jobs=3,
                 limit=np.inf)
    own = [inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default)
           for name, default in added.items()]
    signature = inspect.signature(ddpg.ddpg)
    given = []

    def algorithm(*args, **kwargs):
        given.append(kwargs)
    algorithm.__doc__ = 'Some.\n\nArgs:\n    delay (int): Steps, 10 % of them.'
    algorithm.__signature__ = signature.replace(parameters=[*signature.parameters.values(), *own])
    return settings.checked(algorithm), given


def test_an_argument_that_someone_adds_is_a_setting_by_its_default(with_own, tmp_path, capsys):
    algorithm, given = with_own
    kwargs = cli.parse_args('--grad-clip -5 --delay 3 --huber --note b'.split(), algorithm)[3]
    assert {name: kwargs[name] for name in ('grad_clip', 'delay', 'huber', 'note')} == dict(
        grad_clip=-5., delay=3, huber=True, note='b')
    for flag, value, said in (('--grad-clip', 'many', 'a number'), ('--delay', '2.5', 'a whole '),
                              ('--huber', '3', 'one of False, True')):
        with pytest.raises(BadSetting) as refused:
            cli.parse_args([flag, value], algorithm)
        assert refused.value.flag().startswith('{} {}: expected {}'.format(flag, value, said))
    with pytest.raises(BadSetting, match='grad_clip=many: expected a number$'):
        algorithm('Pendulum-v0', grad_clip='many')
    algorithm('Pendulum-v0', note='c')
    assert given[-1]['note'] == 'c' and given[-1]['grad_clip'] == 10.
    with pytest.raises(BadSetting, match='note=7: expected a text$'):
        algorithm('Pendulum-v0', note=7)
    assert settings.DEFAULTS['delay'] == 2
    with pytest.raises(SystemExit):
        cli.parse_args(['--help'], algorithm)
    assert '--delay N Steps, 10 % of them. Default: 2 ' in ' '.join(capsys.readouterr().out.split())
    for flag in ('--made', '--jobs', '--limit'):    # a function, a sweep's own flag, no number
        with pytest.raises(SystemExit):
            cli.parse_args([flag, '1'], algorithm)
    # It is in config.json, from where a run is repeated.
    (tmp_path / 'config.json').write_text(json.dumps(settings.in_json(dict(
        kwargs, env='Pendulum-v0', actor_critic='mlp_actor_critic'))))
    again = cli.parse_args(['--settings', str(tmp_path)], algorithm)[3]
    assert again == kwargs


def test_flags_become_keyword_values():
    env, data_dir, exp_name, kwargs = parsed(
        *'--env Pendulum-v0 -s 7 --steps_per_epoch 1e3 --hid 32 16 --polyak=0'.split(),
        *'--time-limit-terminal --replay_size 2000'.split())
    assert (env, data_dir, exp_name) == ('Pendulum-v0', 'out', 'ddpg_pendulum-v0')
    assert kwargs['seed'] == 7 and kwargs['steps_per_epoch'] == 1000 and kwargs['polyak'] == 0
    assert isinstance(kwargs['steps_per_epoch'], int) and kwargs['time_limit_terminal'] is True
    assert kwargs['ac_kwargs']['hidden_sizes'] == (32, 16)
    assert parsed('--exp-name', 'x1', '--data_dir', 'a')[1:3] == ('a', 'x1')


def test_without_flags_the_keyword_defaults_hold():
    kwargs = parsed()[3]
    ac_kwargs = kwargs.pop('ac_kwargs')
    assert kwargs == settings.defaults_of(ddpg.ddpg)
    assert ac_kwargs == settings.defaults_of(core.mlp_actor_critic)
    # Every keyword of ddpg() is a flag that text or JSON can say.
    others = {'env_fn', 'actor_critic', 'ac_kwargs', 'logger_kwargs', 'resume'}
    assert set(inspect.signature(ddpg.ddpg).parameters) - set(kwargs) == others


@pytest.mark.parametrize('name', ['default', 'notes', 'paper', 'spinningup', 'td3'])
def test_named_settings_are_those_of_the_page_and_flags_override_them(name):
    with open(os.path.join(HERE, 'docs', 'settings.md'), encoding='utf-8') as file:
        table = re.search(r'\| \| `default` \|.*\n(\|.*\n)+', file.read()).group()
    head, _, *rows = [[cell.strip(' `') for cell in line.split('|')[1:-1]]
                      for line in table.splitlines()]
    plain, told = parsed('--settings', name)[3], 0
    for flags, *cells in rows:      # a decay's kind is in its flag's cell
        flags = re.findall(r'--[\w-]+', flags.split(' (')[0]) + ['--decay-kind']
        values = cells[head.index(name) - 1].split(', ')
        assert len(values) <= len(flags) <= len(values) + 1 or values == ['']
        for flag, text in zip(flags, values):
            if text:
                told += 1
                words = text.replace(',', '').split()
                assert parsed('--settings', name, flag, *words)[3] == plain, (flag, text)
    assert told > 15
    in_all = dict(gamma=0.99, replay_size=10 ** 6, noise_theta=0.15, target_networks=True)
    assert {key: plain[key] for key in in_all} == in_all
    assert plain['ac_kwargs']['activation'] is tf.nn.relu

    kwargs = parsed('--settings', name, '--pi-lr', '0.5', '--init', 'paper',
                    '--time-limit-terminal', 'false')[3]
    assert kwargs['pi_lr'] == 0.5 and kwargs['ac_kwargs']['init'] == 'paper'
    assert kwargs['time_limit_terminal'] is False


def test_the_paper_s_section_7():
    kwargs = parsed('--settings', 'paper')[3]
    known = dict(pi_lr=1e-4, q_lr=1e-3, weight_decay=1e-2, decay_kind='l2', polyak=1e-3,
                 gamma=0.99, batch_size=64, replay_size=10 ** 6, noise='ou', noise_theta=0.15,
                 noise_sigma=0.2)
    assert {name: kwargs[name] for name in known} == known
    assert kwargs['ac_kwargs']['hidden_sizes'] == (400, 300)


def test_a_random_policy_has_defaults_of_its_own():
    kwargs = parsed('--policy', 'random')[3]
    assert [kwargs[name] for name in ('polyak', 'weight_decay', 'lr_decay_steps')] == [
        0.02, 0, None]


def config_of(tmp_path, **changes):
    """The folder of a run whose config.json has all settings, with these changes."""
    kwargs = parsed('--env', 'Pendulum-v0', '--seed', '7', '--hid', '48', '32', '--pi-lr', '0.5',
                    '--epochs', '9')[3]
    kwargs['ac_kwargs']['activation'] = 'tanh'
    config = settings.in_json(dict(
        kwargs, env='Pendulum-v0', env_made_by='id', actor_critic='mlp_actor_critic',
        exp_name='such', command='ddpg.py', commit='c', code='d', versions={}, processor='p'))
    if isinstance(changes.get('ac_kwargs'), dict):
        changes['ac_kwargs'] = dict(config['ac_kwargs'], **changes['ac_kwargs'])
    config = {name: value for name, value in {**config, **changes}.items() if value != 'missing'}
    (tmp_path / 'run').mkdir(exist_ok=True)
    (tmp_path / 'run' / 'config.json').write_text(json.dumps(config))
    return str(tmp_path / 'run')


def test_the_settings_of_a_run(tmp_path):
    folder = config_of(tmp_path)
    for path in (folder, folder + '/', folder + '/config.json'):
        env, data_dir, exp_name, kwargs = parsed('--settings', path, '--polyak', '0.25')
        assert (env, data_dir, exp_name) == ('Pendulum-v0', 'out', 'ddpg_pendulum-v0')
        assert kwargs['ac_kwargs']['hidden_sizes'] == (48, 32)
        assert kwargs['ac_kwargs']['activation'] is tf.nn.tanh
        assert (kwargs['seed'], kwargs['epochs'], kwargs['pi_lr']) == (7, 9, 0.5)
        assert kwargs['polyak'] == 0.25
    env, _, _, kwargs = parsed('--settings', folder, '--env', 'Ant-v2', '--seed', '0')
    assert env == 'Ant-v2' and kwargs['seed'] == 0 and kwargs['epochs'] == 9


def test_what_an_older_run_does_not_name_is_what_it_had(tmp_path):
    path = os.path.join(config_of(tmp_path, noise_sigma=0.5), 'config.json')
    config = files.read_config(os.path.dirname(path))
    had = dict(policy='learned', env_kwargs={}, noise_final_share=1., update_every=1,
               lr_decay_steps=None, target_networks=True)
    assert {*had, 'env_made_by'} == set(settings.BEFORE)
    for name in settings.BEFORE:
        del config[name]
    for name in ('norm', 'activation'):
        del config['ac_kwargs'][name]
    with open(path, 'w') as file:
        json.dump(config, file)
    kwargs = parsed('--settings', path)[3]
    assert {name: kwargs[name] for name in had} == had and kwargs['noise_sigma'] == 0.5
    assert kwargs['ac_kwargs']['norm'] == 'none' and kwargs['ac_kwargs']['activation'] is tf.nn.relu


@pytest.mark.parametrize('changes, why', [
    (dict(env=None), 'of another script'), (dict(ac_kwargs=3), 'of another script'),
    (dict(noise='missing'), 'of another script'),
    (dict(noise_end=3), 'has noise_end, which is no setting'),
    (dict(ac_kwargs=dict(skip=True)), 'has skip, which is no setting'),
    (dict(env_made_by='function'), 'one whose environment was made by a function'),
    (dict(actor_critic='mine'), 'one whose networks are made by a function mine'),
    (dict(noise='Mine', ac_kwargs=dict(activation='mine')),
     'one whose activation is a function mine, and whose noise is made by a class Mine')])
def test_a_run_that_the_command_line_cannot_make(changes, why, tmp_path):
    folder = config_of(tmp_path, **changes)
    with pytest.raises(BadSetting, match='one of default, .*or the folder of a run') as bad:
        parsed('--settings', folder)
    assert why in str(bad.value) and bad.value.name == 'settings'


def test_a_value_of_a_run_that_is_not_accepted(tmp_path):
    with pytest.raises(BadSetting, match='at least 1') as bad:
        parsed('--settings', config_of(tmp_path, batch_size=0))
    assert bad.value.name == 'batch_size'


def test_learning_rates_fall_or_not():
    assert parsed()[3]['lr_decay_steps'] == 1000000
    assert parsed('--lr-decay-steps', '2e6')[3]['lr_decay_steps'] == 2000000
    assert parsed('--lr-decay-steps', 'none')[3]['lr_decay_steps'] is None


def test_two_runs_in_one_second_do_not_share_a_folder(tmp_path, monkeypatch):
    now = [1e9]
    monkeypatch.setattr(run.time, 'strftime',
                        lambda form, strftime=time.strftime: strftime(form, time.gmtime(now[0])))
    monkeypatch.setattr(run.time, 'sleep', lambda s: now.__setitem__(0, now[0] + s))
    folders = [run.claim_run_folder(str(tmp_path), 'x', 0) for _ in range(3)]
    assert [os.path.basename(folder) for folder in folders] == [
        '2001-09-09-01-46-{}_x_s0'.format(second) for second in (40, 41, 42)]
    assert all(os.listdir(folder) == [] for folder in folders)


def test_ctrl_c_keeps_the_complete_epochs(tmp_path):
    run = subprocess.Popen(
        [sys.executable, os.path.join(HERE, 'ddpg.py'), '--env', 'Pendulum-v0', '--hid', '8',
         '--steps-per-epoch', '50', '--epochs', '20000', '--num-test-episodes', '1',
         '--data-dir', str(tmp_path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        universal_newlines=True,
        # A shell's background job ignores the signal, and its children would, too.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
    seen = ''
    while '|             Epoch |               3 |' not in seen:
        line = run.stdout.readline()
        assert line, run.communicate()[1]       # it has ended
        seen += line
    run.send_signal(signal.SIGINT)
    out, err = run.communicate(timeout=60)
    assert run.returncode == 130 and err == ''
    assert 'Interrupted' in out
    folder, = (tmp_path / 'ddpg_pendulum-v0').iterdir()
    table = np.genfromtxt(str(folder / 'progress.txt'), names=True)
    assert list(table['Epoch'][:3]) == [1, 2, 3] and np.all(np.isfinite(table['TestEpLen']))
