"""
table.py: the table of a run, one row per epoch, through spinup's EpochLogger; and its curves.
"""
import atexit
import contextlib
import io
import os
import time

import numpy as np

from harness.files import write_whole
from harness.scalars import Scalars
from spinup.utils.logx import EpochLogger

# Spinning Up's columns, in its order, then ours. 'statistics': mean, standard deviation, maximum
# and minimum of what was stored in the epoch; 'mean': the mean alone; 'value': given with the row.
COLUMNS = [
    ('Epoch', 'value'), ('EpRet', 'statistics'), ('TestEpRet', 'statistics'), ('EpLen', 'mean'),
    ('TestEpLen', 'mean'), ('TotalEnvInteracts', 'value'), ('QVals', 'statistics'),
    ('LossPi', 'mean'), ('LossQ', 'mean'), ('Time', 'value'), ('NumEpisodes', 'value'),
    ('NumTerminals', 'value'), ('NumUpdates', 'value'), ('QBias', 'value'), ('QRMSE', 'value'),
    ('QCorr', 'value'), ('QR2', 'value'), ('ActSaturation', 'value'), ('TargetVals', 'mean'),
    ('GradNormQ', 'mean'), ('GradNormPi', 'mean')]


class Table:
    """
    What is stored in an epoch, and the rows that come of it. For TensorBoard, every column of a
    row, as table/<column>; between rows, each episode as episode/<column>, and each update at which
    the gradients' norms are looked at as update/<column>.

    Args:
        logger_kwargs (dict): Of EpochLogger, output_dir among them.
        step (function): Gives the step that is being done.
        state (dict): Of a run that goes on: `time`, seconds that it took; `log`, what `get_state`
            gave.

    Attributes:
        began (float): When the run would have begun, had it never been interrupted.
        scalars (Scalars): What TensorBoard shows.
    """

    def __init__(self, logger_kwargs, step, state=None):
        self.began, self.step, self.looked = time.time(), step, None
        self.storable = {column for column, kind in COLUMNS if kind != 'value'} | {'Terminal'}
        # Before the table's file is emptied: where this fails, the table stays.
        self.scalars = Scalars(logger_kwargs['output_dir'], state and state['log']['scalars'])
        said, new = io.StringIO(), not os.path.exists(
            os.path.join(logger_kwargs['output_dir'], 'progress.txt'))
        with contextlib.redirect_stdout(said):
            self.logger = EpochLogger(**logger_kwargs)
        for line in said.getvalue().splitlines():   # all but a warning of our own folder
            if not ((state or new) and line.startswith('Warning: Log dir')):
                print(line, flush=True)
        atexit.unregister(self.logger.output_file.close)
        self.logger.output_file.close()
        self.file = self.logger.output_file = Kept(self.logger.output_file.name)
        if state:
            self.began -= state['time']
            self.file.write(state['log']['table'])
            self.file.flush()
            if state['log']['table']:
                self.logger.first_row = False
                self.logger.log_headers = state['log']['table'].split('\n')[0].split('\t')
            self.logger.epoch_dict.update(
                (key, list(values)) for key, values in state['log']['pending'].items())
            if self.scalars.new:
                self._show_again(state['log']['table'])

    def _show_again(self, text):
        """The events file was lost or damaged: what the table has comes back into a new one."""
        self.log('Warning: the events file, for TensorBoard, does not hold what was written. A new '
                 'one begins, with the rows of the table.', 'red')
        columns, *rows = [line.split('\t') for line in text.splitlines()] or [[]]
        for row in rows:
            values = dict(zip(columns, map(float, row)))
            self._show_row(values, self.began + values['Time'])

    def _show_row(self, row, wall_time=None):
        self.scalars.add(int(row['TotalEnvInteracts']), {
            'table/' + column: value for column, value in row.items()}, wall_time)

    def store(self, **values):
        """
        Keep values of this epoch: EpRet, EpLen, Terminal of an episode; what an update gives.

        Raises:
            ValueError: One is of no column.
        """
        unknown = sorted(values.keys() - self.storable)
        if unknown:
            raise ValueError("{}: expected a column that COLUMNS of harness/table.py has, with "
                             "'statistics' or 'mean'".format(unknown[0]))
        self.logger.store(**values)
        group = 'episode/' if 'EpRet' in values else 'update/' if 'GradNormQ' in values else None
        if group == 'update/':
            if self.looked == self.step():      # of several updates at one step, the first is shown
                return
            self.looked = self.step()
        if group:
            self.scalars.add(self.step(), {
                group + column: np.mean(value) for column, value in values.items()})

    def log(self, text, color='green'):
        """Print a line."""
        self.logger.log(text, color)

    def end_epoch(self, **values):
        """
        The epoch's row: on the screen, in progress.txt (where the disk is full, it waits in the
        file's buffer), and for TensorBoard. What was stored is stored no more.

        Args:
            values: The columns that are not of stored values.
        """
        stored = self.logger.epoch_dict
        values.update(Time=time.time() - self.began,
                      NumEpisodes=len(stored.get('EpRet', ())),
                      NumTerminals=sum(stored.pop('Terminal', ())),
                      NumUpdates=len(stored.get('LossQ', ())))
        for column, kind in COLUMNS:
            if kind == 'value':
                self.logger.log_tabular(column, values[column])
                continue
            if not stored.get(column):          # EpochLogger has no statistics of nothing
                self.logger.store(**{column: np.nan})
            self.logger.log_tabular(column, with_min_and_max=kind == 'statistics',
                                    average_only=kind == 'mean')
        self._show_row(self.logger.log_current_row)
        self._flush_scalars()
        try:
            self.logger.dump_tabular()
        except OSError as error:
            self.log('Warning: could not write the table: {}'.format(error), 'red')
            self.logger.log_current_row.clear()
            self.logger.first_row = False           # OpenAI's logger failed before it set this

    def _flush_scalars(self):
        try:
            self.scalars.flush()
        except OSError as error:
            self.log('Warning: could not write the events file: {}'.format(error), 'red')

    def close(self):
        """Close the files."""
        self._flush_scalars()
        self.scalars.close()
        try:
            self.file.close()
        except OSError as error:        # of rows that could not be written, and wait
            self.log('Warning: could not write the table: {}'.format(error), 'red')

    def get_state(self):
        """
        For a Table of the run that goes on: its text, what is stored of the current epoch, and
        where the events file is.

        Raises:
            OSError: A row of the table, or an event, is not on the disk.
        """
        if self.file.settle():
            self.log('Warning: {} does not hold what this run wrote: it is written anew, with all '
                     'rows.'.format(self.file.name), 'red')
        return dict(table=self.file.text, scalars=self.scalars.get_state(), pending={
            key: np.array(values) for key, values in self.logger.epoch_dict.items() if values})


class Kept:
    """
    A text file that remembers what was written to it, whatever becomes of the file.

    Args:
        name (str): Its path.

    Attributes:
        text (str): All that was written.
    """

    def __init__(self, name):
        self.name, self.text = name, ''
        self._open()

    def _open(self):
        # In a buffer of this size, rows wait for a disk that is full: a thousand or two.
        self.file = open(self.name, 'a', 2 ** 20, encoding='utf-8')

    def write(self, text):
        """Write, into the buffer first."""
        self.text += text
        self.file.write(text)

    def __getattr__(self, name):            # flush, close
        return getattr(self.file, name)

    def settle(self):
        """
        See that the file on the disk holds the text, and nothing else.

        Returns:
            Whether it had to be written anew: someone had changed, replaced or removed it.

        Raises:
            OSError: It could not be written.
        """
        self.file.flush()
        os.fsync(self.file.fileno())
        with contextlib.suppress(OSError), open(self.name, 'rb') as file:
            if file.read() == self.text.encode():
                return False
        write_whole(self.name, self.text.encode())
        self.file.close()
        self._open()
        return True
