"""
test_python_use.py: ddpg() called from a script or a notebook: what its arguments may be, what is
given back at its end, and how it goes on; and what surrounds a command: memory, git, the screen.
"""
import errno
import gc
import io
import os
import pathlib
import signal
import subprocess
import sys
import threading

import gym
import numpy as np
import pytest

import core
import ddpg
from harness import cli, command, files, guard, origin, truth
from harness.quiet_tf import tf
from harness.settings import BadSetting
from kit import HERE, RunFolder, call, finish, only_run, refusal, run_main, start, tree

SHORT = dict(epochs=1, steps_per_epoch=120, start_steps=50, update_after=60, num_test_episodes=1,
             threads=1, ac_kwargs=dict(hidden_sizes=(8, 8)))
FLAGS = ('--env Pendulum-v0 --epochs 2 --steps-per-epoch 120 --start-steps 50 --update-after 60 '
         '--num-test-episodes 1 --hid 8 8').split()


def train(folder, env='Pendulum-v0', **kwargs):
    """ddpg() in a folder; config.json."""
    ddpg.ddpg(env, **dict(SHORT, **{'logger_kwargs': dict(output_dir=str(folder)), **kwargs}))
    return files.read_config(str(folder))


def own_networks(x, a, hidden_sizes=(6,), activation=tf.nn.elu, action_space=None):
    """Someone's own actor_critic."""
    return core.mlp_actor_critic(x, a, hidden_sizes, activation=activation,
                                 action_space=action_space)


# ---- Arguments -----------------------------------------------------------------------------------

def test_numpy_numbers_and_text_are_the_numbers_that_they_say(tmp_path):
    plain = train(tmp_path / 'a', seed=2, gamma=0.9, batch_size=32)
    rng = np.random.RandomState(0)
    other = train(tmp_path / 'b', seed=np.int64(2), gamma='0.9', batch_size=np.float32(32),
                  epochs=1.0, steps_per_epoch=1.2e2, start_steps=np.uint8(50), threads='1',
                  ac_kwargs=dict(hidden_sizes=rng.choice([8], 2)),
                  logger_kwargs=dict(output_dir=str(tmp_path / 'b'), exp_name=None))
    assert {key: value for key, value in other.items() if key not in origin.KEYS} == {
        key: value for key, value in plain.items() if key not in origin.KEYS}
    RunFolder(str(tmp_path / 'a')).assert_same_as(RunFolder(str(tmp_path / 'b')))


@pytest.mark.parametrize('wrong', [
    dict(epochs=1.5), dict(seed=True), dict(gamma='much'), dict(seed=np.int64(-1)),
    dict(batch_size=None), dict(polyak=np.nan), dict(noise=None), dict(save_freq=np.inf),
    dict(ac_kwargs=dict(hidden_sizes=8)), dict(ac_kwargs=dict(activation='dense')),
    dict(ac_kwargs=dict(activation=7)), dict(ac_kwargs=dict(hidden_sizes=(8, 0))),
    dict(actor_critic='mlp'), dict(noise_theta=3, noise='ou')])
def test_other_values_are_refused_by_name(wrong, tmp_path):
    name = list(wrong.get('ac_kwargs', wrong))[0]
    with pytest.raises(BadSetting, match='^{}=.*: expected '.format(name)):
        train(tmp_path / 'run', **wrong)
    assert not (tmp_path / 'run').exists()


@pytest.mark.parametrize('wrong, said', [
    (dict(ac_kwargs=[8, 8]), 'ac_kwargs=[8, 8]: expected a dict'),
    (dict(logger_kwargs='out'), 'logger_kwargs=out: expected a dict'),
    (dict(logger_kwargs=dict(data_dir='out')), 'exp_name=None: expected letters'),
    (dict(logger_kwargs=dict(data_dir='out', exp_name='../up')), 'exp_name=../up: expected'),
    (dict(logger_kwargs=dict(data_dir='out', exp_name='a' * 201)), 'at most 200 bytes')])
def test_keyword_arguments_and_names_that_are_none(wrong, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadSetting) as refused:
        ddpg.ddpg('Pendulum-v0', **dict(SHORT, **wrong))
    assert said in str(refused.value) and not tree(str(tmp_path))


@pytest.mark.parametrize('name, said', [
    ('hidden_sizes', ', but its ac_kwargs may have it'), ('epoch', "; the nearest is 'epochs'"),
    ('nothing_like_it', '')])
def test_a_keyword_that_it_has_not(name, said):
    with pytest.raises(TypeError) as refused:
        ddpg.ddpg('Pendulum-v0', **{name: 1})
    assert str(refused.value) == 'ddpg() has no argument {!r}'.format(name) + said


def test_an_activation_by_its_function_or_its_name(tmp_path, capsys):
    config = train(tmp_path / 'a', ac_kwargs=dict(hidden_sizes=(8, 8), activation=tf.nn.softplus))
    assert config['ac_kwargs']['activation'] == 'softplus'
    train(tmp_path / 'b', ac_kwargs=dict(hidden_sizes=(8, 8), activation='softplus'))
    train(tmp_path / 'c')
    a, b, c = (RunFolder(str(tmp_path / name)) for name in 'abc')
    a.assert_same_as(b)
    assert a.columns['AverageQVals'] != c.columns['AverageQVals']
    code, out, err = run_main(capsys, '--resume', tmp_path / 'a', '--epochs', '2')
    assert code is None and 'Going on' in out and err == ''
    assert '--activation tanh: expected softplus' in call(
        capsys, '--resume', tmp_path / 'a', '--activation', 'tanh')[2]
    by_flag = cli.parse_args(['--activation', 'tanh'], ddpg.ddpg)[3]
    assert by_flag['ac_kwargs']['activation'] is tf.nn.tanh


def test_own_networks_go_on_from_python_only(tmp_path, capsys):
    folder = str(tmp_path / 'run')
    config = train(folder, actor_critic=own_networks, ac_kwargs=dict(hidden_sizes=(5, 4)))
    assert config['actor_critic'] == 'own_networks' and config['ac_kwargs'] == dict(
        hidden_sizes=[5, 4], activation='elu')
    line = call(capsys, '--resume', folder, '--epochs', '2')[2]
    assert 'own_networks; go on from Python' in line and line.count('\n') == 1
    train(folder, actor_critic=own_networks, ac_kwargs=dict(hidden_sizes=(5, 4)), epochs=2,
          resume=folder)
    assert RunFolder(folder).columns['Epoch'] == ('1', '2')
    with pytest.raises(BadSetting, match='actor_critic=mlp_actor_critic: expected own_networks'):
        train(folder, ac_kwargs=dict(hidden_sizes=(5, 4)), epochs=3, resume=folder)


def test_keywords_of_own_networks_are_their_own(tmp_path):
    def networks(x, a, hidden_sizes, seed=7, gamma=1.5, norm='layer', action_space=None):
        return own_networks(x, a, action_space=action_space)

    folder = str(tmp_path / 'run')
    config = train(folder, actor_critic=networks, seed=2, gamma=0.9)
    assert (config['seed'], config['gamma']) == (2, 0.9)
    assert config['ac_kwargs'] == dict(seed=7, gamma=1.5, norm='layer', hidden_sizes=[8, 8])
    with pytest.raises(BadSetting, match='seed=3: expected 2, as the run'):
        train(folder, actor_critic=networks, seed=3, gamma=0.9, epochs=2, resume=folder)
    with pytest.raises(BadSetting, match='norm=none: expected layer, as the run'):
        train(folder, actor_critic=networks, seed=2, gamma=0.9, epochs=2, resume=folder,
              ac_kwargs=dict(SHORT['ac_kwargs'], norm='none'))


def test_what_is_one_s_own_is_told_from_ours_of_the_same_name(tmp_path, capsys):
    def mlp_actor_critic(x, a, **kwargs):
        return core.mlp_actor_critic(x, a, **kwargs)

    def relu(x):
        return tf.nn.relu(x)

    for name, own, said in (
            ('a', dict(actor_critic=mlp_actor_critic), 'actor_critic=test_python_use.mlp_actor'),
            ('b', dict(ac_kwargs=dict(SHORT['ac_kwargs'], activation=relu)), 'python_use.relu'),
            ('c', dict(ac_kwargs=dict(SHORT['ac_kwargs'], output_activation=tf.sin)),
             'settings that are no flags: output_activation')):
        train(tmp_path / name, **own)
        line = call(capsys, '--resume', tmp_path / name, '--epochs', '2')[2]
        assert said in line and 'go on from Python' in line


def test_a_run_whose_networks_draw_numbers_says_so_when_it_goes_on(tmp_path, capsys):
    def dropped(x, a, training, action_space=None):
        x = tf.nn.dropout(x, rate=0.1) if training else x
        return own_networks(x, a, action_space=action_space)

    settings = dict(actor_critic=dropped, ac_kwargs={})
    train(tmp_path / 'run', **settings)
    assert 'Warning' not in capsys.readouterr().out
    train(tmp_path / 'run', epochs=2, resume=tmp_path / 'run', **settings)
    assert 'dropout/random_uniform/RandomUniform draws random numbers' in capsys.readouterr().out
    train(tmp_path / 'other')
    train(tmp_path / 'other', epochs=2, resume=tmp_path / 'other')
    assert 'Warning' not in capsys.readouterr().out


def test_what_a_replay_buffer_has_of_its_own_is_named_once(tmp_path, capsys, monkeypatch):
    class Prioritized(ddpg.ReplayBuffer):
        def store(self, *transition):
            super().store(*transition)
            self.priority = np.ones(self.max_size)

    monkeypatch.setattr(ddpg, 'ReplayBuffer', Prioritized)
    train(tmp_path / 'run', epochs=2, save_freq=1)
    said = 'the replay buffer has priority, which no checkpoint has'
    assert capsys.readouterr().out.count(said) == 1


def test_an_environment_of_a_function_goes_on_from_python_only(tmp_path, capsys):
    folder = str(tmp_path / 'run')
    config = train(folder, lambda: gym.make('Pendulum-v0'))
    assert config['env'] == 'Pendulum-v0' and config['env_made_by'] == 'function'
    assert 'made by a function' in call(capsys, '--resume', folder, '--epochs', '2')[2]
    train(folder, lambda: gym.make('Pendulum-v0'), epochs=2, resume=folder)
    assert RunFolder(folder).columns['Epoch'] == ('1', '2')


@pytest.mark.parametrize('known', [
    dict(foo=1), dict(output_fname='log.txt'), dict(exp_name=object()), dict(output_dir=5),
    dict(output_dir=b'run'), dict(data_dir='', output_dir=None, exp_name='x'),
    dict(data_dir='out', exp_name='x'), dict(output_dir='a[1]')])
def test_other_logger_kwargs_are_refused(known, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadSetting, match='(logger_kwargs|data_dir|output_dir)=.*: expected '):
        ddpg.ddpg('Pendulum-v0', logger_kwargs=dict(dict(output_dir='run'), **known), **SHORT)
    assert not os.listdir('.')


def test_a_folder_that_cannot_be_made_leaves_none_above_it(tmp_path):
    with pytest.raises(BadSetting, match='output_dir=.*too long'):
        train(tmp_path / 'p' / 'q' / (300 * 'x'))
    assert not os.listdir(str(tmp_path))


def test_what_is_no_folder_is_not_resumed(tmp_path):
    with pytest.raises(BadSetting, match='resume=5: expected the folder of a run'):
        train(tmp_path / 'run', resume=5)


@pytest.mark.parametrize('key', ['data_dir', 'output_dir'])
def test_a_run_goes_on_with_all_other_arguments_as_before(key, tmp_path):
    """As docs/own.md has it; folders may be texts or paths."""
    def known(path):
        return {'logger_kwargs': {key: path(tmp_path / 'out'), 'exp_name': 'x'}}

    first = ddpg.ddpg('Pendulum-v0', **dict(SHORT, **known(pathlib.Path)))
    for epochs, path in ((2, pathlib.Path), (3, str)):
        again = ddpg.ddpg('Pendulum-v0', resume=path(first.folder),
                          **dict(SHORT, epochs=epochs, **known(path)))
        assert again.folder == first.folder and len(again.table) == epochs
        assert list(again.table.Epoch) == list(range(1, epochs + 1))


def test_a_run_does_not_go_on_in_another_folder(tmp_path):
    train(tmp_path / 'a')
    with pytest.raises(BadSetting, match='logger_kwargs=.*: expected no other output_dir'):
        train(tmp_path / 'b', epochs=2, resume=tmp_path / 'a')
    assert not (tmp_path / 'b').exists()


def test_what_was_begun_in_python_goes_on_by_the_command_line(tmp_path, capsys, few_states):
    """Also by a named default: a setting that was not given is in config.json."""
    config = train(tmp_path / 'a', policy='random', gamma=0.5)
    assert config['polyak'] == 0.02 and config['ac_kwargs']['action_layer'] == 2
    code, out, err = run_main(capsys, '--resume', tmp_path / 'a', '--epochs', '2')
    assert code is None and 'Going on' in out and err == ''


@pytest.mark.parametrize('wrong, got', [
    (lambda pi, q, q_pi: (pi, q[:, None], q_pi), r'q \(N, 1\)'),
    (lambda pi, q, q_pi: (pi, q, q_pi[:, None]), r'q_pi \(N, 1\)'),
    (lambda pi, q, q_pi: (tf.concat([pi, pi], 1), q, q_pi), r'pi \(N, 2\)'),
    (lambda pi, q, q_pi: (pi[:, 0], q, q_pi), r'pi \(N,\)'),
    (lambda pi, q, q_pi: (pi, q), r'got pi \(N, 1\), q \(N,\)$'),
    (lambda pi, q, q_pi: None, 'got nothing$')])
def test_networks_of_other_shapes_are_refused(wrong, got, tmp_path):
    with pytest.raises(ValueError, match=r'expected pi \(N, 1\), q \(N,\) and q_pi.*' + got):
        train(tmp_path / 'run', actor_critic=lambda *args, **kwargs: wrong(
            *core.mlp_actor_critic(*args, **kwargs)))
    assert not (tmp_path / 'run').exists()


def test_networks_that_make_their_weights_anew_are_refused(tmp_path):
    def of_variables(x, a, action_space):
        with tf.variable_scope('pi'):
            pi = tf.tanh(x @ tf.Variable(tf.zeros([3, 1])))
        with tf.variable_scope('q'):
            weight = tf.Variable(tf.zeros([4, 1]))
        return [pi] + [(tf.concat([x, b], 1) @ weight)[:, 0] for b in (a, pi)]

    with pytest.raises(ValueError, match='makes actor_loss/pi/Variable, .*expected.*get_variable'):
        train(tmp_path / 'run', actor_critic=of_variables, ac_kwargs={})
    assert not (tmp_path / 'run').exists()


# ---- What is given back --------------------------------------------------------------------------

def test_all_files_are_closed_and_no_handler_is_left(tmp_path):
    def open_files():
        return len(os.listdir('/proc/self/fd'))

    handlers = [signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
    train(tmp_path / '0')
    before = open_files()
    for name in '12':
        train(tmp_path / name)
    assert open_files() <= before
    with pytest.raises(ValueError):
        train(tmp_path / '3', actor_critic=lambda *args, **kwargs: (1, 2, 3))
    assert open_files() <= before
    assert handlers == [signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
    assert not tf.get_default_graph().get_operations()


def test_an_interrupt_in_python_saves(tmp_path, capsys):
    steps, resets = [], []

    class Interrupting(gym.Wrapper):
        def __init__(self, env):
            super().__init__(env)
            signal.signal(signal.SIGINT, signal.default_int_handler)    # as some simulators do

        def reset(self):
            if not resets:
                signal.signal(signal.SIGINT, signal.default_int_handler)
            resets.append(0)
            return self.env.reset()

        def step(self, a):
            steps.append(a)
            if len(steps) == 277:            # a test's 200 among them
                os.kill(os.getpid(), signal.SIGINT)
            return self.env.step(a)

    def env_fn():
        return Interrupting(gym.make('Pendulum-v0'))

    with pytest.raises(guard.Interrupted, match='SIGINT at step 77'):
        train(tmp_path / 'run', env_fn, steps_per_epoch=70, epochs=2)
    assert 'Interrupted by SIGINT at step 77' in capsys.readouterr().out
    with pytest.raises(BadSetting, match='epochs=1: expected at least 2, which the run has begun'):
        train(tmp_path / 'run', env_fn, steps_per_epoch=70, epochs=1, resume=str(tmp_path / 'run'))
    train(tmp_path / 'run', env_fn, steps_per_epoch=70, epochs=2, resume=str(tmp_path / 'run'))
    assert 'Going on after step 77' in capsys.readouterr().out


def test_an_interrupt_while_the_truth_is_measured_ends_at_once(tmp_path, capsys):
    resets, steps = [], []

    class Interrupting(gym.Wrapper):
        def reset(self):
            resets.append(len(resets))
            if len(resets) == 30:
                os.kill(os.getpid(), signal.SIGINT)
            return self.env.reset()

        def step(self, a):
            steps.append(len(resets))
            return self.env.step(a)

    with pytest.raises(guard.Interrupted, match='SIGINT at step 0'):
        train(tmp_path / 'run', lambda: Interrupting(gym.make('Pendulum-v0')), policy='random')
    assert len(resets) < 33 and steps.count(len(resets)) <= truth.FIRST_STEPS, 'no rollout'
    assert 'SIGINT at step 0. Nothing has been trained yet.' in capsys.readouterr().out


def test_a_process_that_is_forked_may_have_a_session():
    code = ('import os, signal; from harness.quiet_tf import tf; child = os.fork()\n'
            'if not child:\n    signal.alarm(20); tf.Session().run(tf.ones(()) + 1); os._exit(0)\n'
            'assert os.waitpid(child, 0)[1] == 0')
    subprocess.run([sys.executable, '-c', code], cwd=HERE, check=True)


def test_in_another_thread_it_trains_and_takes_no_signals(tmp_path):
    results = []
    thread = threading.Thread(target=lambda: results.append(train(tmp_path / 'run')))
    thread.start()
    thread.join()
    assert results[0]['env'] == 'Pendulum-v0'


# ---- What surrounds a command --------------------------------------------------------------------

@pytest.mark.parametrize('words, said', [
    ('--replay-size 1e12', '--replay-size 1000000000000: expected what fits into memory'),
    ('--hid 200000 200000', '--hidden-sizes 200000 200000: expected what fits into memory'),
    ('--replay-size 1e8 --batch-size 1e8', '--batch-size 100000000: expected what fits'),
    ('--threads 65', '--threads 65: expected at most 64'),
    ('--exp-name ' + 'x' * 201, 'expected at most 200 bytes'),
    ('--exp-name ' + 'ä' * 101, 'expected at most 200 bytes')])
def test_what_is_too_large_is_refused_before_anything_is_written(
        words, said, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert said in refusal(capsys, '--env', 'Pendulum-v0', *words.split())


def test_memory_is_that_of_the_machine(monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    assert 1e8 < files.memory_available() < 1e13
    monkeypatch.setattr('harness.run.memory_available', lambda: 30e6)
    assert 'takes 0 GB, and there are 0.0' in refusal(capsys, '--env', 'Pendulum-v0')
    assert run_main(capsys, *FLAGS, '--replay-size', '1e5')[0] is None


def test_memory_is_that_of_the_container(tmp_path, monkeypatch):
    monkeypatch.setattr(files, 'open', lambda path: open(
        path.replace('/sys/fs/cgroup', str(tmp_path))), raising=False)
    assert files.memory_available() > 1e7
    for name, text in {'memory.max': '3000\n', 'memory.current': '2500\n',
                       'memory.stat': 'anon 9\ninactive_file 700\n'}.items():
        (tmp_path / name).write_text(text)
    assert files.memory_available() == 3000 - 2500 + 700
    (tmp_path / 'memory.max').write_text('max\n')
    assert files.memory_available() > 1e7


def test_garbage_is_still_collected():
    assert gc.isenabled()


LOUD = '''
import gym, os
from gym.envs.classic_control import PendulumEnv

class Loud(PendulumEnv):
    def reset(self):
        for stream in (0, 1, 2):
            os.write(stream, b'as C code prints')
        return super().reset()

gym.register('Loud-v0', entry_point=Loud, max_episode_steps=200)
'''


def test_without_streams_it_trains_and_nothing_is_printed_into_its_files(tmp_path, env_module):
    env_module('loud', LOUD)
    words = ' '.join([sys.executable, os.path.join(HERE, 'ddpg.py'), '--data-dir',
                      str(tmp_path / 'out'), *FLAGS, '--env', 'loud:Loud-v0'])
    subprocess.run(['sh', '-c', words + ' <&- >&- 2>&-'], check=True,
                   env=dict(os.environ, PYTHONPATH=str(tmp_path)))
    folder = only_run(tmp_path / 'out')
    assert RunFolder(folder).columns['Epoch'] == ('1', '2')
    for where, _, names in os.walk(folder):
        for name in names:
            with open(os.path.join(where, name), 'rb') as file:
                assert b'as C code prints' not in file.read(), name


@pytest.mark.parametrize('words', ['ddpg.py', '-m tools.sweep', '-m tools.bench.recipes'])
def test_help_for_a_reader_who_leaves(words):
    reader, writer = os.pipe()
    os.close(reader)
    with open(writer, 'wb') as closed:
        ended = subprocess.run([sys.executable, *words.split(), '--help'], stdout=closed,
                               stderr=subprocess.PIPE, cwd=HERE)
    assert (ended.returncode, ended.stderr) == (0, b'')


def test_the_commit_is_told_and_git_writes_nothing(tmp_path, monkeypatch):
    def git(*words):
        subprocess.run(('git', '-c', 'user.name=a', '-c', 'user.email=a') + words, check=True)

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(origin, 'HERE', str(tmp_path))
    code = tmp_path / 'code.py'
    code.write_text('a = 1')
    git('init', '-q')
    assert origin.commit() is None                      # there is none
    git('add', '.')
    git('commit', '-qm', 'one')
    head = subprocess.check_output(['git', 'rev-parse', 'HEAD'], universal_newlines=True).strip()
    os.utime(str(code), (1, 1))                         # git's index does not know this time
    (tmp_path / 'of no commit').write_text('')
    before = tree('.')
    assert origin.commit() == head and tree('.') == before
    code.write_text('a = 2')
    before = tree('.')
    assert origin.commit() == head + '-dirty' and tree('.') == before


def test_without_git_the_commit_is_null(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv('PATH', str(tmp_path))
    assert run_main(capsys, *FLAGS, '--data-dir', tmp_path / 'out')[0] is None
    assert files.read_config(only_run(tmp_path / 'out'))['commit'] is None


def test_without_a_reader_a_run_goes_on(tmp_path):
    process = start('--data-dir', str(tmp_path), *FLAGS, '--epochs', '4')
    for line in process.stdout:
        if 'TotalEnvInteracts' in line:
            break
    process.stdout.close()
    err = process.stderr.read()
    assert process.wait(120) == 0 and err == ''
    assert RunFolder(only_run(tmp_path)).columns['Epoch'] == ('1', '2', '3', '4')


def test_a_screen_whose_disk_is_full_for_a_while(tmp_path):
    """What is said meanwhile is lost, and no more; at the end Python's own flush does not fail."""
    class Stream(io.StringIO):
        full = True

        def write(self, text):
            if self.full:
                raise OSError(errno.ENOSPC, 'No space left on device')
            return super().write(text)

    stream = Stream()
    screen = command.Screen(stream)
    screen.write('lost')
    stream.full = False
    screen.write('told')
    screen.flush()
    assert stream.getvalue() == 'told'
    buffered = {name: value for name, value in os.environ.items() if name != 'PYTHONUNBUFFERED'}
    for words in (['ddpg.py'], ['-m', 'tools.summary']):
        with open('/dev/full', 'w') as full:
            process = subprocess.run([sys.executable, *words, '--help'], cwd=HERE, env=buffered,
                                     stdout=full, stderr=subprocess.PIPE)
        assert (process.returncode, process.stderr) == (0, b'')


def test_a_stream_that_takes_the_screen_s_place_ends_nothing():
    """Such as a Tee, which has what print needs, and no more."""
    class Tee:
        def __init__(self, stream):
            self.write, self.flush = stream.write, stream.flush

    before = sys.stdout
    with command.ending('x'):
        sys.stdout = Tee(sys.stdout)
        print('told')
    assert sys.stdout is before


@pytest.mark.parametrize('ignored', [False, True])
def test_a_terminal_that_closes_ends_a_run_unless_under_nohup(tmp_path, ignored):
    epochs = '6' if ignored else '8000'
    process = start('--data-dir', str(tmp_path), *FLAGS, '--epochs', epochs, preexec_fn=lambda: (
        signal.signal(signal.SIGHUP, signal.SIG_IGN if ignored else signal.SIG_DFL)))
    for line in process.stdout:
        if 'TotalEnvInteracts' in line:
            process.send_signal(signal.SIGHUP)
            break
    out, err = finish(process, 0 if ignored else 128 + signal.SIGHUP)
    assert err == '' and ('Interrupted by SIGHUP' in out) != ignored


def test_without_docstrings_tensorflow_cannot_be_imported_and_that_is_told():
    ours, spinups = [os.path.join(HERE, 'ddpg.py'), '--help'], [
        '-c', 'from spinup.utils import logx; logx.import_tensorflow()']
    for flag, words, code in (('-O', ours, 0), ('-OO', ours, 2), ('-OO', spinups, 2)):
        done = subprocess.run([sys.executable, flag] + words, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, universal_newlines=True)
        assert done.returncode == code and done.stderr.count('\n') == (code > 0)


def test_the_end_says_where_the_run_is_and_how_to_go_on(tmp_path, capsys):
    _, out, _ = run_main(capsys, *FLAGS, '--data-dir', tmp_path)
    run = only_run(tmp_path)
    for words in ('The run is in ' + run, 'spinup.run test_policy ' + run,
                  'spinup.run plot ' + run, 'tools.diagnose ' + run,
                  'ddpg.py --resume {} --epochs 4'.format(run)):
        assert words in out
