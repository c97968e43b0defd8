"""
board.py: what is to be seen of a sweep while it runs: a live table on a terminal, lines in a pipe.
"""
import datetime
import os
from collections import Counter

import pandas as pd
from rich.console import Console
from rich.live import Live
from rich.table import Table

from harness.files import Unreadable, read_table
from tools import figures

OUTPUT = 'output.txt'   # in a run's folder: what it printed


def rows_of(run):
    """The complete rows of a run's table so far, a DataFrame; an empty one before the first."""
    try:
        return read_table(run.folder)
    except Unreadable:
        return pd.DataFrame()


class Board:
    """
    What is to be seen of a sweep.

    It reads the runs' own tables, so that it knows what any node has done.

    Args:
        runs (list of sweep.Run): All of the sweep.
    """

    def __init__(self, runs):
        self.runs, self.console = runs, Console()
        self.rows = {run.name: rows_of(run) for run in runs}
        self.state = dict.fromkeys(self.rows, 'finished')
        self.printed = {}           # {name: size of its output before it started}
        self.live = Live(console=self.console, auto_refresh=False, transient=True)

    def __enter__(self):
        # Not by Rich's word alone: FORCE_COLOR makes it see a terminal in a pipe.
        if (self.console.is_terminal and self.console.file.isatty()
                and not self.console.is_dumb_terminal):
            self.live.start()
        return self

    def __exit__(self, *exception):
        self.live.stop()

    def say(self, run, text):
        """One line about a run, above the table."""
        self.console.print('{}: {}'.format(run.name, text), soft_wrap=True, markup=False,
                           highlight=False)

    def waits(self, run):
        """A run waits for a core."""
        self.state[run.name] = 'waiting'
        self.printed[run.name] = self._size_of_output(run)

    def ends(self, run, state, text=None):
        """A run has 'finished', or 'failed' for good."""
        self._look_at(run)
        self.state[run.name] = state
        self.say(run, text or state)

    def show(self):
        """Look at all that may have changed, and show it."""
        for run in self.runs:
            if (self.state[run.name] == 'waiting'
                    and self._size_of_output(run) > self.printed[run.name]):
                self.state[run.name] = 'running'
                if not self.live.is_started:
                    self.say(run, 'started')
            if self.state[run.name] == 'running':
                self._look_at(run)
        if self.live.is_started:
            self.live.update(self._table(), refresh=True)

    def _size_of_output(self, run):
        path = os.path.join(run.folder, OUTPUT)
        return os.path.getsize(path) if os.path.exists(path) else 0

    def _look_at(self, run):
        rows = rows_of(run)
        if len(rows) > len(self.rows[run.name]) and not self.live.is_started:
            epoch, speed, test_return, left = progress(run, rows)
            self.say(run, 'epoch {}, {} steps/s, test return {}, {} left'.format(
                epoch, speed, test_return, left))
        if len(rows):               # a run that goes on empties its table for a moment
            self.rows[run.name] = rows

    def _table(self):
        table = Table('run', '', 'epoch', 'steps/s', 'last test return', 'time left')
        for column in table.columns[2:]:
            column.justify = 'right'
        order = ['running', 'failed', 'waiting', 'finished']
        counts = Counter(self.state.values())
        shown = sorted(self.runs, key=lambda run: order.index(self.state[run.name]))
        for run in shown[:max(1, self.console.height - 6)]:
            state = self.state[run.name]
            table.add_row(run.name, state, *progress(run, self.rows[run.name], state == 'running'))
        table.caption = ', '.join('{} {}'.format(counts[state], state) for state in order
                                  if counts[state])
        return table


def progress(run, rows, running=True):
    """
    How far a run is, in words: epoch, steps per second, last test return, time left.

    Args:
        run (sweep.Run): Of the sweep.
        rows (DataFrame): Of its table.
        running (bool): Whether it has a speed, and a time left.
    """
    epochs, done = run.kwargs['epochs'], len(rows)
    if not done:
        return '0/{}'.format(epochs), '', '', ''
    last = rows.iloc[-1]
    steps, seconds = (last[column] - (rows[column].iloc[-2] if done > 1 else 0)
                      for column in ('TotalEnvInteracts', 'Time'))
    left = datetime.timedelta(seconds=round((epochs - done) * seconds))
    return ('{}/{}'.format(done, epochs), '{:.0f}'.format(steps / seconds) if running else '',
            '{:.{}f}'.format(last.AverageTestEpRet, figures.decimals(last.AverageTestEpRet)),
            str(left) if running else '')
