"""
test_scalars.py: what TensorBoard's own reader finds of a run: every column of the table, at every
epoch, once, whatever happened to the run and to its disk.
"""
import errno
import math
import os
import re
import shutil

import numpy as np
import pytest
from hypothesis import given, settings, strategies
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from harness import scalars
from harness.checkpoint import Checkpoints
from harness.files import read_table
from harness.quiet_tf import tf
from harness.scalars import Scalars
from kit import TINY_FLAGS, Run, assert_same_end, killed_often, train_tiny

# With the moving averages of --norm batch: what kills leave of them is compared here.
FLAGS = TINY_FLAGS + ['--epochs', '8', '--steps-per-epoch', '230', '--norm', 'batch']


def found(folder):
    """An EventAccumulator that keeps all that it reads in a folder."""
    reader = EventAccumulator(str(folder), dict(scalars=0, tensors=0))
    reader.Reload()
    return reader


def curves(reader):
    """{tag: [(step, value)]} of all scalars."""
    return {tag: [(point.step, point.value) for point in reader.Scalars(tag)]
            for tag in reader.Tags()['scalars']}


def texts(reader):
    """[(step, text)] of the settings."""
    return [(event.step, event.tensor_proto.string_val[0].decode())
            for event in reader.Tensors('settings/text_summary')]


def records(folder):
    """The events in the files of a folder, in order: for a reader that forgets nothing."""
    for name in sorted(os.listdir(str(folder))):
        if 'tfevents' in name:
            for record in tf.compat.v1.io.tf_record_iterator(os.path.join(str(folder), name)):
                yield tf.Event.FromString(record)


def assert_table_is_found(folder, but=()):
    """Every column (`but` some, by their start) at every epoch, once, and nothing beside."""
    table, reader = read_table(folder), found(folder)
    seen = {tag[len('table/'):]: points for tag, points in curves(reader).items()
            if tag.startswith('table/')}
    assert list(seen) == list(table.columns)
    for column, points in seen.items():
        assert [step for step, _ in points] == list(table.TotalEnvInteracts), column
        np.testing.assert_array_equal(np.float32([value for _, value in points]),
                                      np.float32(table[column]), column)
    events = list(records(folder))
    assert sum(len(points) for points in curves(reader).values()) == sum(
        value.HasField('simple_value') for event in events for value in event.summary.value)
    assert sum(event.HasField('graph_def') for event in events) == 1
    return reader


def without_time(reader):
    """The curves, but that of the table's Time; NaN as a text, which equals itself."""
    return {tag: [(step, repr(value)) for step, value in points]
            for tag, points in curves(reader).items() if tag != 'table/Time'}


@pytest.fixture(scope='module')
def run(tmp_path_factory):
    """The folder of a finished run that nobody touched."""
    return Run(tmp_path_factory.mktemp('run'), FLAGS).folder


# ---- A run ---------------------------------------------------------------------------------------

def test_every_column_at_every_epoch_and_more_often_what_costs_nothing(run):
    reader = assert_table_is_found(run)
    seen = curves(reader)
    assert set(seen) - {tag for tag in seen if tag.startswith('table/')} == {
        'episode/EpRet', 'episode/EpLen', 'episode/Terminal', 'update/QVals', 'update/TargetVals',
        'update/LossQ', 'update/LossPi', 'update/GradNormQ', 'update/GradNormPi'}
    # Updates from step 20 on; each epoch's first, and every 100th after it.
    assert [step for step, _ in seen['update/LossQ']] == [20, 120, 220] + [
        230 * epoch + 1 + 100 * look for epoch in range(1, 8) for look in range(3)]
    # Episodes have 40 steps; the table's mean is of those that ended in the epoch.
    assert [step for step, _ in seen['episode/EpRet']] == list(range(40, 1841, 40))
    table = read_table(run)
    assert np.mean([value for step, value in seen['episode/EpRet'] if step <= 230]) == (
        pytest.approx(table.AverageEpRet[0]))
    assert reader.Graph().node
    (step, text), = texts(reader)
    assert step == 0 and '\n| steps_per_epoch | `230` |\n' in text


def test_killed_again_and_again_it_shows_what_an_untouched_run_shows(run, tmp_path):
    killed, died = killed_often(tmp_path / 'out', FLAGS, 5, np.random.RandomState(1), run)
    assert died >= 3
    assert_same_end(killed, run)
    reader = assert_table_is_found(killed)
    assert without_time(reader) == without_time(found(run))
    # Settings are told anew where a life has another number of threads, and nothing else differs.
    told = [text for _, text in texts(reader)]
    assert len({re.sub(r'\| threads \| .*\n', '', text) for text in told}) == 1
    assert all(text != later for text, later in zip(told, told[1:]))
    times = [event.wall_time for event in records(killed)]
    assert times == sorted(times)           # what was before a kill keeps its time


def test_the_critic_alone(tmp_path, few_states):
    folder = train_tiny(tmp_path / 'run', '--policy', 'random', '--gamma', '0.5')
    reader = assert_table_is_found(folder)
    assert all(math.isnan(value) for _, value in curves(reader)['table/LossPi'])
    assert 'update/LossPi' not in curves(reader) and curves(reader)['update/LossQ']


def test_several_updates_at_a_time(tmp_path):
    folder = train_tiny(tmp_path / 'run', '--update-every', '10')
    assert [step for step, _ in curves(assert_table_is_found(folder))['update/LossQ']] == [
        20, 60, 110, 160]


def test_of_many_updates_at_one_step_one_is_shown(tmp_path):
    folder = train_tiny(tmp_path / 'run', '--update-every', '250', '--steps-per-epoch', '250')
    assert [step for step, _ in curves(assert_table_is_found(folder))['update/LossQ']] == [
        250, 500, 750, 1000]


def test_a_longer_run_tells_its_settings_anew_and_no_other_does(tmp_path, main):
    folder = train_tiny(tmp_path / 'run', '--epochs', '2')
    assert main('--resume', folder)[0] == 0                     # it has finished: nothing changes
    assert main('--resume', folder, '--epochs', '3')[0] == 0
    (first, before), (then, after) = texts(assert_table_is_found(folder))
    assert (first, then) == (0, 100)
    assert '| epochs | `2` |' in before and '| epochs | `3` |' in after


def test_a_new_run_in_a_used_folder_begins_anew(tmp_path):
    folder = train_tiny(tmp_path / 'run')
    train_tiny(tmp_path / 'run', '--epochs', '1')
    assert len(read_table(folder)) == 1
    assert len(texts(assert_table_is_found(folder))) == 1
    saved = sorted(set(os.listdir(os.path.join(folder, 'checkpoints'))) - {'lock'})
    assert saved[0] == 'checkpoint-000001.json' and len(saved) == 5
    with Checkpoints(folder, resume=True) as last:
        assert last.state['t'] == 50


@pytest.mark.parametrize('damage', ['lost', 'cut', 'changed'])
def test_a_file_that_does_not_hold_what_was_written_is_told_and_the_table_comes_back(
        tmp_path, main, damage):
    folder = train_tiny(tmp_path / 'run', '--epochs', '2')
    path, = (os.path.join(folder, name) for name in os.listdir(folder) if 'tfevents' in name)
    if damage == 'lost':
        os.remove(path)
    else:
        with open(path, 'r+b') as file:
            file.seek(1000)
            file.truncate() if damage == 'cut' else file.write(b'?')
    last = max(name for name in os.listdir(os.path.join(folder, 'checkpoints'))
               if name.endswith('.json'))
    os.remove(os.path.join(folder, 'checkpoints', last))        # it goes on, as it was
    code, out, err = main('--resume', folder)
    assert code == 0 and err == '' and out.count('Warning: the events file') == 1
    assert len(read_table(folder)) == 2
    reader = assert_table_is_found(folder)
    (_, settings), = texts(reader)
    assert '| gamma | `0.99` |' in settings
    times = [point.wall_time for point in reader.Scalars('table/Time')]
    assert times == sorted(times) and times[0] < times[-1]


def test_a_disk_that_is_full_for_a_while_loses_nothing(tmp_path, monkeypatch, capsys):
    class FullDisk:
        """The events file, on a disk that takes no more than 1,000 bytes until the third row."""
        def __init__(self, file):
            self.file, self.left = file, 1000

        def write(self, data):
            if 0 < self.left and len(rows) < 3:
                data, self.left = data[:self.left], self.left - len(data)
            elif len(rows) < 3:
                raise OSError(errno.ENOSPC, 'No space left on device')
            return self.file.write(data)

        def __getattr__(self, name):
            return getattr(self.file, name)

    init, add, rows = Scalars.__init__, Scalars.add, []

    def with_full_disk(self, *args):
        init(self, *args)
        self.file = FullDisk(self.file)

    def counted(self, step, values, wall_time=None):
        rows.extend(['row'] * ('table/Epoch' in values))
        add(self, step, values, wall_time)

    monkeypatch.setattr(Scalars, '__init__', with_full_disk)
    monkeypatch.setattr(Scalars, 'add', counted)
    folder = train_tiny(tmp_path / 'run')
    out = capsys.readouterr().out
    assert out.count('could not write the events file: [Errno 28] No space left on device') == 2
    assert out.count('could not save a checkpoint') == 3            # at the start, too
    assert len(read_table(folder)) == 4
    assert_table_is_found(folder)


# ---- The file ------------------------------------------------------------------------------------

def numbers(folder):
    return [int(value) for _, value in curves(found(folder)).get('n', ())]


@settings(max_examples=60, deadline=None)
@given(strategies.lists(strategies.sampled_from(['add', 'flush', 'save', 'kill', 'look', 'torn']),
                        max_size=40))
def test_it_is_cut_back_to_the_last_checkpoint_for_every_reader(tmp_path_factory, story):
    folder = str(tmp_path_factory.mktemp('events'))
    now = Scalars(folder)
    looking_on = found(folder)              # a reader that never begins anew
    n, kept, state = 0, 0, now.get_state()
    for event in story + ['save']:
        if event == 'add':
            n += 1
            now.add(7, dict(n=n))           # all at one step: it is not by steps that it is cut
        elif event == 'flush':
            now.flush()
        elif event == 'save':
            state, kept = now.get_state(), n
        elif event == 'look':
            looking_on.Reload()
        else:
            if event == 'torn':
                os.write(now.file.fileno(), b'\x10\0\0\0')
            now.close()
            now, n = Scalars(folder, state), kept
            assert not now.new
    assert numbers(folder) == list(range(1, n + 1))
    looking_on.Reload()
    assert [int(value) for _, value in curves(looking_on).get('n', ())] == numbers(folder)
    assert len([name for name in os.listdir(folder) if 'tfevents' in name]) == 1
    now.close()
    shutil.rmtree(folder)


@pytest.mark.parametrize('name', ['rename', 'remove'])
def test_killed_while_it_is_cut_back(tmp_path, monkeypatch, name):
    class Killed(BaseException):
        pass

    def kill(*args):
        raise Killed

    first = Scalars(str(tmp_path))
    first.add(1, dict(n=1))
    state = first.get_state()
    first.add(2, dict(n=2))
    first.flush()
    first.close()
    # An older file beside it, as one that a kill kept from being removed.
    one, two = (os.path.join(str(tmp_path), scalars.NAME.format(number)) for number in (1, 2))
    shutil.copy(one, two)
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(scalars.os, name, kill)
        Scalars(str(tmp_path), state)
    again = Scalars(str(tmp_path), state)
    again.add(2, dict(n=3))
    again.flush()
    again.close()
    assert numbers(tmp_path) == [1, 3]
    assert os.listdir(str(tmp_path)) == [scalars.NAME.format(3 if name == 'rename' else 4)]


def test_what_is_not_ours_stays(tmp_path):
    others = ['events.out.tfevents.1764300000.host', 'events.out.tfevents.life-000001.mine',
              'life-1']
    for name in others:
        (tmp_path / name).write_bytes(b'')
    Scalars(str(tmp_path)).close()
    Scalars(str(tmp_path)).close()
    assert sorted(os.listdir(str(tmp_path))) == sorted(others + [scalars.NAME.format(2)])


def test_numbers_of_any_kind_and_size(tmp_path):
    given_ = dict(nan=math.nan, inf=np.inf, huge=1e300, small=np.float64(1e-300),
                  bool=np.bool_(True), single=np.float32(0.1), count=10 ** 7 + 1)
    writer = Scalars(str(tmp_path))
    writer.add(2 ** 40, given_)
    writer.flush()
    writer.close()
    seen = curves(found(tmp_path))
    assert list(seen) == list(given_)
    for tag, value in given_.items():
        with np.errstate(over='ignore'):
            expected = float(np.float32(value))
        np.testing.assert_equal(seen[tag], [(2 ** 40, expected)])


def test_a_setting_with_a_bar_is_one_cell(tmp_path):
    from tensorboard import plugin_util
    writer = Scalars(str(tmp_path))
    writer.settings(dict(command='a | b', gamma=0.9), 0)
    writer.flush()
    writer.close()
    html = plugin_util.markdown_to_safe_html(texts(found(tmp_path))[0][1])
    assert html.count('<tr>') == 3 and '<code>"a | b"</code>' in html
