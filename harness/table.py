"""
table.py: the table of a run, one row per epoch, through spinup's EpochLogger.
"""
import os
import time

import numpy as np

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
    What is stored in an epoch, and the rows that come of it.

    Args:
        logger_kwargs (dict): Of EpochLogger.
        state (dict): What `get_state` gave, for a run that goes on.
    """

    def __init__(self, logger_kwargs, state=None):
        self.logger = EpochLogger(**logger_kwargs)
        self.began = time.time()
        if state:
            self.began -= state['time']
            self.logger.output_file.write(state['log']['table'])
            self.logger.output_file.flush()
            if state['log']['table']:
                self.logger.first_row = False
                self.logger.log_headers = state['log']['table'].split('\n')[0].split('\t')
            self.logger.epoch_dict.update(
                (key, list(values)) for key, values in state['log']['pending'].items())

    def store(self, **values):
        """Keep values of this epoch: EpRet, EpLen, Terminal of an episode; what an update gives."""
        self.logger.store(**values)

    def log(self, text, color='green'):
        """Print a line."""
        self.logger.log(text, color)

    def end_epoch(self, **values):
        """
        The epoch's row: on the screen, and in progress.txt (where the disk is full, it waits in the
        file's buffer). What was stored is stored no more.

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
                self.store(**{column: np.nan})
            self.logger.log_tabular(column, with_min_and_max=kind == 'statistics',
                                    average_only=kind == 'mean')
        try:
            self.logger.dump_tabular()
        except OSError as error:
            self.log('Warning: could not write the table: {}'.format(error), 'red')
            self.logger.log_current_row.clear()
            self.logger.first_row = False

    def close(self):
        """Close the file. (OpenAI's EpochLogger leaves that to the end of the process.)"""
        getattr(self.logger, 'close', self.logger.output_file.close)()

    def get_state(self):
        """
        For a Table of the run that goes on: its text, and what is stored of the current epoch.

        Raises:
            OSError: A row of the table is not on the disk.
        """
        file = self.logger.output_file
        file.flush()
        os.fsync(file.fileno())
        with open(file.name) as written:
            return dict(table=written.read(), pending={
                key: np.array(values) for key, values in self.logger.epoch_dict.items() if values})
