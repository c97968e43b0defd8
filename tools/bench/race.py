"""
race.py: why the steps of an update are ordered: the same updates, again and again, by how many
different weights they end in.

    python -m tools.bench.race [--times 10] [--updates 300]

Networks, batch and rates are the defaults, the size that of HalfCheetah-v2, the minibatches random.
"Unordered" is one run of [critic's step, actor's step], as the notes had it: nothing orders the
actor's reading of the critic's weights against the critic's update. Exit code 1 where ours, in
order, does not end in one and the same weights on one thread and on two.
"""
import sys
import time

import numpy as np

from harness.agent import session_config
from harness.command import Parser, accepting, ending
from harness.files import digest_of
from harness.quiet_tf import tf
from harness.settings import Number
import ddpg

OBS, ACT, BATCH = 17, 6, 64
WAYS = [('ours', 1), ('ours', 2), ('unordered', 1), ('unordered', 2)]      # and operations at once


def minibatches(updates):
    """(x, a, r, x2, d) of each update; float32."""
    rng = np.random.RandomState(0)
    for _ in range(updates):
        yield tuple(np.float32(values) for values in (
            rng.randn(BATCH, OBS), rng.uniform(-1, 1, (BATCH, ACT)), rng.randn(BATCH),
            rng.randn(BATCH, OBS), np.zeros(BATCH)))


def weights_after(updates, in_order, threads):
    """(digest of the main networks' weights after so many updates, updates per second)."""
    with tf.Graph().as_default():
        tf.set_random_seed(0)
        graph = ddpg.build_graph(OBS, ACT)
        steps = [graph.actor_step]              # and, before it, the critic's
        if not in_order:
            actor = [v for v in graph.main_vars if v.op.name.startswith('main/pi/')]
            steps = [graph.critic_step, tf.train.AdamOptimizer(3e-4, name='Unordered').minimize(
                -tf.reduce_mean(graph.q_pi), var_list=actor)]
        with tf.Session(config=session_config(threads)) as sess:
            sess.run(tf.global_variables_initializer())
            sess.run(graph.targ_init)
            begin = time.time()
            for batch in minibatches(updates):
                sess.run(steps, dict(zip((graph.x, graph.a, graph.r, graph.x2, graph.d), batch)))
            rate = updates / (time.time() - begin)
            return digest_of(b''.join(w.tobytes() for w in sess.run(graph.main_vars))), rate


@ending('tools.bench.race')
def main(argv=None):
    """The command line."""
    parser = Parser(prog='tools.bench.race', description='The same updates again and again, in '
                    'order and unordered: how many different weights they end in.')
    parser.add_argument('--times', type=accepting(Number(int, 2)), default=10)
    parser.add_argument('--updates', type=accepting(Number(int, 1)), default=300)
    args = parser.parse_args(argv)
    numbers, of_ours = {}, set()        # a number for each digest, in the order of their coming
    print('| steps | operations at once | weights after {} updates, {} times | updates/s |\n'
          '|---|---|---|---|'.format(args.updates, args.times))
    for what, threads in WAYS:
        digests, rates = zip(*(weights_after(args.updates, what == 'ours', threads)
                               for _ in range(args.times)))
        names = [str(numbers.setdefault(digest, len(numbers) + 1)) for digest in digests]
        print('| {} | {} | {} | {:.0f} |'.format(what, threads, ' '.join(names), np.median(rates)),
              flush=True)
        if what == 'ours':
            of_ours.update(digests)
    sys.exit(len(of_ours) > 1)


if __name__ == '__main__':
    main()
