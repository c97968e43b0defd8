"""
test_spinup.py: the files and tables of our `spinup` are Spinning Up's, and its plotter and player
work without a display. (At the top for pytest: a test inside the package would be installed.)
"""
import json
import os
import re
import subprocess
import sys

import gym
import imageio
import joblib
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

import ddpg
from spinup import run, user_config
from spinup.utils import logx, plot, run_utils, test_policy


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


def command(*words, **env):
    """`python -m spinup.run words` in a process without a display."""
    env = dict({k: v for k, v in os.environ.items() if 'DISPLAY' not in k}, **env)
    return subprocess.run([sys.executable, '-m', 'spinup.run'] + list(words), env=env,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True)


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
    monkeypatch.undo()
    _, get_action = test_policy.load_policy_and_env(str(tmp_path))
    assert get_action([3.0]) == [3.0]


def test_the_player_plays_and_records(cheetah, tmp_path):
    for video in ('cheetah.gif', 'cheetah.mp4'):
        video = str(tmp_path / video)
        done = command('test_policy', cheetah, '--len', '12', '--video', video)
        assert done.returncode == 0, done.stderr
        assert 'Episode 0 \t EpRet' in done.stdout and 'AverageEpRet' in done.stdout
        frames = imageio.mimread(video)
        assert len(frames) == 12 and frames[0].shape[:2] == (500, 500)
        assert np.std(frames[0]) > 10 and not np.array_equal(frames[0], frames[-1])


def test_the_player_without_a_display(cheetah):
    done = command('test_policy', cheetah, '-n', '2', '-l', '5')
    assert done.returncode == 0 and 'No display' in done.stdout
    assert done.stdout.count('EpLen 5') == 2
    assert 'No display' not in command('test_policy', cheetah, '-nr', '-n', '1', '-l', '1').stdout


@pytest.mark.parametrize('words, told', [
    (['test_policy', 'nowhere'], 'nowhere'), (['test_policy', '.', '-n', '0'], '--episodes 0'),
    (['test_policy', '.', '--video', 'x.avi'], 'x.avi'), (['plot', 'nowhere'], 'nowhere'),
    (['plot', '.', '--est', 'best'], '--est'), (['test_policy'], 'fpath'),
    (['train'], 'train')])
def test_the_tools_tell_bad_input_in_one_line(words, told, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, 'argv', ['run.py'] + words)
    with pytest.raises(SystemExit) as end:
        run.main()
    err = capsys.readouterr().err
    assert end.value.code == 2 and err.count('\n') == 1 and told in err


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


def test_the_curve_is_the_mean_of_the_runs_with_their_spread(runs):
    import matplotlib.pyplot as plt
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
    plot.plot_data(plot.get_all_datasets([runs + '/beta']), smooth=25)    # wider than the run
    plt.close('all')


def test_plot_command_writes_files_without_a_display(runs, cheetah, tmp_path):
    done = command('plot', runs + '/alpha', '--output', str(tmp_path / 'curve.png'))
    assert done.returncode == 0, done.stderr
    picture = imageio.imread(str(tmp_path / 'curve.png'))
    assert picture.shape[:2] == (600, 1000) and picture[..., :3].std() > 5
    done = command('plot', runs + '/a', '-y', 'Performance', 'LossQ', '--count', '-s', '2',
                   '-o', str(tmp_path / 'two.svg'))
    assert done.returncode == 0, done.stderr
    for name in ('two-Performance.svg', 'two-LossQ.svg'):
        assert '<svg' in (tmp_path / name).read_text()
    done = command('plot', os.path.dirname(cheetah))        # where no file is named, one is written
    assert done.returncode == 0, done.stderr
    assert os.path.exists(os.path.join(os.path.dirname(cheetah), 'Performance.png'))
    for wrong in (['-y', 'Nothing'], ['-o', 'curve.xyz'], ['-o', '/proc/curve.png']):
        done = command('plot', runs + '/alpha', *wrong)
        assert done.returncode == 2 and done.stderr.count('\n') == 1 and wrong[1] in done.stderr
