"""
test_own.py: docs/own.md: its examples, commands and notebook run; what ddpg() returns, and what it
leaves of itself in the process; environments with arguments, and noise of one's own.
"""
import gc
import glob
import json
import os
import random
import re
import runpy
import shlex
import signal
import subprocess
import sys
import warnings
import weakref
from types import SimpleNamespace

import gym
import matplotlib
import numpy as np
import pytest
from gym.spaces import Box
from gym.wrappers import TimeLimit

import ddpg
from docs.examples.walk import Walk
from harness import files, guard, truth
from harness import run as harness_run
from harness.quiet_tf import tf
from harness.settings import DEFAULTS, SETTINGS, BadSetting
from kit import HERE, RunFolder, only_run, refusal, run_main, tree
from noise import GaussianNoise
from spinup.utils import test_policy as player
from tools import diagnose, sweep

WALK = 'docs.examples.walk:Walk-v0'
EXAMPLES = os.path.join(HERE, 'docs', 'examples')
SCRIPTS = sorted(os.path.basename(path)[:-3] for path in glob.glob(EXAMPLES + '/*.py')
                 if not path.endswith('walk.py'))
STEPS = dict(steps_per_epoch=60, start_steps=30, update_after=40, num_test_episodes=1)
SHORT = dict(STEPS, epochs=1, threads=1, ac_kwargs=dict(hidden_sizes=(8, 8)))
FLAGS = sum((['--' + name.replace('_', '-'), str(value)] for name, value in STEPS.items()), [])


def read(*path):
    with open(os.path.join(*path), encoding='utf-8') as file:
        return file.read()


def train(folder, env=WALK, **kwargs):
    """ddpg() in a folder, short."""
    return ddpg.ddpg(env, logger_kwargs=dict(output_dir=str(folder)), **dict(SHORT, **kwargs))


@pytest.fixture
def shortened(monkeypatch, tmp_path):
    """ddpg() has few steps per epoch, whoever calls it from here on, and runs lie in tmp_path."""
    def short(env_fn, run=ddpg.ddpg, **kwargs):
        return run(env_fn, **dict(kwargs, **STEPS))

    monkeypatch.setattr(ddpg, 'ddpg', short)
    monkeypatch.setattr(sys, 'path', list(sys.path))
    (tmp_path / 'docs' / 'examples').mkdir(parents=True)
    monkeypatch.chdir(tmp_path / 'docs' / 'examples')


# ---- The page ------------------------------------------------------------------------------------

@pytest.mark.parametrize('name', SCRIPTS)
def test_an_example_runs(name, shortened, capsys):
    result = runpy.run_module('docs.examples.' + name, run_name='__main__')['result']
    assert result.table.Epoch.tolist() == [1, 2, 3, 4]
    assert re.match('It walked to|Test returns: |One more', capsys.readouterr().out.split('\n')[-2])


def test_the_page_shows_what_the_examples_have():
    page = read(HERE, 'docs', 'own.md')
    sources = [read(EXAMPLES, name + '.py') for name in SCRIPTS + ['walk']]
    blocks = re.findall(r'```python\n(.*?)```', page, re.DOTALL)
    assert len(blocks) >= 5
    for block in blocks:
        assert any(block in source for source in sources), block
    assert sorted(re.findall(r'^    python -m docs\.examples\.(\w+)$', page, re.M)) == SCRIPTS


def test_the_notebook_s_cells_run_as_a_script(shortened, capsys):
    path = os.path.join(EXAMPLES, 'notebook.ipynb')
    assert os.path.getsize(path) < 200e3
    notebook = json.loads(read(path))
    cells = [cell for cell in notebook['cells'] if cell['cell_type'] == 'code']
    # Pictures at most: text has paths of the machine.
    assert not any('text' in output for cell in cells for output in cell['outputs'])
    names, backend = {}, matplotlib.get_backend()
    try:
        matplotlib.use('Agg')
        for cell in cells:
            exec(compile(''.join(cell['source']), 'notebook.ipynb', 'exec'), names)
    finally:
        matplotlib.use(backend)
    for run in (names['ou'], names['gaussian']):
        assert len(run.table) == 4
    assert len(names['returns']) == 5 and 'Mean return of five' in capsys.readouterr().out


def commands():
    """The commands of the page that are not examples, in words, without `python` and `-m`."""
    text = read(HERE, 'docs', 'own.md').replace('\\\n', ' ')
    for line in re.findall(r'^    python (.*)$', text, re.MULTILINE):
        words = shlex.split(re.sub('^-m ', '', line))
        if not words[0].startswith('docs.'):
            yield words


def test_the_page_s_commands_run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    run, known = None, set()
    for name, *words in commands():
        known.add(name)
        if name == 'ddpg.py' and 'RUN' not in words:
            data_dir = tmp_path / str(len(known))
            assert run_main(capsys, *words, *FLAGS, '--data-dir', data_dir)[0] is None
            if '--env-kwargs' in words:
                run = only_run(data_dir)
        elif name == 'ddpg.py':
            assert run_main(capsys, *[run if word == 'RUN' else word for word in words])[0] is None
            assert len(files.read_table(run)) == 8
        elif name == 'tools.diagnose':
            code, out, err = run_main(capsys, run, '--episodes', '1', main=diagnose.main)
            assert code is None and err == ''
        elif name == 'spinup.run':
            assert words == ['test_policy', 'RUN', '--norender']
            player.main([run, '--norender', '--episodes', '1'])
        else:       # without Ray, which tests/test_sweep.py has
            assert name == 'tools.sweep'
            for each in sweep.parse_args(words + FLAGS + ['--data-dir', str(tmp_path),
                                                          '--exp-name', 'walks']).runs:
                assert sweep.train_here(each) == ('finished', '')
    assert known == {'ddpg.py', 'tools.diagnose', 'tools.sweep', 'spinup.run'}
    assert files.read_config(run)['env_kwargs'] == dict(goal=1)
    for goal, group in ((1, 'walks_envgoal1'), (-1, 'walks_envgoal-1')):
        for seed in '01':
            folder = str(tmp_path / 'walks' / group / '{}_s{}'.format(group, seed))
            assert files.read_config(folder)['env_kwargs'] == dict(goal=goal)
            assert len(files.read_table(folder)) == 4


# ---- What is returned ----------------------------------------------------------------------------

def test_the_policy_is_the_exported_one_and_outlives_the_run(tmp_path):
    result = train(tmp_path / 'a', 'Pendulum-v0')
    assert result.folder == str(tmp_path / 'a') and result.folder in repr(result)
    assert result.table.equals(files.read_table(result.folder))
    exported = player.load_tf_policy(os.path.join(result.folder, 'tf1_save'))
    other = train(tmp_path / 'b', 'Pendulum-v0', seed=1)
    observations = np.random.RandomState(0).randn(20, 3)
    for o in observations:
        a = result.policy(o)
        np.testing.assert_array_equal(a, exported(np.float32(o)))
        assert a.shape == (1,) and a.dtype == np.float32
        assert not np.array_equal(a, other.policy(o))
    result.policy.close()
    other.policy(observations[0])
    with pytest.raises(Exception, match='[Cc]losed'):
        result.policy(observations[0])


def test_a_session_of_another_kind_before_it_changes_no_bit(tmp_path):
    ddpg.ddpg('Pendulum-v0', logger_kwargs=dict(output_dir=str(tmp_path / 'plain')), **dict(
        SHORT, ac_kwargs=dict(hidden_sizes=(300, 200))))
    code = ('import ddpg, tensorflow as tf; tf.compat.v1.Session(); ddpg.ddpg("Pendulum-v0", '
            'logger_kwargs=dict(output_dir="after"), **{!r})'.format(
                dict(SHORT, ac_kwargs=dict(hidden_sizes=(300, 200)))))
    subprocess.run([sys.executable, '-c', code], cwd=str(tmp_path), check=True,
                   stdout=subprocess.DEVNULL, env=dict(os.environ, PYTHONPATH=HERE))
    RunFolder(str(tmp_path / 'after')).assert_same_as(RunFolder(str(tmp_path / 'plain')))


def test_a_run_that_is_too_short_to_learn_says_so(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(truth, 'STATES', 2)
    monkeypatch.setattr(truth, 'ROLLOUTS', 2)
    settings = dict(epochs=1, steps_per_epoch=45, start_steps=45, update_after=31, update_every=20)
    for name, own, warnings in (('a', {}, 1), ('b', dict(update_after=41), 2),
                                ('c', dict(start_steps=44), 0), ('d', dict(policy='random'), 0)):
        ddpg.ddpg('Pendulum-v0', threads=1, num_test_episodes=1, max_ep_len=5, batch_size=4,
                  ac_kwargs=dict(hidden_sizes=(4,), action_layer=1),
                  logger_kwargs=dict(output_dir=str(tmp_path / name)), **dict(settings, **own))
        out = capsys.readouterr().out
        assert out.count('Warning') == warnings, out
        assert ('all actions will be random: start_steps is 45, and the run has 45' in out) == (
            warnings > 0)
        assert ('nothing will be learnt: the first update is at step 60, by ' in out) == (
            warnings > 1)


@pytest.mark.parametrize('settings, said', [
    ({}, []), (SETTINGS['notes'], []), (SETTINGS['spinningup'], []),
    (dict(noise_theta=0.3), ["noise_theta=0.3 has no meaning without noise='ou'."]),
    (dict(noise='ou', noise_theta=0.3, noise_dt=0.5), []),
    (dict(noise=GaussianNoise, noise_dt=0.5), ["noise_dt=0.5 has no meaning without noise='ou'."]),
    (dict(noise_anneal_steps=50),
     ['noise_anneal_steps=50 has no meaning without a noise_final_share other than 1.']),
    (dict(noise_anneal_steps=50, noise_final_share=0.5), []),
    (dict(decay_kind='l2', weight_decay=0.),
     ['decay_kind=l2 has no meaning without a weight_decay above 0.']),
])
def test_a_setting_without_meaning_says_so(settings, said):
    given = dict(DEFAULTS, **settings)
    assert harness_run.unlikely_settings(SimpleNamespace(**given)) == said


def test_named_settings_and_that_polyak_is_tau(tmp_path, capsys):
    result = ddpg.ddpg(WALK, logger_kwargs=dict(output_dir=str(tmp_path)), **dict(
        SETTINGS['td3'], epochs=1, threads=1, polyak=0.995, **STEPS))
    assert "Spinning Up's 0.995 is 0.005 here" in capsys.readouterr().out
    config = files.read_config(result.folder)
    assert (config['pi_lr'], config['ac_kwargs']['init']) == (1e-3, 'torch')


class Whole(gym.Env):
    """Whole-number actions."""
    observation_space, action_space = Walk().observation_space, Box(-2, 5, (2,), np.int32)

    def reset(self):
        return np.ones(1)

    def step(self, a):
        return np.ones(1), 0., False, {}


@pytest.mark.parametrize('policy', ['learned', 'random'])
def test_actions_are_legal(policy, tmp_path, few_states):
    act = train(tmp_path / 'run', Whole, policy=policy, gamma=0.5, max_ep_len=20).policy
    actions = np.array([act(o) for o in np.linspace(-100, 100, 50)[:, None]])
    assert actions.dtype == np.int32 and actions.shape == (50, 2)
    assert actions.min() >= -2 and actions.max() <= 5
    assert policy == 'learned' or len(np.unique(actions)) == 8
    act.close()


def test_other_observations_are_refused(tmp_path):
    policy = train(tmp_path / 'run').policy
    for o in ([0., 0.], 0., [[0.]], [np.nan], [np.inf]):
        with pytest.raises(ValueError, match=r'expected a finite one of shape \(1,\)'):
            policy(o)


def test_a_run_that_has_finished_gives_its_result_again(tmp_path, capsys):
    first = train(tmp_path / 'run', seed=3)
    before = tree(str(tmp_path))
    again = train(tmp_path / 'run', seed=3, resume=first.folder)
    assert 'has finished its 1 epochs' in capsys.readouterr().out
    assert tree(str(tmp_path)) == before
    assert again.folder == first.folder and again.table.equals(first.table)
    for o in ([-1.], [0.5]):
        np.testing.assert_array_equal(again.policy(o), first.policy(o))


def test_what_trained_is_given_back_while_the_result_is_held(tmp_path, monkeypatch):
    made = []

    class Seen(harness_run.Agent):
        def __init__(self, *args):
            super().__init__(*args)
            made.extend([weakref.ref(self), weakref.ref(self.sess), weakref.ref(self.graph.x)])

    class SeenEnv(Walk):
        def __init__(self):
            super().__init__()
            made.append(weakref.ref(self))

    monkeypatch.setattr(harness_run, 'Agent', Seen)
    result = train(tmp_path / 'run', SeenEnv)
    gc.collect()
    assert len(made) == 5 and [each() for each in made] == [None] * 5
    assert result.policy([0.]).shape == (1,)


# ---- What is left in the process -----------------------------------------------------------------

def surroundings():
    """What of the process code beside a run may depend on."""
    return dict(
        handlers=[signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)],
        random=random.getstate(), numpy=repr(np.random.get_state(legacy=False)),
        filters=list(warnings.filters), graph=tf.get_default_graph(),
        operations=len(tf.get_default_graph().get_operations()), environ=dict(os.environ),
        envs=sorted(gym.envs.registry.env_specs), gym_level=gym.logger.MIN_LEVEL,
        tf_level=tf.compat.v1.logging.get_verbosity(), streams=(sys.stdout, sys.stderr),
        folder=os.getcwd(), backend=matplotlib.get_backend())


class Failing(Walk):
    def step(self, a):
        raise RuntimeError('no more')


def test_the_process_is_as_it_was(tmp_path):
    random.seed(7)
    np.random.seed(7)
    np.random.randn()                   # which holds back a second draw
    before = surroundings()
    train(tmp_path / 'a', seed=3)
    assert surroundings() == before
    with pytest.raises(guard.EnvironmentFault):
        train(tmp_path / 'b', Failing)
    assert surroundings() == before
    with pytest.raises(BadSetting):
        train(tmp_path / 'c', gym.make('Pendulum-v0'))
    assert surroundings() == before


class Global(Walk):
    """Draws from the global streams."""

    def reset(self):
        self.x = np.random.uniform(-3, 3, 1) + random.random()
        return self.x


def test_two_calls_give_the_same_bits_whatever_was_drawn_before(tmp_path):
    for name in 'ab':
        train(tmp_path / name, Global, epochs=2, max_ep_len=20)
        np.random.rand(5)
        random.random()
    train(tmp_path / 'c', Global, epochs=2, max_ep_len=20, seed=1)
    a, b, c = (RunFolder(str(tmp_path / name)) for name in 'abc')
    a.assert_same_as(b)
    assert a.columns['AverageEpRet'] != c.columns['AverageEpRet']


def test_a_handler_that_python_cannot_give_back_is_not_taken(monkeypatch):
    taken, real = [], signal.signal
    monkeypatch.setattr(signal, 'getsignal', lambda s, get=signal.getsignal:
                        None if s == signal.SIGTERM else get(s))
    monkeypatch.setattr(signal, 'signal', lambda s, handler: taken.append(s) or real(s, handler))
    with guard.noting_signals():
        assert signal.SIGINT in taken
    assert signal.SIGTERM not in taken


def test_a_notebook_without_widgets_is_quiet():
    code = ('import sys, types\n'
            'kernel = types.SimpleNamespace(config={"IPKernelApp": 1})\n'
            'sys.modules["IPython"] = types.SimpleNamespace(get_ipython=lambda: kernel)\n'
            'sys.modules["ipywidgets"] = None\n'
            'import ddpg\n'
            'assert "tqdm.notebook" in sys.modules and "matplotlib" not in sys.modules')
    done = subprocess.run([sys.executable, '-c', code], cwd=HERE, check=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.stdout == b''


# ---- Arguments of an environment -----------------------------------------------------------------

def test_arguments_of_an_environment_go_everywhere(tmp_path, capsys):
    flags = ['--env', WALK, '--hid', '8', '8', '--epochs', '1'] + FLAGS
    assert run_main(capsys, *flags, '--env-kwargs', '{"goal": 2.5}', '--data-dir',
                    tmp_path / 'a')[0] is None
    run = only_run(tmp_path / 'a')
    config = files.read_config(run)
    assert config['env_kwargs'] == dict(goal=2.5)
    env, _ = player.load_policy_and_env(run)
    assert env.unwrapped.goal == 2.5
    with diagnose.contextlib.ExitStack() as stack:
        assert diagnose.make_run_env(run, config, stack).unwrapped.goal == 2.5
    line = refusal(capsys, '--resume', run, '--epochs', '2', '--env-kwargs', '{"goal": 0}')
    assert '--env-kwargs {"goal": 0}: expected {"goal": 2.5}, as the run that is resumed' in line
    assert run_main(capsys, '--resume', run, '--epochs', '2')[0] is None
    # The same from Python, in one go, by the name, by its text, and by the class.
    for name, made in dict(b=dict(env=WALK, env_kwargs=dict(goal=2.5)),
                           c=dict(env=WALK, env_kwargs='{"goal": 2.5}'),
                           d=dict(env=limited, env_kwargs=dict(goal=2.5))).items():
        train(tmp_path / name, epochs=2, **made)
        RunFolder(run).assert_same_as(RunFolder(str(tmp_path / name)))
    train(tmp_path / 'e', epochs=2)
    assert (RunFolder(run).columns['AverageEpRet']
            != RunFolder(str(tmp_path / 'e')).columns['AverageEpRet'])
    assert files.read_config(str(tmp_path / 'e'))['env_kwargs'] == {}


def limited(goal):
    return TimeLimit(Walk(goal), 50)


@pytest.mark.parametrize('text', ['', '3', '[1]', 'null', '{', '{"goal": NaN}', '{"goal": 1e999}',
                                  '{goal: 1}', '[' * 50000])
def test_what_is_no_json_object_is_refused(text, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for main, prog in ((ddpg.main, 'ddpg.py'), (sweep.main, 'tools.sweep')):
        line = refusal(capsys, '--env', WALK, '--env-kwargs', text, main=main, prog=prog)
        assert '--env-kwargs {}: expected a JSON object'.format(text) in line


@pytest.mark.parametrize('kwargs', [dict(gaol=1), dict(goal=1, name=2), dict(id=1), dict(path=1)])
def test_arguments_that_an_environment_does_not_take_are_named(kwargs, capsys, tmp_path,
                                                               monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = json.dumps(kwargs)
    for main, prog in ((ddpg.main, 'ddpg.py'), (sweep.main, 'tools.sweep')):
        line = refusal(capsys, '--env', WALK, '--env-kwargs', text, main=main, prog=prog)
        assert '--env-kwargs {}: expected keyword arguments that {} can be made with; it raises ' \
            'TypeError'.format(text, WALK) in line


@pytest.mark.parametrize('value', [dict(goal=np.zeros(2)), dict(goal=object()), [1], None, 3,
                                   dict(goal=np.nan), {1: 2}, dict(goal=[{2: 'a'}])])
def test_from_python_it_is_what_json_can_say(value, tmp_path):
    with pytest.raises(BadSetting, match='env_kwargs=.*: expected a JSON object'):
        train(tmp_path / 'run', env_kwargs=value)
    assert not (tmp_path / 'run').exists()


def test_what_json_cannot_end_is_refused(tmp_path):
    endless, deep = {}, {}
    endless['inner'] = endless
    for _ in range(100000):
        deep = dict(inner=deep)
    for value in (endless, deep, {(1, 2): 3}):
        with pytest.raises(BadSetting, match='env_kwargs=a dict: expected a JSON object'):
            train(tmp_path / 'run', env_kwargs=value)


def test_from_python_arguments_that_are_not_taken_are_named(tmp_path):
    with pytest.raises(BadSetting, match='env_kwargs=.*gaol.*: expected keyword arguments that '
                                         'env_fn takes; it raises TypeError'):
        train(tmp_path / 'run', Walk, env_kwargs=dict(gaol=1))
    assert not (tmp_path / 'run').exists()


def test_what_cannot_make_a_script_s_own_environment_is_not_advised(tmp_path, capsys):
    class Own(Walk):
        __module__ = '__main__'

    for env, makes_it in ((Own, False), (lambda: TimeLimit(Own(), 50), False), (Walk, True)):
        result = train(tmp_path / str(env), env)
        out = capsys.readouterr().out
        assert 'spinup.run plot' in out and 'resume={!r}'.format(result.folder) in out
        assert ('test_policy' in out) == ('tools.diagnose' in out) == makes_it


# ---- Noise of one's own, and what goes on from Python only ---------------------------------------

class Counted(GaussianNoise):
    """Says what it was asked for; its draws grow, so that a state that is lost shows."""
    sigmas = []

    def __init__(self, scale, sigma, seed):
        super().__init__(scale, sigma, seed=seed)
        self.count = 0

    def __call__(self):
        self.sigmas.append(self.sigma)
        self.count += 1
        return super().__call__() * self.count / 10

    def get_state(self):
        return dict(super().get_state(), count=self.count)

    def set_state(self, state):
        super().set_state(state)
        self.count = state['count']


def other(scale, sigma, seed):
    return Counted(scale, sigma, seed)


def test_noise_of_one_s_own_falls_and_goes_on_to_the_bit(tmp_path, capsys):
    Counted.sigmas = []
    settings = dict(noise=Counted, noise_sigma=0.8, noise_final_share=0.5, noise_anneal_steps=100)
    whole = train(tmp_path / 'whole', epochs=2, **settings)
    assert len(Counted.sigmas) == 1 + 90 and Counted.sigmas[-1] == 0.4     # one, to be checked
    assert Counted.sigmas[1] == pytest.approx(0.8 * (1 - 0.5 * 31 / 100))
    assert files.read_config(whole.folder)['noise'] == 'Counted'

    part = train(tmp_path / 'part', **settings)
    out = capsys.readouterr().out
    assert 'ddpg(noise=Counted, ..., resume={!r}, epochs=2)'.format(part.folder) in out
    line = refusal(capsys, '--resume', part.folder, '--epochs', '2')
    assert 'its noise is made by a class Counted; go on from Python: ddpg(noise=Counted,' in line
    with pytest.raises(BadSetting, match='noise=other: expected Counted, as the run'):
        train(tmp_path / 'part', resume=part.folder, epochs=2, **dict(settings, noise=other))
    train(tmp_path / 'part', resume=part.folder, epochs=2, **settings)
    RunFolder(part.folder).assert_same_as(RunFolder(whole.folder))

    assert np.isnan(diagnose.diagnose(part.folder, episodes=1).numbers['exploration'])


def test_a_new_name_stays_when_a_run_goes_on(tmp_path):
    folder = str(tmp_path / 'run')
    for epochs, known, name in ((1, dict(exp_name='a'), 'a'), (2, dict(exp_name='b'), 'b'),
                                (3, {}, 'b')):
        ddpg.ddpg(WALK, resume=folder if epochs > 1 else None,
                  logger_kwargs=dict(known, output_dir=folder), **dict(SHORT, epochs=epochs))
        assert files.read_config(folder)['exp_name'] == name


def test_noise_that_is_no_process_is_found_before_anything_is_written(tmp_path):
    class Wide(GaussianNoise):
        def __call__(self):
            return np.zeros(3)

    class Unsaved(GaussianNoise):
        def get_state(self):
            return dict(rng=self.rng)

    class Tuples(GaussianNoise):
        """Its state comes back from a file as lists."""
        def get_state(self):
            return dict(py=random.Random(0).getstate())

        def set_state(self, state):
            random.Random().setstate(state['py'])

    for wrong, why in ((lambda scale, sigma, seed: np.zeros(1), 'raises AttributeError: '),
                       (Tuples, 'raises TypeError: state vector must be a tuple'),
                       (GaussianNoise.reset, 'raises TypeError: '), (Unsaved, 'raises TypeError: '),
                       (Wide, r'gives one of shape \(3,\)$')):
        with pytest.raises(BadSetting, match=(
                r'noise=.*: expected a class like those of noise\.py, which gives an array of '
                r'shape \(1,\); it ' + why)):
            train(tmp_path / 'run', noise=wrong)
    for no_class, shown in (('pink', 'pink'), (GaussianNoise(np.ones(1)), r'GaussianNoise\(.*\)')):
        with pytest.raises(BadSetting, match='noise={}: expected one of ou, gaussian, or from '
                                             'Python a class$'.format(shown)):
            train(tmp_path / 'run', noise=no_class)
    assert not (tmp_path / 'run').exists()


def test_noise_that_is_nan_is_not_sent(tmp_path, capsys):
    class Broken(GaussianNoise):
        def __call__(self):
            return np.nan * super().__call__()

    with pytest.raises(guard.NotFinite, match=r'an action to be sent is not a number: \[nan'):
        train(tmp_path / 'run', noise=Broken)
    assert 'from the last checkpoint: ddpg(noise=Broken, ...' in capsys.readouterr().out


def softer(x):
    return tf.nn.softplus(x) / 2


def test_all_that_is_one_s_own_is_named(tmp_path, capsys):
    result = train(tmp_path / 'run', Walk, noise=Counted, max_ep_len=20,
                   ac_kwargs=dict(hidden_sizes=(8, 8), activation=softer))
    capsys.readouterr()
    line = refusal(capsys, '--resume', result.folder, '--epochs', '2')
    assert ('its environment was made by a function, its activation is a function softer, its '
            'noise is made by a class Counted; go on from Python: ddpg(that function, '
            'ac_kwargs=..., noise=Counted, ..., resume=') in line
