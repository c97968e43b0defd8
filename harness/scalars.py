"""
scalars.py: what TensorBoard shows of a run, in one events file, which is cut back where the run
goes on.

    <run folder>/events.out.tfevents.life-<number of the process that trains, from 1 on>

TensorFlow's FileWriter would begin a new file in every process, and write from a thread of its own.
Here records are in the file when `flush` returns, so that a checkpoint knows its length. A run that
goes on cuts the file back to that length and renames it: no record is ever there twice, and a
TensorBoard that is open notices the new name, and reads it anew.
"""
import hashlib
import io
import json
import os
import re
import time

from harness.files import digest_of
from harness.quiet_tf import tf             # before all else of TensorFlow
from tensorboard.summary import text_pb
from tensorboard.summary.writer.record_writer import RecordWriter

NAME = 'events.out.tfevents.life-{:06d}'    # TensorBoard goes by 'tfevents', and by their order


class Scalars:
    """
    The events file of a run. What is added waits in memory until `flush`.

    Args:
        folder (str): The run's. Events of an earlier run in it go.
        state (dict): What `get_state` gave, for a run that goes on.

    Attributes:
        new (bool): Whether the file is empty: that of a new run, or of one that goes on and whose
            file does not hold what was written.

    Raises:
        OSError: The file cannot be opened.
    """

    def __init__(self, folder, state=None):
        lives = sorted(filter(number_of, os.listdir(folder)))
        path = os.path.join(folder, NAME.format(number_of(lives[-1]) + 1 if lives else 1))
        past = state and lives and cut_back(os.path.join(folder, lives[-1]), state)
        self.new = not past
        if past:
            os.rename(os.path.join(folder, lives.pop()), path)
        for name in lives:
            os.remove(os.path.join(folder, name))
        self.file = open(path, 'ab', buffering=0)
        self.size, self.digest = len(past or b''), hashlib.sha256(past or b'')
        self.waiting = io.BytesIO()
        self.records = RecordWriter(self.waiting)
        if self.new:
            self._add(file_version='brain.Event:2')
            # Whoever has read an earlier file of this folder forgets what was in it.
            self._add(session_log=tf.SessionLog(status=tf.SessionLog.START))

    def _add(self, step=0, wall_time=None, **what):
        event = tf.Event(step=step, wall_time=wall_time or time.time(), **what)
        self.records.write(event.SerializeToString())

    # ---- What is shown ---------------------------------------------------------------------------

    def add(self, step, values, wall_time=None):
        """
        Points of curves.

        Args:
            step (int): Steps of the environment.
            values ({tag: number}): TensorBoard groups tags by what is before their '/'. Kept as
                float32.
            wall_time (float): When that was, in seconds since 1970. None: now.
        """
        self._add(step, wall_time, summary=tf.Summary(value=[
            tf.Summary.Value(tag=tag, simple_value=value) for tag, value in values.items()]))

    def graph(self, graph_def):
        """The graph, a GraphDef."""
        self._add(graph_def=graph_def.SerializeToString())

    def settings(self, config, step):
        """
        The settings, as a table in the text tab.

        Args:
            config (dict): As in config.json.
            step (int): From which on they hold.
        """
        rows = ['| {} | `{}` |'.format(name, json.dumps(value, sort_keys=True))
                for name, value in sorted(config.items())]
        self._add(step, summary=text_pb('settings', '\n'.join(
            ['| setting | value |', '|---|---|'] + rows)))

    # ---- The file --------------------------------------------------------------------------------

    def flush(self):
        """
        Write what waits.

        Raises:
            OSError: Not all could be written. The rest waits on.
        """
        data, done = self.waiting.getvalue(), 0
        try:
            while done < len(data):
                done += self.file.write(data[done:])
        finally:
            self.size += done
            self.digest.update(data[:done])
            self.waiting.seek(0)
            self.waiting.truncate()
            self.waiting.write(data[done:])

    def get_state(self):
        """
        For the Scalars of the run that goes on: how much of the file is there by now, and its
        digest.

        Raises:
            OSError: Not all of it is on the disk.
        """
        self.flush()
        os.fsync(self.file.fileno())
        return dict(size=self.size, sha256=self.digest.hexdigest())

    def close(self):
        """Close the file, without what waits."""
        self.file.close()


def number_of(name):
    """The number in the name of an events file of ours; None for another file's."""
    match = re.fullmatch(r'events\.out\.tfevents\.life-(\d{6})', name)
    return match and int(match.group(1))


def cut_back(path, state):
    """
    Cut an events file back to where it was in `state` (`Scalars.get_state`).

    Returns:
        What it holds now, bytes; b'' where it does not hold what was written, and is left as it is.
    """
    with open(path, 'r+b') as file:
        past = file.read(state['size'])
        if digest_of(past) != state['sha256']:
            return b''
        file.truncate(state['size'])
    return past
