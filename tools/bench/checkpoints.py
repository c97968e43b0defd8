"""
checkpoints.py: what checkpoints cost, on HalfCheetah-v2 with the default settings.

    python -m tools.bench.checkpoints [--saves 5]

Trains with 10,000 transitions in the replay buffer at first, and with 1,000,000, and saves every
2,000 steps; tells the median time of a save (the policy's export apart), what it wrote, and what
share of the training time that is at the default frequency. A save writes the transitions since
the last one, so to that is added the time of writing 50,000 (ten epochs') rather than 2,000.
"""
import statistics
import tempfile
import time

import numpy as np

from harness import agent, checkpoint
from harness.command import Parser, accepting, ending
from harness.settings import Number, defaults_of
import ddpg

EVERY = 2000


def measure(stored, saves):
    """
    What saving costs with `stored` transitions: seconds and MB of the first save, which has all of
    them; then medians: seconds and MB of a later save, seconds of an export, steps/s between.
    """
    times, sizes, exports, ended = [], [], [], []
    save, write_whole, export = (checkpoint.Checkpoints.save, checkpoint.write_whole,
                                 agent.Export.save)

    class Filled(ddpg.ReplayBuffer):
        def __init__(self, *args):
            super().__init__(*args)
            for array in (self.x, self.a, self.r, self.x2):
                array[:] = np.random.RandomState(0).randn(*array.shape)
            self.stored = stored

    def timed_save(self, config, state, replay):
        sizes.append(0)
        begin = time.time()
        save(self, config, state, replay)
        times.append(time.time() - begin)
        ended.append(time.time())

    def counted_write(path, data):
        sizes[-1] += len(data) / 1e6
        return write_whole(path, data)

    def timed_export(self, env):
        begin = time.time()
        export(self, env)
        exports.append(time.time() - begin)

    checkpoint.Checkpoints.save, checkpoint.write_whole = timed_save, counted_write
    agent.Export.save, ddpg.ReplayBuffer = timed_export, Filled
    try:
        with tempfile.TemporaryDirectory(dir='.') as folder:
            ddpg.ddpg('HalfCheetah-v2', steps_per_epoch=EVERY, epochs=saves, save_freq=1,
                      start_steps=0, update_after=0, num_test_episodes=1, max_ep_len=100,
                      logger_kwargs=dict(output_dir=folder))
    finally:
        checkpoint.Checkpoints.save, checkpoint.write_whole = save, write_whole
        agent.Export.save, ddpg.ReplayBuffer = export, Filled.__base__
    # The first save is that of the beginning; it writes all the rows there are.
    # Between the ends of two there are training, an export, and the later save.
    rates = [EVERY / (end - begin - exported - saved) for begin, end, exported, saved in zip(
        ended, ended[1:], exports[1:], times[1:])]
    return (times[0], sizes[0], statistics.median(times[1:]), statistics.median(sizes[1:]),
            statistics.median(exports[1:]), statistics.median(rates))


@ending('tools.bench.checkpoints')
def main(argv=None):
    """The command line."""
    parser = Parser(prog='tools.bench.checkpoints', description=__doc__.split('\n')[1])
    defaults = defaults_of(ddpg.ddpg)
    # A rate is that between two saves.
    parser.add_argument('--saves', default=5, type=accepting(
        Number(int, 2, defaults['lr_decay_steps'] // EVERY)))
    args = parser.parse_args(argv)
    every = defaults['steps_per_epoch'] * defaults['save_freq']
    results = {stored: measure(stored, args.saves) for stored in (10000, 1000000)}
    first, first_mb = results[1000000][:2]
    per_row = first / 1e6
    lines = ['| transitions stored | a save after 2,000 steps | after {:,} (the default) | '
             'export | share of training time |'.format(every), '|---|---|---|---|---|']
    for stored, (_, _, save, mb, export, rate) in results.items():
        whole = save + (every - EVERY) * per_row
        share = (whole + export) / (every / rate + whole + export)
        lines.append('| {:,} | {:.0f} ms, {:.1f} MB | {:.0f} ms | {:.0f} ms | {:.2f} % |'.format(
            stored, 1e3 * save, mb, 1e3 * whole, 1e3 * export, 100 * share))
    lines.append('\nAll 1,000,000 transitions at once: {:.1f} s, {:.0f} MB.'.format(
        first, first_mb))
    print('\n'.join(lines))


if __name__ == '__main__':
    main()
