"""
test_spinup.py: the files and tables of our `spinup` are Spinning Up's, and its plotter and player
work without a display. (It is not in the package, with which it would be installed.)
"""
import contextlib
import importlib
import io
import json
import os
import pickle
import re
import shutil
import signal
import subprocess
import sys
import weakref
from concurrent import futures

import gym
import imageio
import joblib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from gym.wrappers import RescaleAction, TimeLimit
from PIL import Image, ImageSequence

import ddpg
from kit import spinup_command
from spinup import run, user_config
from spinup.utils import command, logx, plot, run_utils, serialization_utils, test_policy, video


# ---- Logger -------------------------------------------------------------------------------------

def test_the_table_on_the_screen_and_in_the_file(tmp_path, capsys):
    logger = logx.EpochLogger(str(tmp_path / 'run'), exp_name='x')
    capsys.readouterr()
    for epoch in (1, 2):
        logger.store(Ret=1.0, Q=np.float32([1, 2]))
        logger.store(Ret=2.5, Q=np.float32([6, 7]))
        logger.log_tabular('Epoch', epoch)
        logger.log_tabular('Ret', with_min_and_max=True)
        logger.log_tabular('Q', average_only=True)
        logger.log_tabular('AVeryLongColumnName', 123456.789)
        logger.log_tabular('Text', 'none')
        logger.dump_tabular()
    out = capsys.readouterr().out.split('\n')
    assert out[0] == '-' * (22 + 19) and out[9] == out[0]
    assert out[1] == '| ' + 'Epoch'.rjust(19) + ' | ' + '1'.rjust(15) + ' |'
    assert out[2] == '|          AverageRet |            1.75 |'
    assert out[7] == '| AVeryLongColumnName |        1.23e+05 |'
    assert out[8] == '|                Text |            none |'
    lines = (tmp_path / 'run' / 'progress.txt').read_text().split('\n')
    assert lines == ['Epoch\tAverageRet\tStdRet\tMaxRet\tMinRet\tQ\tAVeryLongColumnName\tText',
                     '1\t1.75\t0.75\t2.5\t1.0\t4.0\t123456.789\tnone',
                     '2\t1.75\t0.75\t2.5\t1.0\t4.0\t123456.789\tnone', '']


def test_a_screen_that_cannot_be_written_costs_no_row(tmp_path):
    logger = logx.Logger(str(tmp_path))
    for row in (1, 2, 3):
        logger.log_current_row.clear()
        logger.log_tabular('A', row)
        with open('/dev/full' if row < 3 else os.devnull, 'w') as screen:
            with contextlib.redirect_stdout(screen), contextlib.suppress(OSError):
                logger.dump_tabular()
            with contextlib.suppress(OSError):
                screen.close()
    assert (tmp_path / 'progress.txt').read_text() == 'A\n1\n2\n3\n'


def test_columns_are_fixed_by_the_first_row(tmp_path):
    logger = logx.EpochLogger(str(tmp_path))
    logger.log_tabular('A', 1)
    with pytest.raises(AssertionError, match='already set A'):
        logger.log_tabular('A', 1)
    logger.log_tabular('B', 0)
    logger.dump_tabular()
    with pytest.raises(AssertionError, match='introduce a new key C'):
        logger.log_tabular('C', 1)
    logger.log_tabular('B', 2)
    logger.dump_tabular()
    assert (tmp_path / 'progress.txt').read_text() == 'A\tB\n1\t0\n\t2\n'


def test_epoch_statistics(tmp_path):
    logger = logx.EpochLogger(str(tmp_path))
    with pytest.raises(KeyError):
        logger.log_tabular('V')
    logger.store(V=1, W=2)
    logger.store(V=4)
    assert logger.get_stats('V') == (2.5, 1.5)
    logger.log_tabular('V')
    assert logger.log_current_row == dict(AverageV=2.5, StdV=1.5)
    logger.log_tabular('W', 5)              # the values that were stored of W go, too
    assert logger.epoch_dict['W'] == []
    with pytest.raises(IndexError):
        logger.get_stats('V')
    logger.store(V=np.nan)
    logger.dump_tabular()
    logger.log_tabular('V')
    assert np.isnan(logger.log_current_row['AverageV'])


def test_a_folder_with_something_in_it_is_warned_of(tmp_path, capsys):
    logx.Logger(str(tmp_path))
    assert 'Warning' not in capsys.readouterr().out
    logx.Logger(str(tmp_path))
    assert 'Warning: Log dir {} already exists!'.format(tmp_path) in capsys.readouterr().out


def test_config_json(tmp_path, capsys):
    class Thing:
        def __init__(self):
            self.size = (1, 2)

    config = dict(b=1, a=(1, np.float32), f=lambda: 0, relu=tf.nn.relu, thing=Thing(), n=None)
    logx.Logger(str(tmp_path), exp_name='name').save_config(config)
    text = (tmp_path / 'config.json').read_text()
    assert text.startswith('{\n    "a":\t[\n        1,\n        "float32"\n    ],\n    "b":\t1,\n')
    read = json.loads(text)
    assert read['exp_name'] == 'name' and read['relu'] == 'relu' and read['n'] is None
    assert 'lambda' in read['f'] and list(read['thing'].values()) == [{'size': [1, 2]}]
    assert text in capsys.readouterr().out
    assert 'exp_name' not in config


def test_a_config_json_that_cannot_be_written_stays_as_it_was(tmp_path, monkeypatch):
    logger = logx.Logger(str(tmp_path))
    logger.save_config(dict(a=1))
    before = (tmp_path / 'config.json').read_text()

    def disk_full(path, mode):
        with open(path, mode) as file:
            file.write('half')
        raise OSError('No space left on device')

    monkeypatch.setattr(logx, 'open', disk_full, raising=False)
    with pytest.raises(OSError):
        logger.save_config(dict(a=2))
    assert (tmp_path / 'config.json').read_text() == before


class Node:
    """Refers to others of its kind."""

    def __init__(self, **attributes):
        self.__dict__.update(attributes)


def test_config_json_of_what_refers_to_itself(tmp_path):
    wheel, cart, box, row = Node(size=2), Node(), {'depth': np.float32}, [object]
    wheel.cart, cart.wheel = cart, wheel
    box['inside'], box['row'] = box, row
    row.append([row, box])
    logx.Logger(str(tmp_path)).save_config(dict(wheel=wheel, again=wheel, box=box))
    read = json.loads((tmp_path / 'config.json').read_text())
    # An object's attributes are where it comes first, by its name; elsewhere its name stands.
    assert read['wheel'] == {str(wheel): {'size': 2, 'cart': {str(cart): {'wheel': str(wheel)}}}}
    assert read['again'] == str(wheel)
    assert read['box'] == {'depth': 'float32', 'inside': '<dict>',
                           'row': ['object', ['<list>', '<dict>']]}


def test_config_json_of_large_and_of_nasty_objects():
    # All refer to all others: there are 30! ways through them. And a chain of a thousand.
    crowd = [Node() for _ in range(30)]
    for one in crowd:
        one.others = crowd
    chain = Node()
    for _ in range(1000):
        chain = Node(next=chain)

    class Endless:
        def __init__(self):
            self.size = 1

        def __str__(self):
            return 'no end: {}'.format(self)

    text = json.dumps(serialization_utils.convert_json([crowd, chain, Endless()]), indent=4)
    assert len(text) < 1e5 and '<Endless>' in text
    assert serialization_utils.convert_json({1: 'a', 'b': 2}) == {'1': 'a', 'b': 2}


def test_a_logger_can_be_closed(tmp_path):
    before, files = len(os.listdir('/proc/self/fd')), []
    for i in range(3):
        logger = logx.EpochLogger(str(tmp_path / str(i)))
        logger.log_tabular('A', i)
        logger.dump_tabular()
        files.append(weakref.ref(logger.output_file))
        logger.close()
        logger.close()
    del logger
    assert len(os.listdir('/proc/self/fd')) == before
    assert [file() for file in files] == [None] * 3         # nor does atexit hold them
    assert (tmp_path / '2' / 'progress.txt').read_text() == 'A\n2\n'


def test_colors_are_for_terminals(tmp_path, monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    def said(out):
        monkeypatch.setattr(sys, 'stdout', out)
        logger = logx.Logger(str(tmp_path))
        logger.log('one', 'red')
        logger.save_config({})
        logger.close()
        return out.getvalue()

    monkeypatch.delenv('NO_COLOR', raising=False)
    assert '\x1b[31;1mone\x1b[0m' in said(Terminal()) and said(Terminal()).count('\x1b') == 6
    assert '\x1b' not in said(io.StringIO())
    monkeypatch.setenv('NO_COLOR', '1')
    assert '\x1b' not in said(Terminal())


def test_setup_logger_kwargs(tmp_path):
    def folder(*args, **kwargs):
        made = run_utils.setup_logger_kwargs('e', *args, **kwargs)
        assert made['exp_name'] == 'e'
        return made['output_dir']

    assert folder(data_dir='d') == 'd/e' and folder(3, data_dir='d') == 'd/e/e_s3'
    assert folder() == os.path.join(user_config.DEFAULT_DATA_DIR, 'e')
    day = r'\d{4}-\d\d-\d\d'
    assert re.fullmatch('d/' + day + '_e', folder(data_dir='d', datestamp=True))
    assert re.fullmatch('d/{0}_e/{0}_{1}-e_s0'.format(day, r'\d\d-\d\d-\d\d'),
                        folder(0, 'd', datestamp=True))
    assert not os.path.exists('d')


# ---- Export and player --------------------------------------------------------------------------

@pytest.fixture(scope='module')
def cheetah(tmp_path_factory):
    """The folder of a short HalfCheetah-v2 run."""
    folder = str(tmp_path_factory.mktemp('out') / 'ddpg_halfcheetah-v2')
    ddpg.ddpg(lambda: gym.make('HalfCheetah-v2'), epochs=2, steps_per_epoch=60, start_steps=20,
              update_after=30, num_test_episodes=1, max_ep_len=25,
              ac_kwargs=dict(hidden_sizes=(16, 16)),
              logger_kwargs=dict(output_dir=os.path.join(folder, 'run'), exp_name='cheetah'))
    return os.path.join(folder, 'run')


def test_the_export_is_what_players_read(cheetah):
    folder = os.path.join(cheetah, 'tf1_save')
    info = joblib.load(os.path.join(folder, 'model_info.pkl'))
    assert {key: set(names) for key, names in info.items()} == {
        'inputs': {'x', 'a'}, 'outputs': {'pi', 'q'}}
    with tf.Graph().as_default(), tf.Session() as sess:
        model = logx.restore_tf_graph(sess, folder)
        assert set(model) == {'x', 'a', 'pi', 'q'}
        # 'pi' depends on 'x' alone, and there are neither targets nor optimiser slots.
        x = np.random.RandomState(0).randn(3, 17)
        assert sess.run(model['pi'], {model['x']: x}).shape == (3, 6)
        assert len(tf.global_variables()) == 12
    assert not [name for name in os.listdir(cheetah) if 'partial' in name or 'old' in name]


def test_saving_again_replaces_and_adds_no_operations(tmp_path):
    logger = logx.EpochLogger(str(tmp_path))
    with tf.Graph().as_default() as graph, tf.Session() as sess:
        x = tf.placeholder(tf.float32, (None, 1))
        w = tf.get_variable('w', initializer=1.0)
        logger.setup_tf_saver(sess, {'x': x}, {'pi': w * x})
        assign = w.assign(2.0)
        sess.run(w.initializer)
        logger.save_state({'env': 1}, None)
        size = len(graph.get_operations())
        sess.run(assign)
        logger.save_state({'env': lambda: 0}, None)      # cannot be pickled: told, and skipped
        logger.save_state({'env': 3}, 7)
        assert len(graph.get_operations()) == size
    _, get_action = test_policy.load_policy_and_env(str(tmp_path), '')
    assert get_action([3.0]) == [6.0]
    assert joblib.load(str(tmp_path / 'vars.pkl')) == {'env': 1}
    env, _ = test_policy.load_policy_and_env(str(tmp_path))         # the numbered one is the last
    assert env == 3
    assert sorted(os.listdir(str(tmp_path))) == [
        'progress.txt', 'tf1_save', 'tf1_save7', 'vars.pkl', 'vars7.pkl']


def test_an_export_that_is_a_link_and_leftovers_of_any_kind_are_replaced(tmp_path):
    logger = logx.EpochLogger(str(tmp_path))
    (tmp_path / 'elsewhere').mkdir()
    (tmp_path / 'tf1_save').symlink_to(tmp_path / 'elsewhere')
    (tmp_path / 'export.partial').write_text('a file')
    with tf.Graph().as_default(), tf.Session() as sess:
        x = tf.placeholder(tf.float32, (None, 1))
        w = tf.get_variable('w', initializer=1.0)
        sess.run(w.initializer)
        logger.setup_tf_saver(sess, {'x': x}, {'pi': w * x})
        for _ in range(2):
            logger.save_state({'env': 1})
    assert not (tmp_path / 'tf1_save').is_symlink() and not os.listdir(str(tmp_path / 'elsewhere'))
    assert sorted(os.listdir(str(tmp_path))) == [
        'elsewhere', 'progress.txt', 'tf1_save', 'vars.pkl']


def test_the_package_has_the_loggers():
    from spinup import EpochLogger, Logger
    assert (EpochLogger, Logger) == (logx.EpochLogger, logx.Logger)
    with pytest.raises(ImportError):
        from spinup import sac


def test_the_last_export_is_the_one_of_the_largest_number(tmp_path):
    for number in (9, 10):
        (tmp_path / 'tf1_save{}'.format(number)).mkdir()
    assert test_policy.number_of_save(str(tmp_path)) == 10


def test_a_stochastic_policy_s_own_deterministic_action(tmp_path):
    logger = logx.EpochLogger(str(tmp_path))
    with tf.Graph().as_default(), tf.Session() as sess:
        x = tf.placeholder(tf.float32, (None, 1))
        w = tf.get_variable('w', initializer=1.0)
        sess.run(w.initializer)
        logger.setup_tf_saver(sess, {'x': x}, {'pi': w * x, 'mu': 2 * w * x})      # as SAC has
        logger.save_state({'env': None})
    for deterministic, a in ((False, 3.0), (True, 6.0)):
        get_action = test_policy.load_tf_policy(str(tmp_path / 'tf1_save'), deterministic)
        assert get_action([3.0]) == [a]


def test_a_fault_while_exporting_keeps_the_last_export(tmp_path, monkeypatch):
    logger = logx.EpochLogger(str(tmp_path))
    with tf.Graph().as_default(), tf.Session() as sess:
        x = tf.placeholder(tf.float32, (None, 1))
        w = tf.get_variable('w', initializer=1.0)
        sess.run(w.initializer)
        logger.setup_tf_saver(sess, {'x': x}, {'pi': w * x})
        logger.save_state({'env': None})

        def disk_full(value, path):
            raise OSError('No space left on device')
        monkeypatch.setattr(logx.joblib, 'dump', disk_full)
        with pytest.raises(OSError):
            logger.save_state({'env': None})
        os.rename(str(tmp_path / 'tf1_save'), str(tmp_path / 'export.old'))     # killed just there
        with pytest.raises(OSError):
            logger._tf_simple_save(str(tmp_path / 'tf1_save'))
    _, get_action = test_policy.load_policy_and_env(str(tmp_path))
    assert get_action([3.0]) == [3.0]


def test_the_player_plays_and_records(cheetah, tmp_path):
    for video in ('cheetah.gif', 'cheetah.mp4'):
        video = str(tmp_path / video)
        done = spinup_command('test_policy', cheetah, '--len', '12', '--video', video, '-i', '-3')
        assert done.returncode == 0, done.stderr
        assert 'Episode 0 \t EpRet' in done.stdout and 'AverageEpRet' in done.stdout
        frames = imageio.mimread(video)
        assert len(frames) == 12 and frames[0].shape[:2] == (500, 500)
        assert np.std(frames[0]) > 10 and not np.array_equal(frames[0], frames[-1])


def test_the_player_without_a_display(cheetah):
    done = spinup_command('test_policy', cheetah, '-n', '2', '-l', '5')
    assert done.returncode == 0 and 'No display' in done.stdout
    assert done.stdout.count('EpLen 5') == 2
    done = spinup_command('test_policy', cheetah, '-nr', '-n', '1', '-l', '1')
    assert 'No display' not in done.stdout


@pytest.mark.parametrize('words, told', [
    (['test_policy', 'nowhere'], 'nowhere'), (['test_policy', '.', '-n', '0'], '--episodes 0'),
    (['test_policy', '.', '--video', 'x.avi'], 'x.avi'), (['plot', 'nowhere'], 'nowhere'),
    (['plot', '.', '--est', 'best'], '--est'), (['test_policy'], 'fpath'),
    (['train'], 'train'), (['test_policy', '.', '--len', '-1'], '--len -1'),
    (['test_policy', '.', '--video', 'nowhere/x.gif'], 'nowhere/x.gif'),
    (['test_policy', 'broken'], 'tf1_save: cannot be loaded'),
    (['test_policy', 'broken', '-i', '3'], 'tf1_save3'),
    (['plot', '.', '-y'], '--value'), (['plot', '.', '--smooth', '0'], '--smooth 0'),
    (['plot', '.', '--smooth', '-3'], '--smooth -3'), (['plot', '.', '-s', 'much'], 'much'),
    (['plot', '.', '--legend', 'a', 'b'], '--legend'), (['plot', '.'], 'progress.txt'),
    (['plot', '.', '--exclude', '.'], '--exclude')])
def test_the_tools_tell_bad_input_in_one_line(words, told, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'broken' / 'tf1_save').mkdir(parents=True)
    (tmp_path / 'broken' / 'tf1_save' / 'saved_model.pb').write_bytes(b'cut')
    monkeypatch.setattr(sys, 'argv', ['run.py'] + words)
    with pytest.raises(SystemExit) as end:
        run.main()
    err = capsys.readouterr().err
    assert end.value.code == 2 and err.count('\n') == 1 and told in err
    with pytest.raises(SystemExit) as end:
        run.main(words)
    assert end.value.code == 2 and capsys.readouterr().err == err


TOYS = '''
import threading
import gym
import numpy as np
from gym.envs.registration import register

CONNECTIONS = set()


class Toy(gym.Env):
    """Observation (1,): 1. Reward: the action. It ends by its time limit alone."""
    observation_space = gym.spaces.Box(-1, 1, (1,), np.float32)
    action_space = gym.spaces.Box(-10, 10, (1,), np.float32)
    metadata = {'render.modes': ['rgb_array'], 'video.frames_per_second': 20}

    def __init__(self, bonus=0., frame=None):
        self.bonus, self.frame = bonus, frame

    def reset(self):
        return np.ones(1, np.float32)

    def step(self, a):
        return np.ones(1, np.float32), a[0] + self.bonus, False, {}

    def render(self, mode='human'):
        return self.frame


class Locked(Toy):
    """It cannot be pickled."""
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.lock = threading.Lock()


class Connected(Toy):
    """It can be pickled, but its connection is one of this process and object."""
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.connection = object()
        CONNECTIONS.add(self.connection)

    def step(self, a):
        if self.connection not in CONNECTIONS:
            raise RuntimeError('Not connected.\\nTry again.')
        return super().step(a)


class New(Toy):
    """Gymnasium's interface. The end of its task comes after `last` steps."""
    metadata = {'render_modes': ['rgb_array'], 'render_fps': 10}
    render_mode = 'rgb_array'

    def __init__(self, last=None, limit=None):
        super().__init__()
        self.last, self.limit = last, limit

    def reset(self, seed=None, options=None):
        self.steps = 0
        return np.ones(1, np.float32), {'info': 0}

    def step(self, a):
        self.steps += 1
        o, r, _, info = super().step(a)
        return o, r, self.steps == self.last, self.steps == self.limit, info

    def render(self):
        return np.full((16, 16, 3), 10 * self.steps, np.uint8)


for cls in (Toy, Locked, Connected, New):
    register(id=cls.__name__ + 'Toy-v0', entry_point=cls, max_episode_steps=5)
register(id='EndlessToy-v0', entry_point=Toy)
register(id='LongToy-v0', entry_point=Toy, max_episode_steps=320)
register(id='UnlimitedNewToy-v0', entry_point=New)
'''


@pytest.fixture(scope='module')
def toys(tmp_path_factory):
    """The module TOYS, which other processes import from the folder of its file."""
    folder = tmp_path_factory.mktemp('toys')
    (folder / 'spinup_toys.py').write_text(TOYS)
    sys.path.insert(0, str(folder))
    yield importlib.import_module('spinup_toys')
    sys.path.remove(str(folder))


def saved(folder, made=None, w=2., obs_dim=1, **config):
    """
    A run folder, without training, of a policy that answers w * the first component.

    Args:
        folder (path): The folder, made where it is missing.
        made: The environment in vars.pkl.
        config: What config.json says.
    """
    logger = logx.EpochLogger(str(folder))
    logger.save_config(config)
    with tf.Graph().as_default(), tf.Session() as sess:
        x = tf.placeholder(tf.float32, (None, obs_dim))
        pi = tf.get_variable('w', initializer=w) * x[:, :1]
        sess.run(tf.global_variables_initializer())
        logger.setup_tf_saver(sess, {'x': x}, {'pi': pi})
        logger.save_state({'env': made})
    logger.close()
    return str(folder)


def play(capfd, *words):
    """test_policy.main(words) without a display: exit code, stdout, stderr."""
    capfd.readouterr()
    try:
        test_policy.main([*words, '-nr'])
        code = 0
    except SystemExit as end:
        code = end.code
    out, err = capfd.readouterr()
    return code, out, err


@pytest.mark.parametrize('made_by', ['id', 'function', None])
@pytest.mark.parametrize('name', ['Locked', 'Connected'])
def test_an_environment_that_does_not_survive_pickling_is_made_anew(
        name, made_by, toys, tmp_path, capfd):
    config = dict(env=name + 'Toy-v0', env_kwargs=dict(bonus=1.), env_made_by=made_by)
    folder = saved(tmp_path / 'run', getattr(toys, name)(bonus=5.),
                   **{key: value for key, value in config.items() if value is not None})
    assert os.path.exists(os.path.join(folder, 'vars.pkl')) == (name == 'Connected')
    code, out, err = play(capfd, folder, '-n', '2')
    assert code == 0 and err == '' and out.count('EpRet 15.000 \t EpLen 5') == 2
    assert ('it comes from the id in config.json' in out) == (made_by == 'function')


def test_an_environment_that_cannot_be_made_is_told_in_one_line(toys, tmp_path, capfd):
    folder = saved(tmp_path / 'run', toys.Connected(), env='Gone-v0')
    code, _, err = play(capfd, folder)
    assert code == 2 and err.count('\n') == 1
    assert 'Gone' in err and 'vars.pkl gives none' in err and 'Not connected.' in err
    folder = saved(tmp_path / 'another', toys.Connected())
    code, _, err = play(capfd, folder)
    assert code == 2 and err.count('\n') == 1 and 'step() raises RuntimeError: Not conn' in err
    folder = saved(tmp_path / 'wide', env='Pendulum-v0')    # observations (3,), the policy's (1,)
    code, _, err = play(capfd, folder)
    assert code == 2 and err.count('\n') == 1 and '(3,)' in err
    env, get_action = test_policy.load_policy_and_env(saved(tmp_path / 'none'))
    assert env is None and get_action([3.]) == [6.] and 'holds no env' in capfd.readouterr().err


class Bomb:
    """Its pickle writes a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (self.path, 'w')


def test_no_pickle_is_loaded_where_the_id_is_known(toys, tmp_path, capfd):
    def trapped(**config):
        folder = saved(tmp_path / str(len(os.listdir(str(tmp_path)))), **config)
        for name in ('vars.pkl', 'tf1_save/model_info.pkl'):
            with open(os.path.join(folder, name), 'wb') as file:
                pickle.dump({'env': Bomb(str(tmp_path / 'exploded'))}, file)
        return folder

    folder = trapped(env='spinup_toys:ToyToy-v0', env_kwargs=dict(bonus=0.5))
    code, out, err = play(capfd, folder, '-n', '1')
    assert code == 0 and 'EpRet 12.500' in out and not (tmp_path / 'exploded').exists()
    env, get_action = test_policy.load_policy_and_env(folder)
    assert env.bonus == 0.5 and get_action([1.]) == [2.] and not (tmp_path / 'exploded').exists()
    for config in (dict(), dict(env='Gone-v0'), dict(env='ToyToy-v0', env_made_by='function')):
        play(capfd, trapped(**config), '-n', '1')
        assert (tmp_path / 'exploded').exists()         # and so --help says:
        (tmp_path / 'exploded').unlink()
    _, out, _ = play(capfd, '--help')
    assert 'TRUST' in out and 'vars.pkl' in out and out.index('.mp4') < out.index('.gif')


def test_an_environment_of_a_function_keeps_its_wrappers(toys, tmp_path, capfd):
    env = RescaleAction(gym.make('ToyToy-v0'), -1, 1)      # its actions are tenfold
    folder = saved(tmp_path / 'run', env, w=0.5, env='ToyToy-v0', env_made_by='function')
    code, out, _ = play(capfd, folder, '-n', '1')
    assert code == 0 and 'EpRet 25.000' in out


@pytest.mark.parametrize('content', [b'', b'\x80\x03}q\x00X\x03\x00', b'text\n', None])
def test_a_damaged_vars_pkl(content, tmp_path, capfd):
    folder = saved(tmp_path / 'run')
    with open(os.path.join(folder, 'vars.pkl'), 'wb') as file:
        file.write(pickle.dumps([1]) if content is None else content)
    code, _, err = play(capfd, folder)
    assert code == 2 and err.count('\n') == 1
    assert re.search(r'vars.pkl gives none \(it.* (cannot be unpickled; \w+|holds no env)', err)


def test_gymnasiums_interface(toys, tmp_path, capfd):
    for env, length in (('NewToy-v0', 5), ('UnlimitedNewToy-v0', 7)):
        for config in (dict(last=7), dict(limit=7)):
            folder = saved(tmp_path / 'run', env=env, env_kwargs=config)
            code, out, err = play(capfd, folder, '-n', '2')
            assert code == 0, err
            assert out.count('EpRet {}.000 \t EpLen {}'.format(2 * length, length)) == 2
    code, out, err = play(capfd, folder, '--video', str(tmp_path / 'new.gif'), '--len', '6')
    assert code == 0, err
    frames = imageio.mimread(str(tmp_path / 'new.gif'))
    assert [frame.ravel()[0] for frame in frames] == [0, 10, 20, 30, 40, 50]


def test_actions_are_sent_in_the_environments_own_type(toys, tmp_path, capfd):
    class Whole(toys.Toy):
        action_space = gym.spaces.Box(-10, 10, (1,), np.int32)

        def step(self, a):
            assert a.dtype == np.int32
            return super().step(a)

    test_policy.run_policy(Whole(), lambda o: np.float32([2.7]), 5, 1, render=False)
    assert 'EpRet 15.000 \t EpLen 5' in capfd.readouterr().out

    class Bounded(toys.Toy):
        action_space = gym.spaces.Box(-1, 0.1, (1,), np.float32)

        def step(self, a):
            assert a <= self.action_space.high or a == 2
            return super().step(a)

    for action in (0.10000002, 2):          # by a rounding; and as no policy of ours would
        assert np.float32(action) > Bounded.action_space.high
        test_policy.run_policy(Bounded(), lambda o: np.float32([action]), 5, 1, render=False)


@pytest.mark.parametrize('wrapped', [
    'Observed(New())', 'Observed(TimeLimit(New(), 5))', 'TimeLimit(Observed(New()), 5)'])
def test_gymnasiums_interface_below_gyms_wrappers(wrapped, toys, capfd):
    class Observed(gym.ObservationWrapper):
        def observation(self, o):
            return o / 2

    env = eval(wrapped, dict(New=lambda: toys.New(limit=5), Observed=Observed, TimeLimit=TimeLimit))
    test_policy.run_policy(env, lambda o: 4 * o, num_episodes=2, render=False)
    assert capfd.readouterr().out.count('EpRet 10.000 \t EpLen 5') == 2
    assert len(env.unwrapped.reset()) == 2, 'it is left as it was'


GREY = np.linspace(0, 255, 64).reshape(8, 8)


@pytest.mark.parametrize('frame, shown', [
    (GREY.astype(np.int64)[..., None].repeat(3, 2), GREY), (GREY.astype(np.uint8), GREY),
    (GREY, GREY), (GREY / 255, GREY), (GREY.astype(np.float32)[..., None] / 255, GREY),
    (GREY.astype(np.uint8)[..., None].repeat(4, 2), GREY), (GREY > 99, 255 * (GREY > 99)),
    (GREY.tolist(), GREY), (3 * GREY - 99, np.clip(3 * GREY - 99, 0, 255)),
    (np.where(GREY > 99, np.nan, GREY), np.where(GREY > 99, 0, GREY))])
@pytest.mark.parametrize('ending', ['gif', 'mp4'])
def test_frames_of_any_numbers_become_a_video(frame, shown, ending, tmp_path):
    env = Node(render=lambda mode: frame)
    for image in video.as_video([video.draw(env)]):
        assert image.shape == (8, 8, 3) and image.dtype == np.uint8
        np.testing.assert_allclose(image, np.array(shown)[..., None].repeat(3, 2), atol=1)
    path = str(tmp_path / ('film.' + ending))
    video.write_video(path, [video.draw(env)] * 3, 10)
    frames = imageio.mimread(path)
    assert len(frames) >= 1 and frames[0].shape[:2] == (8, 8)
    np.testing.assert_allclose(frames[0][..., 0], shown, atol=40 if ending == 'mp4' else 8)
    assert os.listdir(str(tmp_path)) == ['film.' + ending]


@pytest.mark.parametrize('fps', [20, 30, 67, 125])
def test_a_gif_runs_as_fast_as_the_environment(fps, tmp_path):
    path = str(tmp_path / 'film.gif')
    rng = np.random.RandomState(0)
    video.write_video(path, list(rng.randint(256, size=(fps, 8, 8)).astype(np.uint8)), fps)
    with Image.open(path) as film:
        durations = [frame.info['duration'] for frame in ImageSequence.Iterator(film)]
    assert min(durations) >= 20 and sum(durations) == pytest.approx(1000, abs=20)


@pytest.mark.parametrize('frame', [
    None, [], np.zeros((0, 5, 3)), np.zeros((4, 4, 2)), np.zeros(3), 7, 'text', [[1, 2], [3]],
    np.zeros((3, 4, 4, 3), np.uint8), {'rgb': 1}])
def test_what_is_no_image_is_told_in_one_line(frame, toys, tmp_path, monkeypatch, capfd):
    monkeypatch.setattr(toys.Toy, 'render', lambda self, mode: frame)
    folder = saved(tmp_path / 'run', env='ToyToy-v0')
    (tmp_path / 'film').mkdir()
    code, _, err = play(capfd, folder, '--video', str(tmp_path / 'film' / 'film.mp4'))
    assert code == 2 and err.count('\n') == 1 and 'filmed' in err
    assert os.listdir(str(tmp_path / 'film')) == []


def test_a_film_that_fails_leaves_the_one_before(tmp_path, monkeypatch):
    path = str(tmp_path / 'film.gif')
    images = [np.zeros((4, 4), np.uint8), np.zeros((4, 6), np.uint8)]
    video.write_video(path, images[:1], 10)
    before = (tmp_path / 'film.gif').read_bytes()
    with pytest.raises(AssertionError, match='4 x 4, 4 x 6'):
        video.write_video(path, images, 10)

    def full(name, frames, **kwargs):
        with open(name, 'w') as file:
            file.write('half')
        raise RuntimeError('no space')
    monkeypatch.setattr(imageio, 'mimsave', full)
    with pytest.raises(AssertionError, match='film.gif: cannot be written .*no space'):
        video.write_video(path, images[:1], 10)
    assert os.listdir(str(tmp_path)) == ['film.gif']
    assert (tmp_path / 'film.gif').read_bytes() == before


@pytest.mark.parametrize('words, frames', [([], 200), (['--len', '250'], 250), (['-n', '2'], 200)])
def test_a_film_has_a_length_of_its_own(words, frames, toys, tmp_path, monkeypatch, capfd):
    written = []
    monkeypatch.setattr(test_policy, 'write_video', lambda path, images, fps: written.append(
        (len(images), fps)))
    folder = saved(tmp_path / 'run', env='LongToy-v0', env_kwargs=dict(frame=[[0]]))
    code, out, _ = play(capfd, folder, '--video', 'x.mp4', *words)
    assert code == 0 and written == [(frames, 20)]
    assert 'EpLen {}'.format(250 if '--len' in words else 320) in out


def test_an_episode_without_an_end_has_the_run_s_limit(toys, tmp_path, capfd, monkeypatch):
    monkeypatch.setattr(test_policy, 'write_video', lambda path, images, fps: print(len(images)))
    folder = saved(tmp_path / 'run', env='LongToy-v0', env_kwargs=dict(frame=[[0]]), max_ep_len=250)
    code, out, _ = play(capfd, folder, '--video', 'x.mp4')
    assert code == 0 and '\n200\n' in out and 'EpLen 250' in out
    assert 'EpLen 7' in play(capfd, folder, '-n', '1', '--len', '7')[1]


def test_names_that_the_screen_cannot_show(tmp_path):
    write_run(tmp_path / 'ümlaut', 'ü', TotalEnvInteracts=[1, 2], AverageTestEpRet=[0, 1])
    write_run(tmp_path / 'nöne', 'ü', TotalEnvInteracts=[], AverageTestEpRet=[])
    done = spinup_command('plot', str(tmp_path), '--output', str(tmp_path / 'x.png'),
                          PYTHONIOENCODING='ascii:strict')
    assert done.returncode == 0 and r'n\xf6ne: left out' in done.stdout


@pytest.mark.skipif(not shutil.which('Xvfb'), reason='Xvfb is not installed')
def test_a_classic_task_is_filmed_without_a_display(tmp_path):
    folder = saved(tmp_path / 'run', obs_dim=2, env='MountainCarContinuous-v0')
    (tmp_path / 'bin').mkdir()
    xvfb = tmp_path / 'bin' / 'Xvfb'        # the real one, whose number is noted
    xvfb.write_text('#!/bin/sh\necho $$ >>{}\nexec {} "$@"\n'.format(
        tmp_path / 'started', shutil.which('Xvfb')))
    xvfb.chmod(0o755)
    film = str(tmp_path / 'car.gif')
    words = ['test_policy', folder, '--video', film, '--len', '4']
    done = spinup_command(*words, PATH=str(tmp_path / 'bin') + ':' + os.environ['PATH'])
    assert done.returncode == 0 and done.stderr == '', done.stderr
    frames = imageio.mimread(film)
    assert len(frames) == 4 and np.std(frames[0]) > 10
    number, = (tmp_path / 'started').read_text().split()
    assert not os.path.exists('/proc/' + number)
    os.remove(film)
    done = spinup_command(*words, PATH=str(tmp_path))          # where there is none
    assert done.returncode == 2 and done.stderr.count('\n') == 1
    assert 'Debian package xvfb' in done.stderr and not os.path.exists(film)


def test_the_player_and_the_plotter_outlive_their_reader(toys, runs, tmp_path):
    folder = saved(tmp_path / 'run', env='spinup_toys:ToyToy-v0',
                   env_kwargs=dict(frame=[[0, 200], [0, 200]]))
    environ = dict(os.environ, PYTHONPATH=os.path.dirname(toys.__file__), PYTHONUNBUFFERED='1',
                   MPLBACKEND='Agg')
    for buffered in (False, True):
        film, figure = str(tmp_path / 'film.gif'), str(tmp_path / 'figure.png')
        for path, words in ((film, ['test_policy', folder, '-nr', '--video', film]),
                            (figure, ['plot', runs, '-o', figure])):
            started = subprocess.Popen([sys.executable, '-m', 'spinup.run'] + words, env=environ,
                                       stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            started.stdout.close()
            assert started.stderr.read() == b'' and started.wait() == 0
            os.remove(path)
        environ.pop('PYTHONUNBUFFERED', None)


@pytest.fixture
def ctrl_c():
    """A function that sends Ctrl-C to this process, in which Python's own handler is in place."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield lambda: os.kill(os.getpid(), signal.SIGINT)
    signal.signal(signal.SIGINT, before)


def test_ctrl_c_gets_one_line(toys, tmp_path):
    folder = saved(tmp_path / 'run', env='spinup_toys:EndlessToy-v0')
    player = subprocess.Popen(
        [sys.executable, '-m', 'spinup.run', 'test_policy', folder, '-nr'],
        env=dict(os.environ, PYTHONPATH=os.path.dirname(toys.__file__), PYTHONUNBUFFERED='1'),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        # A shell's background job ignores the signal, and its children would, too.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler))
    assert b'Logging' in player.stdout.readline()       # it plays; the episode has no end
    player.send_signal(signal.SIGINT)
    try:
        _, err = player.communicate(timeout=60)
    finally:
        player.kill()
    assert (player.returncode, err) == (130, b'spinup.run test_policy: interrupted\n')


@pytest.mark.parametrize('name', ['make_plots', 'load_tf_policy', 'load_env', 'step'])
def test_ctrl_c_in_c_code_gets_one_line(name, toys, runs, tmp_path, monkeypatch, capfd, ctrl_c):
    def interrupted(*args, **kwargs):
        try:
            ctrl_c()
        except KeyboardInterrupt as error:      # as some of TensorFlow's functions do
            raise SystemError('returned a result with an error set') from error
        return None, 0.0, True

    folder = saved(tmp_path / 'run', env='spinup_toys:EndlessToy-v0')
    module, words = (plot, [runs]) if name == 'make_plots' else (test_policy, [folder, '-nr'])
    monkeypatch.setattr(module, name, interrupted)
    capfd.readouterr()
    with pytest.raises(SystemExit) as end:
        module.main(words)
    prog = 'spinup.run ' + module.__name__.rsplit('.', 1)[-1]
    assert (end.value.code, capfd.readouterr().err) == (130, prog + ': interrupted\n')


def test_ctrl_c_waits_but_the_second_does_not(ctrl_c):
    for times in (0, 1, 2):
        reached = []
        with pytest.raises(KeyboardInterrupt) if times else contextlib.nullcontext():
            with command.ctrl_c_waits():
                for _ in range(times):
                    ctrl_c()
                    reached.append(True)
        assert len(reached) == min(times, 1)
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_without_a_handler_of_pythons_nothing_waits():
    for handler in (signal.SIG_IGN, signal.SIG_DFL):
        before = signal.signal(signal.SIGINT, handler)
        try:
            with command.ctrl_c_waits():
                assert signal.getsignal(signal.SIGINT) is handler
        finally:
            signal.signal(signal.SIGINT, before)


def test_in_a_thread_nothing_waits(ctrl_c):
    def handler_inside():
        with command.ctrl_c_waits():
            return signal.getsignal(signal.SIGINT)

    with futures.ThreadPoolExecutor() as pool:
        assert pool.submit(handler_inside).result() is signal.default_int_handler


# ---- Plotter ------------------------------------------------------------------------------------

@pytest.fixture
def runs(tmp_path):
    """Two experiments of two and one runs, in a folder."""
    for exp_name, seed in (('alpha', 0), ('alpha', 1), ('beta', 0)):
        folder = tmp_path / 'out' / exp_name / 's{}'.format(seed)
        folder.mkdir(parents=True)
        steps = np.arange(1, 11) * 1000
        pd.DataFrame(dict(TotalEnvInteracts=steps, AverageTestEpRet=steps * (seed + 1.0),
                          AverageEpRet=0, LossQ=1.0 / steps)).to_csv(
                              str(folder / 'progress.txt'), sep='\t', index=False)
        (folder / 'config.json').write_text(json.dumps(dict(exp_name=exp_name)))
    return str(tmp_path / 'out')


def test_datasets(runs):
    data = plot.get_all_datasets([runs + '/'])
    assert [(set(d.Condition1), set(d.Condition2), set(d.Unit)) for d in data] == [
        ({'alpha'}, {'alpha-0'}, {0}), ({'alpha'}, {'alpha-1'}, {1}), ({'beta'}, {'beta-2'}, {0})]
    assert list(data[0].columns[-4:]) == ['Unit', 'Condition1', 'Condition2', 'Performance']
    assert list(data[1].Performance) == list(data[1].AverageTestEpRet)
    assert len(plot.get_all_datasets([runs + '/al'])) == 2
    assert len(plot.get_all_datasets([runs + '/a'])) == 3       # a part of a name, anywhere
    assert len(plot.get_all_datasets([runs + '/a'], exclude=['alpha'])) == 1
    assert len(plot.get_all_datasets([runs + '/a'], select=['out', 'beta'])) == 1
    data = plot.get_all_datasets([runs + '/alpha', runs + '/beta'], legend=['one', 'two'])
    assert [set(d.Condition1) for d in data] == [{'one'}, {'one'}, {'two'}]
    with pytest.raises(AssertionError, match='2 folders'):
        plot.get_all_datasets([runs + '/a'], legend=['one'])


def test_names_are_drawn_as_they_are(runs):
    plt.switch_backend('Agg')
    figure = plt.figure()
    plot.plot_data(plot.get_all_datasets([runs + '/alpha', runs + '/beta'], ['_old', 'a$_$b']))
    figure.canvas.draw()
    texts = plt.gca().get_legend().get_texts()
    assert [text.get_text() for text in texts] == [' _old', r'a\$_\$b']
    plt.close('all')


def test_the_curve_is_the_mean_of_the_runs_with_their_spread(runs):
    plt.switch_backend('Agg')
    plt.figure()
    plot.plot_data(plot.get_all_datasets([runs + '/alpha']))
    steps, mean = plt.gca().lines[0].get_data()
    np.testing.assert_allclose(mean, 1.5 * steps)
    band = plt.gca().collections[0].get_paths()[0].vertices
    assert band[:, 1].max() == pytest.approx(10000 * (1.5 + np.sqrt(0.5)))
    assert plt.gca().get_xlabel() == 'TotalEnvInteracts'
    assert [text.get_text() for text in plt.gca().get_legend().get_texts()] == ['alpha']

    plt.figure()
    plot.plot_data(plot.get_all_datasets([runs + '/beta']), smooth=3)
    np.testing.assert_allclose(plt.gca().lines[0].get_data()[1],
                               [1500] + list(range(2000, 10000, 1000)) + [9500])
    plt.figure()
    for wider in (25, 10 ** 20):        # than the run
        plot.plot_data(plot.get_all_datasets([runs + '/beta']), smooth=wider)
    plt.close('all')


def test_one_column_may_be_a_text(runs, tmp_path):
    figure = str(tmp_path / 'one.png')
    assert plot.make_plots([runs], values='Performance', output=figure) == [figure]
    larger = str(tmp_path / 'larger.png')       # by Spinning Up's order of arguments
    plot.make_plots([runs], None, 'TotalEnvInteracts', 'Performance', False, 3., output=larger)
    assert not np.array_equal(imageio.imread(figure), imageio.imread(larger))


def test_the_curve_of_the_best_run(runs, tmp_path):
    steps, best = draw(runs, tmp_path, '--est', 'max')['alpha']
    assert list(best) == list(2 * steps)


@pytest.mark.parametrize('estimator, expected', [('median', 1.), ('min', 0.), ('mean', 3.)])
def test_the_curve_is_by_the_estimator(estimator, expected):
    plt.switch_backend('Agg')
    data = [pd.DataFrame(dict(TotalEnvInteracts=[1, 2], Performance=value, Condition1='e'))
            for value in (0., 1., 8.)]
    plt.figure()
    plot.plot_data(data, estimator=estimator)
    assert list(plt.gca().lines[0].get_ydata()) == [expected] * 2
    plt.close('all')


def test_what_is_no_setting_may_differ():
    one, other = (dict.fromkeys(plot.NO_SETTINGS | {'threads', 'command', 'commit'}, value)
                  for value in 'ab')
    assert plot.differences([one, other]) == []


def test_plot_command_writes_files_without_a_display(runs, tmp_path):
    done = spinup_command('plot', runs + '/alpha', '--output', str(tmp_path / 'curve.png'))
    assert done.returncode == 0, done.stderr
    picture = imageio.imread(str(tmp_path / 'curve.png'))
    assert picture.shape[:2] == (600, 1000) and picture[..., :3].std() > 5
    done = spinup_command('plot', runs + '/a', '-y', 'Performance', 'LossQ', '--count', '-s', '2',
                   '-o', str(tmp_path / 'two.svg'))
    assert done.returncode == 0, done.stderr
    for name in ('two-Performance.svg', 'two-LossQ.svg'):
        assert '<svg' in (tmp_path / name).read_text()
    for wrong in (['-y', 'Nothing'], ['-o', 'curve.xyz'], ['-o', '/proc/curve.png']):
        done = spinup_command('plot', runs + '/alpha', *wrong)
        assert done.returncode == 2 and done.stderr.count('\n') == 1 and wrong[1] in done.stderr


def test_a_figure_without_a_name_is_not_written_beside_the_runs(
        runs, tmp_path, monkeypatch, capsys):
    before = sorted(os.walk(runs))
    monkeypatch.setattr(plt, 'get_backend', lambda: 'agg')      # as where there is no display
    monkeypatch.chdir(tmp_path / 'out' / 'beta')
    plot.main([runs + '/alpha/', '-y', 'Performance', 'LossQ'])
    said = capsys.readouterr().out
    for name in ('out/figures/alpha_Performance.png', 'out/figures/alpha_LossQ.png'):
        assert 'Wrote {}\n'.format(name) in said
        assert imageio.imread(name)[..., :3].std() > 5
    assert sorted(os.listdir('out/figures')) == ['alpha_LossQ.png', 'alpha_Performance.png']
    shutil.rmtree('out')
    assert sorted(os.walk(runs)) == before
    plt.close('all')


def write_run(folder, exp_name='e', **columns):
    """A run folder of a table; a column per keyword."""
    os.makedirs(str(folder))
    pd.DataFrame(columns).to_csv(os.path.join(str(folder), 'progress.txt'), sep='\t', index=False)
    with open(os.path.join(str(folder), 'config.json'), 'w') as file:
        json.dump(dict(exp_name=exp_name), file)


def drawn():
    """{name: (x, y)} of the curves in the current axes."""
    lines = [line for line in plt.gca().lines if len(line.get_xdata())]
    names = [text.get_text() for text in plt.gca().get_legend().get_texts()]
    assert len(lines) == len(names)
    return {name: line.get_data() for name, line in zip(names, lines)}


def draw(folder, tmp_path, *words):
    """plot.main, with the figure in a file. Returns its curves; see `drawn`."""
    plt.close('all')
    path = str(tmp_path / 'drawn.png')
    plot.main([str(folder), '-o', path, *words])
    os.remove(path)
    return drawn()


def test_seeds_with_different_x_are_interpolated(tmp_path, capsys):
    # Straight lines, of which the mean is one, whatever the x: 3 x, and 3 x + 10.
    write_run(tmp_path / 'runs' / 's0', Time=[0.5, 1.5, 3, 6], Q=[1.5, 4.5, 9, 18])
    write_run(tmp_path / 'runs' / 's1', Time=[1., 4, 5], Q=[13., 22, 25])
    (x, y), = draw(tmp_path / 'runs', tmp_path, '-x', 'Time', '-y', 'Q').values()
    assert list(x) == [1, 1.5, 3, 4, 5]         # where both have some on either side
    np.testing.assert_allclose(y, 3 * x + 5)
    band = plt.gca().collections[0].get_paths()[0].vertices
    assert band[:, 0].min() == 1 and band[:, 0].max() == 5
    assert band[:, 1].max() == pytest.approx(20 + 10 * np.sqrt(0.5))
    out = capsys.readouterr().out
    assert 'e: interpolated between rows; only where all runs have rows\n' in out
    (note,) = [text.get_text() for text in plt.gcf().texts]
    assert 'interpolated' in note and note.replace('\n', ' ') in out
    # Without a mean there is nothing to interpolate.
    curves = draw(tmp_path / 'runs', tmp_path, '-x', 'Time', '-y', 'Q', '--count')
    assert [list(x) for x, _ in curves.values()] == [[0.5, 1.5, 3, 6], [1, 4, 5]]
    assert 'interpolated' not in capsys.readouterr().out


def test_seeds_that_end_early_or_never_meet(tmp_path, capsys):
    write_run(tmp_path / 'runs' / 's0', TotalEnvInteracts=[10, 20, 30], AverageTestEpRet=[0, 2, 9])
    write_run(tmp_path / 'runs' / 's1', TotalEnvInteracts=[10, 20], AverageTestEpRet=[4, 4])
    (x, y), = draw(tmp_path / 'runs', tmp_path).values()
    assert list(x) == [10, 20] and list(y) == [2, 3]
    out = capsys.readouterr().out
    assert 'only where all runs have rows' in out and 'interpolated' not in out
    write_run(tmp_path / 'runs' / 't0', 'late', TotalEnvInteracts=[1, 2], AverageTestEpRet=[0, 1])
    write_run(tmp_path / 'runs' / 't1', 'late', TotalEnvInteracts=[3, 4], AverageTestEpRet=[0, 1])
    assert list(draw(tmp_path / 'runs', tmp_path)) == ['e']
    assert 'late: left out; its runs have no TotalEnvInteracts in common' in capsys.readouterr().out
    assert len(draw(tmp_path / 'runs', tmp_path, '--count')) == 4


def test_a_run_that_has_just_begun_leaves_the_others_their_curve(tmp_path, capsys):
    for seed, rows in enumerate((4, 4, 2, 1)):
        write_run(tmp_path / 'runs' / 's{}'.format(seed), TotalEnvInteracts=[10, 20, 30, 40][:rows],
                  AverageTestEpRet=[seed, 1, 1, 1][:rows])
    (x, y), = draw(tmp_path / 'runs', tmp_path).values()
    assert list(x) == [10, 20] and list(y) == [1, 1]        # the third has half of it
    out = capsys.readouterr().out
    assert out.count('not drawn') == 1 and 's3: not drawn; it ends before half of the curve' in out
    assert len(draw(tmp_path / 'runs', tmp_path, '--count')) == 4
    for seed, x in enumerate(([-9, -4], [-9, -3])):
        write_run(tmp_path / 'below' / str(seed), LossPi=x, AverageTestEpRet=[1, 1])
    (x, _), = draw(tmp_path / 'below', tmp_path, '-x', 'LossPi').values()
    assert list(x) == [-9, -4]


def test_links_to_runs_are_followed_once(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_run(tmp_path / 'real' / 'a', TotalEnvInteracts=[1, 2], AverageTestEpRet=[0, 1])
    (tmp_path / 'links').mkdir()
    for name, target in dict(a='../real/a', again='../real/a', loop='.', gone='nowhere').items():
        (tmp_path / 'links' / name).symlink_to(target)
    assert [data.attrs['folder'] for data in plot.get_all_datasets(['links'])] == ['links/a']
    # The place itself counts, and where a link in a run leads to is none of it.
    (tmp_path / 'real' / '0').symlink_to('a')
    (tmp_path / 'real' / 'a' / 'data').symlink_to('../../links')
    write_run(tmp_path / 'real' / 'a' / 'within', TotalEnvInteracts=[1, 2], AverageTestEpRet=[0, 1])
    assert [data.attrs['folder'] for data in plot.get_all_datasets(['real'])] == [
        'real/a', 'real/a/within']


def test_a_run_counts_once_in_its_curve(tmp_path, capsys):
    rows = dict(TotalEnvInteracts=[1, 2, 3], AverageTestEpRet=[0., 1., 2.])
    for name, seed, length, rate in (('begun', 0, 2, 1), ('other', 1, 3, 1), ('whole', 0, 3, 2)):
        folder = tmp_path / 'out' / name
        write_run(folder, **{column: values[:length] for column, values in rows.items()})
        (folder / 'config.json').write_text(json.dumps(dict(
            exp_name='e', seed=seed, pi_lr=rate, ac_kwargs=dict(sizes=[8], init=None))))
    out, whole = str(tmp_path / 'out'), str(tmp_path / 'out' / 'whole')
    assert [data.attrs['folder'] for data in plot.get_all_datasets([out, whole])] == [
        str(tmp_path / 'out' / 'other'), whole]
    said = capsys.readouterr().out
    assert '{}/begun: left out; it is {} again\n'.format(out, whole) in said
    assert '{0}: left out; it is {0} again\n'.format(whole) in said
    assert said.endswith('Warning: the runs of e differ in pi_lr: 1 and 2\n')
    # In two curves it may be in both.
    assert len(plot.get_all_datasets([whole, whole], legend=['one', 'two'])) == 2
    # What was copied while its last line was being written.
    (tmp_path / 'out' / 'other' / 'config.json').unlink()
    (tmp_path / 'out' / 'begun' / 'progress.txt').write_text(
        'TotalEnvInteracts\tAverageTestEpRet\n1\t0\n2\t1\n3\t2')
    assert len(plot.get_all_datasets([out])) == 2
    assert 'begun: left out' in capsys.readouterr().out


def test_runs_that_are_no_copies_all_count(tmp_path, capsys):
    # Without a seed; with other returns; without any.
    for place, seed, columns in (('a', None, dict(AverageTestEpRet=[0, 1])),
                                 ('b', 0, dict(AverageTestEpRet=[0, 1])),
                                 ('c', 0, dict(LossQ=[0, 1])),
                                 ('d', 0, dict(AverageTestEpRet=[np.nan] * 2))):
        for name in ('x', 'y'):
            last = 7 if (place, name) == ('b', 'y') else 1
            write_run(tmp_path / place / name, TotalEnvInteracts=[1, 2],
                      **{column: [first, first + last] for column, (first, _) in columns.items()})
            (tmp_path / place / name / 'config.json').write_text(json.dumps(dict(
                exp_name='e', seed=seed)))
        assert len(plot.get_all_datasets([str(tmp_path / place)])) == 2, place
    assert 'left out' not in capsys.readouterr().out


def test_what_select_and_legend_count_is_said(runs):
    with pytest.raises(AssertionError, match='expected parts of {}/ .the'.format(re.escape(runs))):
        plot.get_all_datasets([runs + '/'], select=['s0'])
    with pytest.raises(AssertionError, match='alpha, .*/beta$'):
        plot.get_all_datasets([runs + '/alpha', runs + '/beta'], legend=['one'])


def test_a_backend_that_is_another_python_s(runs):
    done = spinup_command('plot', runs, MPLBACKEND='module://not_here.backend')
    assert done.returncode == 0 and done.stderr == '' and 'Wrote ' in done.stdout


def test_runs_that_cannot_be_drawn_are_named_and_left_out(tmp_path, capsys):
    runs = tmp_path / 'runs'
    steps = [10, 20, 30]
    write_run(runs / 'good', TotalEnvInteracts=steps, LossQ=[np.nan, 2, 1], AverageTestEpRet=1)
    write_run(runs / 'nan', TotalEnvInteracts=steps, LossQ=np.nan, AverageTestEpRet=[2, 3, 4])
    write_run(runs / 'ppo', 'ppo', TotalEnvInteracts=steps, AverageEpRet=[1, 2, 3])
    write_run(runs / 'words', TotalEnvInteracts=steps, LossQ=['a', 'b', 'c'])
    write_run(runs / 'other', 'mine', step=steps, loss=[3, 2, 1])
    (x, y), = draw(runs, tmp_path, '-y', 'LossQ').values()
    assert list(x) == [20, 30] and list(y) == [2, 1]
    out = capsys.readouterr().out
    for folder, why in (('nan', 'its column LossQ has no number'),
                        ('ppo', 'it has no column LossQ'),
                        ('words', 'its column LossQ has no number'),
                        ('other', 'it has no column TotalEnvInteracts')):
        assert '{}: left out; {}\n'.format(runs / folder, why) in out
    assert 'good' not in out
    assert set(draw(runs, tmp_path)) == {'e', 'ppo'}
    assert plt.gca().get_ylabel() == 'return'           # of tests, and of PPO's training
    assert 'words: left out; it has no column Performance' in capsys.readouterr().out
    assert set(draw(runs, tmp_path, '-x', 'step', '-y', 'loss')) == {'mine'}
    # A column that no run has does not keep the others from being drawn.
    paths = plot.make_plots([str(runs)], values=['Nothing', 'LossQ'],
                            output=str(tmp_path / 'a.svg'))
    assert paths == [str(tmp_path / 'a-LossQ.svg')] and os.path.exists(paths[0])
    for words in (['-y', 'Nothing'], ['-x', 'Condition1'], ['-x', 'step', '-y', 'LossQ']):
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            draw(runs, tmp_path, *words)
        err = capsys.readouterr().err
        assert end.value.code == 2 and err.count('\n') == 1 and words[1] in err


def test_folders_that_cannot_be_read_are_told_and_left_out(tmp_path, monkeypatch, capsys):
    runs = tmp_path / 'runs'
    columns = dict(TotalEnvInteracts=[10, 20], AverageTestEpRet=[1, 2])
    for name in ('a', 'gone', 'list', 'latin', 'half', 'ragged', 'empty', 'header', 'closed'):
        write_run(runs / name, **columns)
    (runs / 'gone' / 'progress.txt').unlink()           # as if it were deleted in between
    (runs / 'gone' / 'progress.txt').symlink_to('nowhere')
    (runs / 'list' / 'config.json').write_text('[1, 2]')
    (runs / 'latin' / 'progress.txt').write_bytes('Schlüssel\tWert\n1\t2\n'.encode('latin-1'))
    (runs / 'half' / 'progress.txt').write_text(
        'AverageTestEpRet\tTotalEnvInteracts\n1\t10\n2\t20\n300\t3')      # of 30
    (runs / 'ragged' / 'progress.txt').write_text('a\n1\n1\t2\t3\n')
    (runs / 'empty' / 'progress.txt').write_text('')
    (runs / 'header' / 'progress.txt').write_text('TotalEnvInteracts\tAverageTestEpRet\n')
    scandir = os.scandir

    def guarded(folder):
        if str(folder).endswith('closed'):
            raise PermissionError(13, 'Permission denied', folder)
        return scandir(folder)
    monkeypatch.setattr(os, 'scandir', guarded)         # root may read everything
    data = plot.get_all_datasets([str(runs)])
    assert [(set(d.Condition1), list(d.Performance.dropna())) for d in data] == [
        ({'e'}, [1, 2]), ({'e'}, [1, 2, 300]), ({'exp'}, [1, 2])]
    assert np.isnan(data[1].TotalEnvInteracts[2])
    out = capsys.readouterr().out
    for name, why in (('gone', 'FileNotFoundError'), ('latin', 'UnicodeDecodeError'),
                      ('ragged', 'ParserError'), ('empty', 'EmptyDataError'),
                      ('header', 'has no row'), ('closed', 'Permission denied')):
        assert len(re.findall('^{}: left out.*{}.*$'.format(runs / name, why), out, re.M)) == 1
    assert '{}: its config.json holds no settings, but a list'.format(runs / 'list') in out
    curves = draw(runs, tmp_path)
    assert list(curves['e'][0]) == [10, 20] and set(curves) == {'e', 'exp'}


def test_a_folder_means_itself_and_else_a_part_of_a_name(runs):
    shutil.copytree(runs + '/beta', runs + '/alphabet')
    assert plot.resolve([runs + '/alpha']) == [runs + '/alpha']
    assert plot.resolve([runs + '/alph']) == [runs + '/alpha', runs + '/alphabet']
    assert plot.resolve([runs + '/bet']) == [runs + '/alphabet', runs + '/beta']


def test_a_figure_says_what_it_shows(runs, tmp_path, capsys):
    draw(runs, tmp_path, '--smooth', '3')
    axes, figure = plt.gca(), plt.gcf()
    assert (axes.get_xlabel(), axes.get_ylabel()) == ('environment steps', 'test return')
    (note,) = [text.get_text() for text in figure.texts]
    assert note == 'mean over 1 to 2 seeds; band: one standard deviation; smoothed over 3 rows'
    assert 'Performance: ' + note in capsys.readouterr().out
    # The legend stands beside the curves, also where it is long.
    for i in range(25):
        write_run(tmp_path / 'many' / str(i), 'a name of some length {}'.format(i),
                  TotalEnvInteracts=[1e4, 2e4], AverageTestEpRet=[i, 25.])
    for folder in (runs, tmp_path / 'many'):
        draw(folder, tmp_path, '--est', 'median')
        legend = plt.gca().get_legend().get_window_extent()
        axes = plt.gca().get_window_extent()
        assert legend.y0 >= axes.y1 and axes.height > 300
        assert legend.y1 <= plt.gcf().bbox.y1 and legend.x1 <= plt.gcf().bbox.x1
    (note,) = [text.get_text() for text in plt.gcf().texts]
    assert note == 'one run per curve: no band'
