"""
test_to_td3.py: docs/to-td3.md: its diff applies to this repository, and what it makes of it is TD3,
whose runs have the same bits on any number of threads, and after a kill.
"""
import os
import pickle
import re
import shutil
import signal
import subprocess
import sys

import numpy as np
import pytest

from harness.quiet_tf import tf
from kit import (ACT, HERE, N, SPACE, dense_stack, finish, minibatch, numpy_pi, only_run, wait_for)

DIFF = os.path.join('docs', 'examples', 'to_td3.diff')
UPDATES, SEED, POLYAK = 16, 7, 0.1

# Updates of tiny networks in the changed code, with all variables before the first and after each.
WATCHED = '''
import pickle
import sys
from kit import TINY, Tiny, minibatch, np, tf

seen = {{}}
for norm, last in (('none', 'dense_2/bias'), ('batch', 'norm_3/shift')):
    tiny = Tiny(threads=2, seed={seed}, polyak={polyak}, ac_kwargs=dict(TINY, norm=norm))
    tiny.load('target/pi/' + last, np.float32([2, -2]))         # so that bounds are met
    with tiny.tf_graph.as_default():
        variables = {{v.op.name: v for v in tf.global_variables()}}
    g = tiny.graph
    fetches = dict(backup=g.backup, q_loss=g.q_loss, pi_loss=g.pi_loss, step=g.targ_step)
    values, found = [tiny.sess.run(variables)], []
    for update in range({updates}):
        found.append(tiny.run(fetches, minibatch(update)))
        values.append(tiny.sess.run(variables))
    seen[norm] = values, found
with open(sys.argv[1], 'wb') as file:
    pickle.dump(seen, file)
'''

PENDULUM = ('--env Pendulum-v0 --epochs 4 --steps-per-epoch 150 --start-steps 60 --update-after 50 '
            '--num-test-episodes 1 --max-ep-len 70 --hid 32 24 --save-freq 1').split()


def text_of(*path):
    with open(os.path.join(HERE, *path), encoding='utf-8') as file:
        return file.read()


@pytest.fixture(scope='module')
def changed(tmp_path_factory):
    """A copy of the repository, without its runs, after the page's command."""
    listed = subprocess.run(['git', 'ls-files'], cwd=HERE, stdout=subprocess.PIPE,
                            universal_newlines=True)
    if listed.returncode:
        pytest.skip('no git here')
    copy = str(tmp_path_factory.mktemp('td3'))
    for path in listed.stdout.split('\n'):
        if path and not path.startswith('out/'):
            os.makedirs(os.path.dirname(os.path.join(copy, path)), exist_ok=True)
            shutil.copy(os.path.join(HERE, path), os.path.join(copy, path))
    before = text_of('core.py'), text_of('ddpg.py')
    command, = re.findall(r'^ {4}(git apply .*to_td3.diff)$', text_of('docs', 'to-td3.md'),
                          re.MULTILINE)
    subprocess.run(command.split(), cwd=copy, check=True)
    yield copy
    assert (text_of('core.py'), text_of('ddpg.py')) == before


def python(changed, *words):
    """`python words` of the changed copy, as a process with pipes."""
    path = os.pathsep.join([changed, os.path.join(changed, 'tests')])
    return subprocess.Popen([sys.executable] + list(words), cwd=changed,
                            env=dict(os.environ, PYTHONPATH=path), stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, universal_newlines=True)


# ---- The page, and what the diff makes -----------------------------------------------------------

def test_the_page_shows_the_diff():
    shown, = re.findall(r'```diff\n(.*?)```', text_of('docs', 'to-td3.md'), re.DOTALL)
    assert shown == text_of(DIFF)
    come, go = (len(re.findall(r'^[{0}](?!\{0}\{0} )'.format(sign), shown, re.MULTILINE))
                for sign in '+-')          # but the files' names, '--- ' and '+++ '
    assert '{} lines come and {} go'.format(come, go) in text_of('docs', 'to-td3.md')


def test_the_changed_files_fit_the_repository_s_lines(changed):
    for name in ('core.py', 'ddpg.py'):
        with open(os.path.join(changed, name), encoding='utf-8') as file:
            lines = file.read().split('\n')
        assert lines != text_of(name).split('\n') and max(map(len, lines)) <= 100


@pytest.fixture(scope='module')
def watched(changed, tmp_path_factory):
    """{norm: (values of all variables, what each update gave)}."""
    path = str(tmp_path_factory.mktemp('watched') / 'seen.pkl')
    finish(python(changed, '-c', WATCHED.format(updates=UPDATES, seed=SEED, polyak=POLYAK), path))
    with open(path, 'rb') as file:
        return pickle.load(file)


def noise(update):
    """eps of an update, counted from 0."""
    with tf.Graph().as_default(), tf.Session() as sess:
        drawn = sess.run(tf.random.stateless_normal((N, ACT), [SEED, update]))
    return np.clip(0.2 * drawn, -0.5, 0.5)


def q(w, net, number, x, a, seen=None):
    """Q_number(x, a), (N,), in NumPy."""
    return dense_stack(w, '{}/q/{}/'.format(net, number), x, a, seen=seen)[:, 0]


@pytest.mark.parametrize('norm', ['none', 'batch'])
def test_backup_and_losses_are_td3_s(watched, norm):
    values, found = watched[norm]
    half, met, clipped, lower = (SPACE.high - SPACE.low) / 2, 0, 0, set()
    for update in range(UPDATES):
        w, after, got = values[update], values[update + 1], found[update]
        x, a, r, x2, d = minibatch(update)
        eps = noise(update)
        a2 = np.clip(numpy_pi(w, 'target', x2, {}) + half * eps, SPACE.low, SPACE.high)
        met += np.sum((a2 == SPACE.low) | (a2 == SPACE.high))
        clipped += np.sum(np.abs(eps) == 0.5)
        each = [r + 0.99 * (1 - d) * q(w, 'target', i, x2, a2, {}) for i in (1, 2)]
        lower |= set(np.argmin(each, axis=0)[:-1])
        for backup in each:
            assert (got['backup'] <= backup + 1e-4).all()
        np.testing.assert_allclose(got['backup'], np.minimum(*each), rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(got['q_loss'], sum(
            np.mean((got['backup'] - q(w, 'main', i, x, a, {})) ** 2) for i in (1, 2)), rtol=1e-4)
        # The actor climbs the first critic, after its step.
        np.testing.assert_allclose(got['pi_loss'], -np.mean(
            q(after, 'main', 1, x, numpy_pi(w, 'main', x, {}), {})), rtol=1e-3, atol=1e-4)
    assert met and clipped and lower == {0, 1}      # the cases were there


@pytest.mark.parametrize('norm', ['none', 'batch'])
def test_actor_and_targets_move_in_every_second_update(watched, norm):
    values, _ = watched[norm]
    late = [name for name in values[0] if re.match('target/|main/pi/|actor_step/', name)]
    both = [name for name in values[0] if re.match('main/q/|critic_step/', name)]
    assert {name.split('/')[0] for name in late + both} == {'main', 'target', 'actor_step',
                                                            'critic_step'}
    assert set(late + both) == set(values[0]) - {'updates'}
    for number in (1, 2):
        assert 'main/q/{}/dense/kernel'.format(number) in both
    assert not np.array_equal(*(values[0]['main/q/{}/dense/kernel'.format(i)] for i in (1, 2)))
    for update in range(UPDATES):
        before, after = values[update], values[update + 1]
        assert after['updates'] == update + 1
        moved = {name for name in before if before[name].tobytes() != after[name].tobytes()}
        assert moved - {'updates'} <= set(both if update % 2 == 0 else both + late)
        assert {'main/q/1/dense_2/kernel', 'main/q/2/dense_2/kernel'} <= moved
        if update % 2 == 1:
            assert {name for name in late if name.endswith('dense_2/kernel')} <= moved
            assert any(name.startswith('actor_step/') for name in moved)
            for name in late:
                if name.startswith('target/'):      # by the weights that both steps left
                    main = after[name.replace('target/', 'main/', 1)]
                    np.testing.assert_allclose(
                        after[name], POLYAK * main + (1 - POLYAK) * before[name], rtol=1e-5,
                        atol=1e-6)


# ---- Runs ----------------------------------------------------------------------------------------

def test_same_bits_on_two_threads_and_after_a_kill(changed, tmp_path):
    def started(name, threads, *flags):
        return python(changed, 'ddpg.py', '--data-dir', str(tmp_path / name), '--threads', threads,
                      *flags, *PENDULUM)

    processes = [started(threads, threads) for threads in ('1', '2')]
    for process in processes:
        finish(process)
    # 101 updates are before the first checkpoint and 251 before the second: either lies between an
    # update that the actor skips and one that it takes.
    killed = started('killed', '2')
    wait_for(killed, '|             Epoch |               2 |')
    killed.kill()
    killed.communicate()
    assert killed.returncode == -signal.SIGKILL
    run = only_run(tmp_path / 'killed')
    out, _ = finish(python(changed, 'ddpg.py', '--resume', run, '--threads', '1'))
    assert re.search(r'Going on.* after step (150|300|450)\.', out)
    # By the changed code: to any other, these checkpoints are another program's.
    finish(python(changed, '-c', 'import sys, kit\nfor run in sys.argv[2:]:\n'
                  '    kit.assert_same_end(run, sys.argv[1])',
                  *(only_run(tmp_path / name) for name in ('1', '2', 'killed'))))
