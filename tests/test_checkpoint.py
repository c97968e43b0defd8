"""
test_checkpoint.py: checkpoints on the disk. Whatever happens to them, what is read is what was
written, or it is told in one line that it is not; and environments come back to where they were.
"""
import errno
import json
import os
import random
import resource
import shutil
import signal

import gym
import numpy as np
import pytest
from gym.spaces import Box
from gym.wrappers import TimeLimit
from hypothesis import given, settings, strategies

import ddpg
from harness import checkpoint, files, guard, origin, table
from harness.checkpoint import Checkpoints, Unusable
from harness.envs import make_env
from harness.quiet_tf import tf
from harness.recorded import DoesNotRepeat
from kit import (FakeAgent, assert_same_end, recorded, replay_of, spinup_command, train_tiny,
                 whole_state)


@pytest.fixture(scope='module')
def run(tmp_path_factory):
    """The folder of a finished run."""
    return train_tiny(tmp_path_factory.mktemp('run') / 'run')


@pytest.fixture(scope='module')
def shorter(tmp_path_factory):
    """The same, but two epochs shorter."""
    return train_tiny(tmp_path_factory.mktemp('shorter') / 'run', '--epochs', '2')


@pytest.fixture(scope='module')
def other(tmp_path_factory):
    """A run of another seed."""
    return train_tiny(tmp_path_factory.mktemp('other') / 'run', '--seed', '1')


def state_of(folder):
    """(number, whole_state) of the checkpoint that would be used."""
    with Checkpoints(folder, resume=True) as last:
        number = last.complete[-1][0]
    return number, whole_state(folder)


def names(folder):
    return sorted(name for name in os.listdir(os.path.join(folder, 'checkpoints'))
                  if name != 'lock')


# ---- What is in them ----------------------------------------------------------------------------

def test_two_complete_checkpoints_are_kept_and_no_row_is_written_twice(run):
    # 120 rows fit into the buffer: those before 150 - 120 = 30 are needed by no checkpoint.
    assert names(run) == [
        'checkpoint-000004.json', 'checkpoint-000004.npz', 'checkpoint-000005.json',
        'checkpoint-000005.npz', 'replay-000000000000-000000000050.npz',
        'replay-000000000050-000000000100.npz', 'replay-000000000100-000000000150.npz',
        'replay-000000000150-000000000200.npz']
    with Checkpoints(run, resume=True) as last:
        assert [number for number, _ in last.complete] == [4, 5]
        weights = last.state['agent']['weights']
        assert len(weights) == 2 * 12 + 2 * 12 + 4      # main, target; Adam's slots, its powers
        assert last.state['t'] == 200 and last.state['epochs_done'] == 4


def test_there_is_nothing_to_unpickle(run):
    for name in names(run):
        path = os.path.join(run, 'checkpoints', name)
        if name.endswith('.npz'):
            with np.load(path, allow_pickle=False) as arrays:
                assert not any(arrays[key].dtype.hasobject for key in arrays.files)
        else:
            with open(path) as file:
                assert set(json.load(file)) == {'format', 'sha256', 'content'}


def test_the_cost_of_saving_does_not_grow(tmp_path):
    def written(rows_before):
        """Bytes of what a save after 10 new rows writes."""
        replay = ddpg.ReplayBuffer(3, 2, 5000, 0)
        with Checkpoints(str(tmp_path / str(rows_before))) as checkpoints:
            replay.stored = rows_before
            checkpoints.save({}, {}, replay)
            before = set(names(checkpoints.run_folder))
            replay.stored += 10
            checkpoints.save({}, {}, replay)
            return sum(os.path.getsize(checkpoints._path(name))
                       for name in set(names(checkpoints.run_folder)) - before)

    assert written(4000) - written(100) < 20        # digits of numbers


@settings(max_examples=60, deadline=None)
@given(size=strategies.integers(1, 40), rows_per_file=strategies.integers(1, 30),
       blocks=strategies.lists(strategies.integers(0, 60), min_size=1, max_size=8),
       reopen=strategies.integers(0, 255))
def test_the_replay_buffer_comes_back(tmp_path_factory, size, rows_per_file, blocks, reopen):
    folder = str(tmp_path_factory.mktemp('rows'))
    checkpoint_rows, checkpoint.ROWS_PER_FILE = checkpoint.ROWS_PER_FILE, rows_per_file
    config = origin.provenance()
    try:
        replay, checkpoints = ddpg.ReplayBuffer(2, 1, size, 0), Checkpoints(folder)
        for i, block in enumerate(blocks):
            for _ in range(block):
                n = replay.stored
                replay.store([n, n + 0.1], [n + 0.2], n + 0.3, [n + 0.4, n + 0.5], n % 2)
            checkpoints.save(config, dict(i=i), replay)
            if reopen >> i & 1:         # the process was killed here, and another goes on
                checkpoints.close()
                checkpoints = Checkpoints(folder, resume=True)
                assert checkpoints.state == dict(i=i)
                back = ddpg.ReplayBuffer(2, 1, size, 0)
                checkpoints.restore(back)
                for name in ('x', 'a', 'r', 'x2', 'd', 'stored'):
                    np.testing.assert_array_equal(getattr(back, name), getattr(replay, name))
                replay = back
        assert sum(name.endswith('.json') for name in names(folder)) == min(2, len(blocks))
        checkpoints.close()
    finally:
        checkpoint.ROWS_PER_FILE = checkpoint_rows


def test_what_is_saved_when_and_in_which_order(tmp_path, monkeypatch):
    """The checkpoint last: where that of the last epoch is, the run has finished."""
    done, save = [], Checkpoints.save
    monkeypatch.setattr(FakeAgent, 'save', lambda self, env: done.append('export'))
    monkeypatch.setattr(Checkpoints, 'save', lambda self, config, state, replay: (
        done.append(state['epochs_done']), save(self, config, state, replay)))
    folder = str(tmp_path / 'run')
    replay_of(Random, folder, epochs=7, steps_per_epoch=10, save_freq=3, max_ep_len=4)
    assert done == ['export', 0, 'export', 3, 'export', 6, 'export', 7]
    with Checkpoints(folder, resume=True) as last:
        assert len(last.state['env']['before']['actions']) == 4, 'the episode before, too'


# ---- Kills and errors within saving -------------------------------------------------------------

class Killed(BaseException):
    """In place of SIGKILL: nothing catches it."""


def failing_at(monkeypatch, n, error):
    """Let the n-th operation on files raise `error`; the first is 1. Returns what counts them."""
    count = [0]

    def wrapped(function):
        def call(*args, **kwargs):
            count[0] += 1
            if count[0] == n:
                raise error
            return function(*args, **kwargs)
        return call

    for name in ('fsync', 'replace', 'remove', 'open', 'listdir'):
        monkeypatch.setattr(files.os, name, wrapped(getattr(os, name)))
    return count


def buffer_and_checkpoints(folder):
    """A buffer whose rows are in two checkpoints, and five more rows."""
    replay, checkpoints = ddpg.ReplayBuffer(2, 1, 12, 0), Checkpoints(str(folder))
    for i in range(25):
        replay.store([i, i], [i], i, [i, i], 0)
        if i in (9, 19):
            checkpoints.save(origin.provenance(), dict(t=i + 1, big=np.arange(99)), replay)
    return replay, checkpoints


@pytest.fixture
def synced(monkeypatch):
    """The names of what reached the disk, in order, and `named` where a file got its name."""
    done, fsync, replace = [], os.fsync, os.replace
    monkeypatch.setattr(os, 'fsync', lambda fd: (done.append(os.path.basename(
        os.readlink('/proc/self/fd/{}'.format(fd)))), fsync(fd)))
    monkeypatch.setattr(os, 'replace', lambda *paths: (done.append('named'), replace(*paths)))
    return done


def test_a_file_is_on_the_disk_before_it_has_its_name(tmp_path, synced):
    files.write_whole(str(tmp_path / 'a'), b'data')
    assert synced == ['a.partial', 'named', tmp_path.name]


def test_table_and_curves_are_on_the_disk_before_a_checkpoint_counts_on_them(tmp_path, synced):
    made = table.Table(dict(output_dir=str(tmp_path)), lambda: 0)
    del synced[:]
    made.get_state()
    made.close()
    assert sorted(synced) == ['events.out.tfevents.life-000001', 'progress.txt']


def test_the_name_of_the_folder_of_checkpoints_is_on_the_disk(tmp_path, synced):
    with Checkpoints(str(tmp_path)) as checkpoints:
        assert synced == [tmp_path.name]
        shutil.rmtree(checkpoints.folder)
        checkpoints.claim()
        assert synced == [tmp_path.name] * 2


@pytest.mark.parametrize('n', range(1, 20))
def test_killed_at_any_operation_of_a_save_it_is_one_or_the_other(tmp_path, monkeypatch, n):
    config = origin.provenance()
    replay, checkpoints = buffer_and_checkpoints(tmp_path)
    failing_at(monkeypatch, n, Killed())
    try:
        checkpoints.save(config, dict(t=25, big=np.arange(99)), replay)
        whole = True
    except Killed:
        whole = False
    monkeypatch.undo()
    checkpoints.close()
    with Checkpoints(str(tmp_path), resume=True) as last:
        t = last.state['t']
        assert t in (20, 25) and (t == 25 or not whole)
        assert last.state['big'].tolist() == list(range(99))
        back = ddpg.ReplayBuffer(2, 1, 12, 0)
        last.restore(back)
        assert back.stored == t and sorted(back.r) == list(range(t - 12, t))
        # What was not completed is told, and goes.
        begun = any('checkpoint-000003' in name for name in names(str(tmp_path)))
        assert len(last.ignored) == (t == 20 and begun)
        last.go_on()
        last.save(config, dict(t=25), replay)
        assert not [name for name in names(str(tmp_path)) if 'partial' in name]
        assert [number for number, _ in last.complete][-1] > 2


@pytest.mark.parametrize('n', range(1, 20))
def test_after_any_error_of_a_save_the_next_one_succeeds(tmp_path, monkeypatch, n):
    config = origin.provenance()
    replay, checkpoints = buffer_and_checkpoints(tmp_path)
    failing_at(monkeypatch, n, OSError(errno.ENOSPC, 'No space left on device'))
    try:
        checkpoints.save(config, dict(t=25), replay)
    except OSError:
        pass
    monkeypatch.undo()
    # What could not be completed takes no space. (From the 13th on, it is complete.)
    assert n > 12 or not [name for name in names(str(tmp_path))
                         if 'partial' in name or 'checkpoint-000003' in name]
    replay.store([25, 25], [25], 25, [25, 25], 0)
    checkpoints.save(config, dict(t=26), replay)
    checkpoints.close()
    with Checkpoints(str(tmp_path), resume=True) as last:
        back = ddpg.ReplayBuffer(2, 1, 12, 0)
        last.restore(back)
        assert last.state == dict(t=26) and not last.ignored
        assert sorted(back.r) == list(range(14, 26))


def disk_is_full_at(numbers, monkeypatch):
    """Let the saves of these numbers fail: 1 is that at the start, each other one an epoch's."""
    saves, write_whole = [], checkpoint.write_whole

    def full_disk(path, data):
        if path.endswith('.npz') and 'checkpoint-' in path:
            saves.append(path)
            if len(saves) in numbers:
                raise OSError(errno.ENOSPC, 'No space left on device')
        return write_whole(path, data)

    monkeypatch.setattr(checkpoint, 'write_whole', full_disk)


def test_a_full_disk_is_told_and_training_goes_on(tmp_path, run, monkeypatch, capsys):
    disk_is_full_at((2, 3), monkeypatch)
    folder = train_tiny(tmp_path / 'run')
    out = capsys.readouterr().out
    assert out.count('could not save a checkpoint') == 2 and 'No space left on device' in out
    assert_same_end(folder, run)


def test_a_disk_that_is_full_at_the_last_save_ends_the_run(
        tmp_path, run, main, monkeypatch, capsys):
    with monkeypatch.context() as patch, pytest.raises(guard.NotSaved, match=(
            r'^all is trained, but could not save a checkpoint at step 200: \[Errno 28\] No ')):
        disk_is_full_at((5,), patch)
        train_tiny(tmp_path / 'run')
    out = capsys.readouterr().out
    assert 'To go on from the last checkpoint: ' in out and 'Warning' not in out
    assert main('--resume', tmp_path / 'run')[0] == 0
    assert_same_end(str(tmp_path / 'run'), run)


def test_where_nothing_could_be_saved_a_signal_says_so(tmp_path, monkeypatch, capsys):
    def full_disk(path, data):
        if not guard.pending_signal():
            os.kill(os.getpid(), signal.SIGTERM)
        raise OSError(errno.ENOSPC, 'No space left on device')

    monkeypatch.setattr(checkpoint, 'write_whole', full_disk)
    with guard.noting_signals(), pytest.raises(guard.Interrupted):
        train_tiny(tmp_path / 'run')
    out = capsys.readouterr().out
    assert 'Interrupted by SIGTERM at step 1. Nothing could be saved.' in out


def test_a_table_that_cannot_be_written_waits(tmp_path, run, monkeypatch, capsys):
    class FullDisk:
        """progress.txt, on a disk that is full until the third row comes."""
        def __init__(self, file):
            self.file, self.name, self.rows = file, file.name, 0

        def write(self, text):
            self.rows += 1
            self.file.write(text)

        def flush(self):
            if 0 < self.rows < 3:
                raise OSError(errno.ENOSPC, 'No space left on device')
            self.file.flush()

        def fileno(self):
            return self.file.fileno()

        def close(self):
            self.file.close()

    init = table.Table.__init__

    def with_full_disk(self, *args, **kwargs):
        init(self, *args, **kwargs)
        self.file.file = FullDisk(self.file.file)

    monkeypatch.setattr(table.Table, '__init__', with_full_disk)
    folder = train_tiny(tmp_path / 'run')
    out = capsys.readouterr().out
    assert out.count('could not write the table') == out.count('could not save a checkpoint') == 2
    assert_same_end(folder, run)


def copied_over(path):
    with open(path) as file:
        first = file.readline()
    with open(path + '.new', 'w') as file:
        file.write(first)
    os.replace(path + '.new', path)


def emptied(path):
    for name in os.listdir(path):
        os.remove(os.path.join(path, name))


def damaged_text(path):
    with open(path, 'ab') as file:
        file.write(b'\xff\n')


@pytest.mark.parametrize('change, name, said', [
    (copied_over, 'progress.txt', 1), (lambda path: open(path, 'w').close(), 'progress.txt', 1),
    (os.remove, 'progress.txt', 1), (damaged_text, 'progress.txt', 1),
    (shutil.rmtree, 'checkpoints', 0), (emptied, 'checkpoints', 0),
    (os.remove, 'checkpoints/lock', 0),
    (os.remove, 'checkpoints/replay-000000000000-000000000050.npz', 0)])
def test_what_someone_changes_while_it_trains_is_put_right(change, name, said, run, tmp_path,
                                                           monkeypatch, capsys):
    end_epoch, folder = table.Table.end_epoch, str(tmp_path / 'run')

    def then_changed(self, **values):
        end_epoch(self, **values)
        if values['Epoch'] == 2:
            change(os.path.join(folder, name))

    monkeypatch.setattr(table.Table, 'end_epoch', then_changed)
    train_tiny(folder)
    assert capsys.readouterr().out.count('it is written anew, with all rows') == said
    assert_same_end(folder, run)
    assert os.path.exists(os.path.join(folder, 'checkpoints', 'lock'))
    Checkpoints(folder, resume=True).close()        # nothing is missing


def test_rows_that_are_missing_and_a_full_disk_leave_what_is_whole(tmp_path, monkeypatch):
    config, replay = origin.provenance(), ddpg.ReplayBuffer(2, 1, 100, 0)

    def stored(rows):
        for n in range(rows):
            replay.store([n, n], [n], n, [n, n], 0)

    with Checkpoints(str(tmp_path)) as checkpoints:
        stored(10)
        checkpoints.save(config, dict(i=0), replay)
        whole = names(str(tmp_path))
        stored(10)
        for full in (checkpoint.name_of(2, 'npz'), checkpoint.name_of(3, 'npz')):
            with monkeypatch.context() as patch, pytest.raises(OSError):
                write_whole = checkpoint.write_whole

                def written(path, data):
                    if path.endswith(full):
                        raise OSError(errno.ENOSPC, 'No space left on device')
                    return write_whole(path, data)

                patch.setattr(checkpoint, 'write_whole', written)
                checkpoints.save(config, dict(i=1), replay)
            assert set(whole) <= set(names(str(tmp_path)))
            for name in set(names(str(tmp_path))) - set(whole):     # to make room
                os.remove(str(tmp_path / 'checkpoints' / name))
        checkpoints.save(config, dict(i=2), replay)
    with Checkpoints(str(tmp_path), resume=True) as last:
        back = ddpg.ReplayBuffer(2, 1, 100, 0)
        last.restore(back)
        assert last.state == dict(i=2) and len(back) == 20
        np.testing.assert_array_equal(back.r, replay.r)


def test_a_run_folder_that_is_removed_is_not_made_again(tmp_path, monkeypatch, capsys):
    end_epoch, folder = table.Table.end_epoch, str(tmp_path / 'run')

    def then_removed(self, **values):
        end_epoch(self, **values)
        shutil.rmtree(folder, ignore_errors=True)

    monkeypatch.setattr(table.Table, 'end_epoch', then_removed)
    with pytest.raises(guard.NotSaved, match='could not save at step 100: .*No such file'):
        train_tiny(folder, '--epochs', '2')
    assert capsys.readouterr().out.count('could not save at step 50: ') == 1
    assert not os.path.exists(folder)


@pytest.mark.parametrize('save_freq, saves_before', [('1', 1), ('2', 0)])
def test_what_another_process_has_taken_is_not_written_into(save_freq, saves_before, tmp_path,
                                                            monkeypatch, capsys):
    end_epoch, folder, others = table.Table.end_epoch, str(tmp_path / 'run'), []

    def then_taken(self, **values):
        end_epoch(self, **values)
        if not others:
            shutil.rmtree(os.path.join(folder, 'checkpoints'))
            others.append(Checkpoints(folder))
            with open(os.path.join(folder, 'progress.txt'), 'w') as file:
                file.write('of another')

    monkeypatch.setattr(table.Table, 'end_epoch', then_taken)
    with pytest.raises(guard.NotSaved, match='could not save at step 100: another process is tra'):
        train_tiny(folder, '--epochs', '2', '--save-freq', save_freq)
    out = capsys.readouterr().out
    assert out.count('could not save at step 50: another process') == saves_before
    assert '--resume' not in out            # it is the other one's to go on with
    with open(os.path.join(folder, 'progress.txt')) as file:
        assert file.read().startswith('of another')
    assert names(folder) == []
    others[0].close()


def test_of_a_folder_that_is_new_the_logger_does_not_warn(tmp_path, monkeypatch, capsys):
    class OpenAIs(table.EpochLogger):
        """Warns of any folder that is there."""
        def __init__(self, *args, **kwargs):
            print('Warning: Log dir some already exists! Storing info there anyway.')
            super().__init__(*args, **kwargs)

    monkeypatch.setattr(table, 'EpochLogger', OpenAIs)
    for warned in (False, True):
        table.Table(dict(output_dir=str(tmp_path)), lambda: 0).close()
        assert ('Log dir some' in capsys.readouterr().out) == warned


def test_a_value_of_no_column_is_refused(tmp_path):
    made = table.Table(dict(output_dir=str(tmp_path)), lambda: 0)
    made.store(LossQ=1., Terminal=True)
    for column in ('Reach', 'NumEpisodes'):
        with pytest.raises(ValueError, match='^{}: expected a column that COLU'.format(column)):
            made.store(LossQ=1., **{column: 2.})
    assert made.get_state()['pending'].keys() == {'LossQ', 'Terminal'}
    made.close()


def test_many_rows_wait_for_a_disk_that_is_full(tmp_path, capsys):
    made = table.Table(dict(output_dir=str(tmp_path)), lambda: 0)

    def row(number):
        made.end_epoch(**dict(dict.fromkeys(
            (column for column, kind in table.COLUMNS if kind == 'value'), 0.), Epoch=number))

    row(1)
    path = tmp_path / 'progress.txt'
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size, limits[1]))
    try:
        for number in range(2, 60):
            row(number)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    row(60)
    text = made.get_state()['table']
    made.close()
    assert capsys.readouterr().out.count('could not write the table: [Errno 27]') == 58
    assert [line.split('\t')[0] for line in text.splitlines()] == ['Epoch'] + [
        str(number) for number in range(1, 61)]
    assert path.read_text() == text


# ---- Damage -------------------------------------------------------------------------------------

def truncate(path, rng):
    with open(path, 'r+b') as file:
        file.truncate(rng.randint(os.path.getsize(path)))


def flip(path, rng):
    with open(path, 'r+b') as file:
        at = rng.randint(os.path.getsize(path))
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ 1 << rng.randint(8)]))


def zeros(path, rng):
    size = os.path.getsize(path)
    with open(path, 'wb') as file:
        file.write(bytes(size))


def append(path, rng):
    with open(path, 'ab') as file:
        file.write(bytes([rng.randint(256)]))


def delete(path, rng):
    os.remove(path)


def make_folder(path, rng):
    os.remove(path)
    os.mkdir(path)


def swap(path, rng):
    folder = os.path.dirname(path)
    others = [name for name in names(os.path.dirname(folder)) if name[-4:] == path[-4:]
              and name != os.path.basename(path)]
    with_ = os.path.join(folder, others[rng.randint(len(others))])
    os.rename(path, path + '.swap')
    os.rename(with_, path)
    os.rename(path + '.swap', with_)


def of_other_run(path, rng, other=None):
    source = os.path.join(other, 'checkpoints', os.path.basename(path))
    shutil.copy(source, path)


DAMAGES = [truncate, flip, zeros, append, delete, make_folder, swap, of_other_run]
FUZZ = 240


def test_fuzz_never_a_wrong_resume(run, shorter, other, tmp_path, main):
    """Damage to one, two or three parts at random, in FUZZ copies of a run."""
    truth = dict([state_of(run)])
    before = str(tmp_path / 'before')           # the checkpoint before the last
    shutil.copytree(run, before)
    os.remove(os.path.join(before, 'checkpoints', 'checkpoint-000005.json'))
    truth.update([state_of(before)])
    assert set(truth) == {4, 5}
    used = {4: 0, 5: 0, None: 0}
    for case in range(FUZZ):
        rng = np.random.RandomState(case)
        folder = str(tmp_path / 'damaged')
        shutil.copytree(run, folder)
        parts, damaged = names(folder), set()
        for _ in range(rng.randint(1, 4)):
            name = parts[rng.randint(len(parts))]
            path = os.path.join(folder, 'checkpoints', name)
            damage = DAMAGES[rng.randint(len(DAMAGES))]
            if os.path.isfile(path) and os.path.getsize(path):
                kwargs = dict(other=other) if damage is of_other_run else {}
                damage(path, rng, **kwargs)
                damaged.add((name, damage.__name__))
        try:
            with Checkpoints(folder, resume=True) as last:
                number, told = last.complete[-1][0], last.ignored
            assert whole_state(folder) == truth[number], (case, damaged)
            assert (number == 5) == (not told), (case, damaged, told)
        except Unusable as why:
            number, told = None, [str(why)]
            # Where all the damage is to the last checkpoint's own parts, the one before serves.
            assert any('checkpoint-000005' not in name or damage == 'swap'
                       for name, damage in damaged), (case, damaged, told)
        assert all('\n' not in line for line in told)
        used[number] += 1
        if case % 32 == 0:          # and by the command line, to the end
            code, out, err = main('--resume', folder, '--epochs', '5')
            assert code == (2 if number is None else 0) and err.count('\n') == (number is None)
            assert 'Traceback' not in out + err
            if number is not None:
                assert all(line in out for line in told)
                assert state_of(folder)[0] > 5
        shutil.rmtree(folder)
    assert min(used.values()) > FUZZ / 20, used


@pytest.mark.parametrize('damage, name', [
    (truncate, 'checkpoint-000005.json'), (flip, 'checkpoint-000005.npz'),
    (delete, 'replay-000000000150-000000000200.npz')])
def test_after_damage_the_one_before_leads_to_the_same_end(run, tmp_path, main, damage, name):
    """Each damage of one file. (That the one before serves after any, the fuzz test has.)"""
    folder = str(tmp_path / 'run')
    shutil.copytree(run, folder)
    damage(os.path.join(folder, 'checkpoints', name), np.random.RandomState(0))
    code, out, err = main('--resume', folder)
    assert code == 0 and err == '' and 'checkpoint 5 is' in out and 'after step 150' in out
    assert_same_end(folder, run)
    assert names(folder)[-1] == names(run)[-1] and len(names(folder)) == len(names(run))


def test_a_file_system_without_locks_is_told(run, tmp_path, main, monkeypatch):
    def no_locks(file, how):
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

    monkeypatch.setattr(files.fcntl, 'flock', no_locks)
    for words, expected in ((['--env', 'Pendulum-v0', '--data-dir', tmp_path], 1),
                            (['--resume', run], 2)):
        code, out, err = main(*words)
        assert code == expected and err.count('\n') == 1
        assert os.strerror(errno.ENOSYS) in err and 'another process' not in err


def test_without_any_complete_checkpoint_it_never_starts_from_zero(run, tmp_path, main):
    folder = str(tmp_path / 'run')
    shutil.copytree(run, folder)
    lock = os.path.join(folder, 'checkpoints', 'lock')
    os.remove(lock)
    assert main('--resume', folder, '--gamma', '0.5')[0] == 2 and not os.path.exists(lock)
    for name in names(folder):
        if name.endswith('.json'):
            truncate(os.path.join(folder, 'checkpoints', name), np.random.RandomState(0))
    table = open(os.path.join(folder, 'progress.txt')).read()
    code, out, err = main('--resume', folder)
    assert code == 2 and out == '' and err.count('\n') == 1
    assert 'checkpoint 5 is damaged' in err and 'checkpoint 4 is damaged' in err
    assert not os.path.exists(lock), 'nothing is touched'
    for name in names(folder):
        os.remove(os.path.join(folder, 'checkpoints', name))
    assert 'it has no checkpoint' in main('--resume', folder)[2]
    assert open(os.path.join(folder, 'progress.txt')).read() == table


def rewritten(folder, change):
    """Let `change` edit the last checkpoint's document, and sign it again."""
    path = os.path.join(folder, 'checkpoints', 'checkpoint-000005.json')
    with open(path) as file:
        document = json.load(file)
    change(document)
    document['sha256'] = files.digest_of(checkpoint.canonical(document['content']))
    with open(path, 'wb') as file:
        file.write(checkpoint.canonical(document))


@pytest.mark.parametrize('state', [
    {'a/b': np.zeros(1), 'a': {'b': np.ones(1)}}, {'a': np.array([None])}, {1: 2},
    {checkpoint.ARRAY: 'x'}], ids=str)
def test_a_state_that_would_come_back_as_another_is_refused(state):
    with pytest.raises(TypeError, match='expected'):
        checkpoint.without_arrays(state, {}, 'state')


def test_a_number_of_numpy_s_comes_back_as_it_is():
    state, arrays = dict(a=np.int64(3), b=dict(c=np.float32(0.1)), d=np.array(2)), {}
    tree = json.loads(checkpoint.canonical(checkpoint.without_arrays(state, arrays, 'state')))
    again = checkpoint.with_arrays(tree, arrays)
    assert [type(again['a']), type(again['b']['c']), type(again['d'])] == [
        np.int64, np.float32, np.ndarray]
    assert again == state


@pytest.mark.parametrize('change, told', [
    (lambda d: d.update(format=7),
     'is of another version: format 7, not {}'.format(checkpoint.FORMAT)),
    (lambda d: d['content']['config']['versions'].update(numpy='1.16'), 'numpy 1.16, not'),
    (lambda d: d['content']['config'].update(code='x', commit='c0ffee'),
     'code, that of commit c0ffee: one or more of core.py, noise.py, ddpg.py, harness/agent.py, '
     'harness/envs.py, harness/quiet_tf.py, harness/recorded.py, harness/run.py, '
     'harness/table.py, harness/truth.py differ'),
    (lambda d: d['content']['config'].update(gamma=0.9), 'other settings than config.json: gamma'),
    (lambda d: d['content'].update(number=9), 'is damaged')])
def test_versions_and_settings_are_told_and_the_one_before_is_used(
        run, tmp_path, main, change, told):
    folder = str(tmp_path / 'run')
    shutil.copytree(run, folder)
    rewritten(folder, change)
    with Checkpoints(folder, resume=True) as last:
        why, = last.ignored
        assert why.startswith('checkpoint 5 ') and told in why and last.complete[-1][0] == 4
    if 'code' in told:              # and by the command line, to the end
        code, out, err = main('--resume', folder)
        assert code == 0 and err == '' and why in out
        assert_same_end(folder, run)


def test_a_version_that_is_known_with_the_environment_alone_is_compared(
        shorter, tmp_path, main, monkeypatch):
    """mujoco-py's: it is imported where a task of MuJoCo is made, after checkpoints are opened."""
    folder = str(tmp_path / 'run')
    shutil.copytree(shorter, folder)
    made_by = origin.made_by()
    monkeypatch.setattr(origin, 'made_by', lambda: dict(
        made_by, versions=dict(made_by['versions'], gym='0.9')))
    code, out, err = main('--resume', folder, '--epochs', '4')
    assert code == 2 and err.count('\n') == 1
    assert 'it is of other versions: gym 0.15.7, not 0.9' in err
    with open(os.path.join(folder, 'config.json')) as file:
        assert json.load(file)['epochs'] == 2


def test_table_and_config_come_back(shorter, run, tmp_path, main):
    for damage in (truncate, delete, append):
        folder = str(tmp_path / damage.__name__)
        shutil.copytree(shorter, folder)
        for name in ('progress.txt', 'config.json'):
            damage(os.path.join(folder, name), np.random.RandomState(0))
        code, _, err = main('--resume', folder, '--epochs', '4')
        assert code == 0 and err == ''
        assert_same_end(folder, run)
        with open(os.path.join(folder, 'config.json')) as file:
            config = json.load(file)
        assert config['epochs'] == 4 and config['exp_name'] == 'tiny'


def test_a_finished_run_s_files_come_back(run, tmp_path, main):
    folder = str(tmp_path / 'run')
    shutil.copytree(run, folder)
    for damaged in (['progress.txt', 'config.json'], ['config.json'], ['progress.txt'], []):
        for name in damaged:
            os.remove(os.path.join(folder, name))
        code, out, err = main('--resume', folder)
        assert code == 0 and err == '' and 'has finished its 4 epochs' in out
        assert_same_end(folder, run)
        assert files.read_config(folder) == files.read_config(run)
    shutil.rmtree(os.path.join(folder, 'tf1_save'))
    os.remove(os.path.join(folder, 'vars.pkl'))
    for times in (1, 0):
        code, out, err = main('--resume', folder)
        assert code == 0 and err == '' and out.count('Its policy is exported again.') == times
        assert 'those of the checkpoint again' not in out
        assert {'tf1_save', 'vars.pkl'} <= set(os.listdir(folder))
        assert_same_end(folder, run)


def test_a_finished_run_whose_policy_cannot_be_exported_again(run, tmp_path, main, monkeypatch):
    folder = str(tmp_path / 'run')
    shutil.copytree(run, folder)
    shutil.rmtree(os.path.join(folder, 'tf1_save'))

    def full(*args, **kwargs):
        raise tf.errors.ResourceExhaustedError(None, None, 'No space left on device')

    with monkeypatch.context() as patch:
        patch.setattr('spinup.utils.logx.EpochLogger.save_state', full)
        code, _, err = main('--resume', folder)
        assert code == 1 and 'could not export the policy again: No space left on device\n' in err
    with monkeypatch.context() as patch:
        patch.setattr(os, 'access', lambda *args: False)
        code, out, err = main('--resume', folder)
        assert code == 0 and err == '' and 'exported' not in out


def test_a_run_may_have_another_name_when_it_goes_on(shorter, tmp_path, main):
    folder = str(tmp_path / 'run')
    shutil.copytree(shorter, folder)
    config = dict(files.read_config(folder), exp_name='renamed')
    with open(os.path.join(folder, 'config.json'), 'w') as file:
        json.dump(config, file)
    assert main('--resume', folder, '--epochs', '3')[0] == 0
    assert files.read_config(folder)['exp_name'] == 'renamed'
    newest = checkpoint.numbers_in(folder)[-1]
    content = checkpoint.read_content(os.path.join(folder, 'checkpoints'), newest)
    assert content['config']['exp_name'] == 'renamed'


def test_a_longer_run_that_is_killed_goes_on_with_its_epochs(shorter, run, tmp_path, main,
                                                             monkeypatch):
    folder = str(tmp_path / 'run')
    shutil.copytree(shorter, folder)

    def killed(self, **values):
        raise Killed

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(table.Table, 'end_epoch', killed)
        main('--resume', folder, '--epochs', '4')
    assert main('--resume', folder)[0] == 0
    assert_same_end(folder, run)


def test_what_a_resumed_run_leaves_is_what_the_tools_read(shorter, tmp_path, main):
    folder = str(tmp_path / 'run')
    shutil.copytree(shorter, folder)
    main('--resume', folder, '--epochs', '3')
    assert len([name for name in os.listdir(folder) if 'tfevents' in name]) == 1
    assert spinup_command('test_policy', folder, '-n', '1', '-nr').returncode == 0
    figure = str(tmp_path / 'Performance.png')
    assert spinup_command('plot', folder, '--output', figure).returncode == 0
    assert os.path.getsize(figure) > 10000


def test_a_folder_where_another_process_trains_and_another_seed_are_refused(run, tmp_path):
    folder = str(tmp_path / 'run')
    shutil.copytree(run, folder)
    with Checkpoints(folder, resume=True):
        with pytest.raises(ValueError, match='another process is training in it'):
            train_tiny(folder)
    with pytest.raises(ValueError, match='seed=3: expected 0'), Checkpoints(folder, True) as last:
        train_tiny(folder, '--seed', '3', resume=last)


# ---- Environments -------------------------------------------------------------------------------

@pytest.mark.parametrize('name', ['HalfCheetah-v2', 'Hopper-v2', 'Walker2d-v2', 'Swimmer-v2',
                                  'Ant-v2', 'Pendulum-v0', 'MountainCarContinuous-v0'])
def test_an_environment_comes_back_to_the_middle_of_an_episode(name):
    def play(env, steps, rng):
        seen = []
        for _ in range(steps):
            o, r, done, _ = env.step(rng.uniform(-1, 1, env.action_space.shape).astype(np.float32))
            seen += [o.tobytes(), r, done, env.action_space.sample().tobytes()]
            if done:
                seen.append(env.reset().tobytes())
        return seen

    env = recorded(make_env(name))
    env.seed(3)
    env.reset()
    play(env, 137, np.random.RandomState(0))
    state = env.get_state()
    arrays = {}
    tree = json.loads(checkpoint.canonical(checkpoint.without_arrays(state, arrays, '')).decode())
    expected = play(env, 200, np.random.RandomState(1))
    again = recorded(make_env(name))
    again.set_state(checkpoint.with_arrays(tree, arrays))
    assert play(again, 200, np.random.RandomState(1)) == expected


class Random(gym.Env):
    """Observes random numbers of all kinds of generators, in reset and in step."""
    observation_space = Box(-10, 10, (6,), np.float32)
    action_space = Box(-1, 1, (1,), np.float32)
    shared = np.random.RandomState(3)

    def __init__(self, hidden=None):
        self.np_random = np.random.RandomState()
        self.generator = np.random.default_rng()
        self.python = random.Random()
        self.hidden = hidden

    def reset(self):
        return self.step(None)[0]

    def step(self, a):
        drawn = [self.np_random.randn(), self.generator.standard_normal(), self.python.random(),
                 random.gauss(0, 1), np.random.randn(), self.shared.rand()]
        if self.hidden:
            drawn[0] = self.hidden[0].rand()
        return np.array(drawn) + self.observation_space.sample() / 1e3, 0., False, {}


class Shaken(gym.ObservationWrapper):
    """A wrapper with a generator of its own."""
    def __init__(self, env):
        super().__init__(env)
        self.observation_space = Box(-10, 10, (7,), np.float32)
        self.rng = np.random.RandomState()

    def observation(self, o):
        return np.append(o, self.rng.rand())


def test_all_kinds_of_random_generators_come_back():
    env = recorded(TimeLimit(Shaken(Random()), 100))
    env.reset()
    env.reset()
    for _ in range(7):
        env.step(np.zeros(1))
    state = env.get_state()
    expected = [env.step(None)[0] for _ in range(5)] + [env.reset()]
    random.seed(9), np.random.seed(9), Random.shared.seed(9)
    again = recorded(TimeLimit(Shaken(Random()), 100))
    again.set_state(state)
    np.testing.assert_array_equal(
        [again.step(None)[0] for _ in range(5)] + [again.reset()], expected)


def test_all_kinds_of_random_generators_are_seeded():
    """Also where the environment has no seed() of its own."""
    def drawn(seed):
        env, test_env = recorded(Shaken(Random())), recorded(Shaken(Random()))
        with tf.Graph().as_default():
            ddpg.seed_everything(seed, env, test_env)
        return np.array([each.reset() for each in (env, test_env)])

    np.testing.assert_array_equal(drawn(5), drawn(5))
    differ = drawn(5) != drawn(6)
    assert differ.all() and len(np.unique(drawn(5))) == 2 * 7


def test_a_generator_that_is_made_in_the_first_reset_comes_back():
    class Late(Random):
        def reset(self):
            if not hasattr(self, 'late'):
                self.late = np.random.RandomState(self.np_random.randint(1000))
            return self.step(None)[0] + self.late.rand()

    env, again = recorded(Late()), recorded(Late())
    env.reset()
    env.reset()
    state = env.get_state()
    again.set_state(state)
    np.testing.assert_array_equal(again.reset(), (env.set_state(state), env.reset())[1])


def test_an_environment_that_does_not_repeat_is_refused():
    env = recorded(Random([np.random.RandomState(0)]))       # in a list: no one finds it
    env.reset()
    env.step(np.zeros(1))
    state = env.get_state()
    with pytest.raises(DoesNotRepeat, match='the 1 actions of the running episode lead to another'):
        recorded(Random([np.random.RandomState(1)])).set_state(state)
    with pytest.raises(DoesNotRepeat, match='the environment has 2 layers, .*, not 1'):
        recorded(make_env('Pendulum-v0')).set_state(state)

    class Ends(Random):
        when = [False]                      # as above

        def step(self, a):
            return super().step(a)[:2] + (self.when[0], {})

    env = recorded(Ends())
    env.reset()
    env.step(np.zeros(1))
    state = env.get_state()
    recorded(Ends()).set_state(state)
    Ends.when[0] = True
    with pytest.raises(DoesNotRepeat, match='reward or end'):
        recorded(Ends()).set_state(state)

    class More(Random):
        other = np.random.RandomState(1)

    env = recorded(Random())
    env.reset()
    with pytest.raises(DoesNotRepeat, match='other random generators'):
        recorded(More()).set_state(env.get_state())


def test_noise_comes_back():
    from noise import GaussianNoise, OrnsteinUhlenbeckNoise
    for kind in (GaussianNoise, OrnsteinUhlenbeckNoise):
        noise = kind(np.ones(3), seed=1)
        noise()
        state = noise.get_state()
        expected = [noise() for _ in range(3)]
        again = kind(np.ones(3), seed=2)
        again.set_state(state)
        np.testing.assert_array_equal([again() for _ in range(3)], expected)
