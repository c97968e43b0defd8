"""
throughput.py: environment steps per second, ours beside a floor, plainer ways, and other projects.

    python -m tools.bench.throughput [--rounds 5] [--build intel=PYTHON] [--peer sb3=PYTHON]

HalfCheetah-v2, networks (400, 300), one update a step. Every figure comes from a process of its
own; the processes alternate, and medians over the rounds are told, since machines are noisy. PYTHON
is the interpreter of an environment with another build of TensorFlow, or with a peer in it
(docs/speed.md says how). Writes throughput.json, throughput.md and throughput.png beside this file.
"""
import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import time

BENCH = os.path.dirname(os.path.abspath(__file__))
HIDDEN, OBS, ACT = (400, 300), 17, 6
PEERS = 'sb2', 'sb3', 'sbx'
WARM_UP, TIMED = 400, 1600


# ------------------------------------------------------------------------------------------------
# One measurement, in a process of its own
# ------------------------------------------------------------------------------------------------

class Clock:
    """Counts an environment's steps; knows the rate over the TIMED steps after WARM_UP."""

    def __init__(self):
        self.steps, self.times = 0, {}

    def tick(self):
        if self.steps in (0, WARM_UP, WARM_UP + TIMED):
            self.times[self.steps] = time.time()
        self.steps += 1

    def watch(self, env):
        """`env`, its steps counted."""
        step = env.step
        env.step = lambda a: self.tick() or step(a)
        return env

    def rate(self):
        return TIMED / (self.times[WARM_UP + TIMED] - self.times[WARM_UP])


def timed_env(clock):
    """Gym's HalfCheetah-v2, whose steps `clock` counts."""
    import gym
    return clock.watch(gym.make('HalfCheetah-v2'))


def measure_ours(threads, batch, stored, norm='none'):
    """ddpg() itself; with `stored` transitions in the replay buffer from the beginning."""
    import tempfile

    import numpy as np

    import ddpg
    clock, envs = Clock(), []

    def env_fn():
        envs.append(timed_env(clock if not envs else Clock()))
        return envs[-1]

    class FilledBuffer(ddpg.ReplayBuffer):
        def __init__(self, *args):
            super().__init__(*args)
            rng = np.random.RandomState(0)
            for start in range(0, stored, 10000):
                for column in (self.x, self.a, self.r, self.x2):
                    rows = column[start:min(start + 10000, stored)]
                    rows[:] = rng.randn(*rows.shape)
            self.stored = stored

    ddpg.ReplayBuffer = FilledBuffer
    with tempfile.TemporaryDirectory() as folder:
        ddpg.ddpg(env_fn, steps_per_epoch=WARM_UP + TIMED + 1, epochs=1, start_steps=WARM_UP // 2,
                  update_after=WARM_UP // 2, batch_size=batch, num_test_episodes=1, max_ep_len=1000,
                  threads=threads, ac_kwargs=dict(norm=norm), logger_kwargs=dict(output_dir=folder),
                  weight_decay=0., lr_decay_steps=None)     # as the plainer ways and the peers
    return dict(rate=clock.rate(), start_up=clock.times[0] - process_start())


def process_start():
    """When this process began, in seconds since the epoch."""
    with open('/proc/self/stat') as stat:
        ticks = int(stat.read().rsplit(')', 1)[1].split()[19])      # since the machine's start
    boot = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)
    return boot + ticks / os.sysconf('SC_CLK_TCK')


def measure_plain(threads, batch, stored, stock=False):
    """
    The same networks and losses, with one Session.run per operation: act, critic step, actor step,
    targets. `stock`: as a TensorFlow user would write it, with TensorFlow's own gradients and soft
    update, the actor's step and the targets in one run (Spinning Up's way of calling).
    """
    import numpy as np

    from harness.agent import session_config
    from harness.quiet_tf import tf
    import core
    import ddpg
    if stock:
        core.FAST_GRADIENTS.clear()
    clock = Clock()
    env = timed_env(clock)
    x, a, r, x2, d = core.placeholders(OBS, ACT)
    with tf.variable_scope('main'):
        pi, q, q_pi = core.mlp_actor_critic(x, a, action_space=env.action_space)
    with tf.variable_scope('target'):
        _, _, q_pi_targ = core.mlp_actor_critic(x2, a, action_space=env.action_space)
    backup = tf.stop_gradient(r + 0.99 * (1 - d) * q_pi_targ)
    q_loss, pi_loss = tf.reduce_mean((backup - q) ** 2), -tf.reduce_mean(q_pi)
    q_step = tf.train.AdamOptimizer(1e-3).minimize(q_loss, var_list=core.get_vars('main/q/'))
    pi_step = tf.train.AdamOptimizer(1e-3).minimize(pi_loss, var_list=core.get_vars('main/pi/'))
    main, targ = core.get_vars('main/'), core.get_vars('target/')
    if stock:
        targ_step = tf.group([t.assign(0.005 * m + 0.995 * t) for m, t in core.paired(main, targ)])
        runs = [[q_loss, q, q_step], [pi_loss, pi_step, targ_step]]
    else:
        runs = [[q_loss, q, q_step], [pi_loss, pi_step], [ddpg.targ_update(main, targ, 0.005)]]
    config = session_config(threads) if threads else None
    sess = tf.Session(config=config)
    sess.run(tf.global_variables_initializer())
    replay = ddpg.ReplayBuffer(OBS, ACT, int(1e6), 0)
    o = env.reset()
    for t in range(WARM_UP + TIMED + 1):
        if t < WARM_UP // 2:
            action = env.action_space.sample()
        else:
            action = sess.run(pi, {x: o.reshape(1, -1)})[0]
            action = np.clip(action + 0.1 * np.random.randn(ACT), -1, 1)
        o2, reward, done, _ = env.step(action)
        replay.store(o, action, reward, o2, False)
        o = env.reset() if done else o2
        if t >= WARM_UP // 2:
            feed = dict(zip((x, a, r, x2, d), replay.sample_batch(batch)))
            for fetches in runs:
                sess.run(fetches, feed)
    return dict(rate=clock.rate())


def measure_floor(threads, batch, stored):
    """
    A step without a framework, on one core: an update's matrix products (by NumPy's OpenBLAS, with
    its AVX-512 kernels where the processor has AVX-512), the memory that Adam and the targets move,
    and the environment. Milliseconds a step. (No bound: other products may be faster.)
    """
    import gym
    import numpy as np

    def seconds(function, repeats=300):
        times = []
        for _ in range(repeats):
            start = time.perf_counter()
            function()
            times.append(time.perf_counter() - start)
        return statistics.median(times)

    def array(*shape):
        return np.random.randn(*shape).astype(np.float32)

    def product(n, k, m):
        left, right, out = array(n, k), array(k, m), np.empty((n, m), np.float32)
        return seconds(lambda: np.dot(left, right, out=out))

    def forward(layers):
        return sum(product(batch, k, m) for k, m in layers)

    def weight_gradients(layers):
        return sum(product(k, batch, m) for k, m in layers)

    def input_gradients(layers):
        return sum(product(batch, m, k) for k, m in layers)

    one, two = HIDDEN
    actor, critic = [(OBS, one), (one, two), (two, ACT)], [(OBS, one), (one + ACT, two), (two, 1)]
    products = (2 * forward(actor) + 3 * forward(critic)        # targets, actor, critic twice
                + weight_gradients(critic) + input_gradients(critic[1:])
                + weight_gradients(actor) + input_gradients(actor[1:])
                + input_gradients([(ACT, two), (two, 1)]))      # the critic's, to the action
    size = sum(k * m + m for k, m in actor + critic)
    source, target = array(size), array(size)
    copy = seconds(lambda: np.copyto(target, source))               # one stream in, one out
    traffic = copy / 2 * (7 + 3)        # Adam: g, m, v, w in, m, v, w out; targets: 2 in, 1 out
    env = gym.make('HalfCheetah-v2')
    env.reset()
    action = env.action_space.sample()
    step = seconds(lambda: env.step(action), 900)
    parts = dict(products=1e3 * products, traffic=1e3 * traffic, environment=1e3 * step)
    return dict(rate=1e3 / sum(parts.values()), parts=parts)


def measure_parts(threads, batch, stored):
    """Where a step's time goes, on one thread: milliseconds by kind, from TensorFlow's timeline."""
    import gym
    import numpy as np

    from harness.agent import prepared_call, session_config
    from harness.quiet_tf import tf
    import ddpg
    import noise
    env = gym.make('HalfCheetah-v2')
    env.reset()
    with tf.Graph().as_default():
        g = ddpg.build_graph(OBS, ACT, ac_kwargs=dict(action_space=env.action_space))
        sess = tf.Session(config=session_config(1))
        sess.run(tf.global_variables_initializer())
    seen = dict(QVals=g.q, TargetVals=g.backup, LossQ=g.q_loss, LossPi=g.pi_loss,
                next_a=g.next_pi_o)
    feeds = [g.o, g.x, g.a, g.r, g.x2, g.d]
    update = prepared_call(sess, seen, feeds, [g.targ_step])
    replay = ddpg.ReplayBuffer(OBS, ACT, 100000, 0)
    replay.stored = 100000
    values = [np.zeros((1, OBS), np.float32)] + list(replay.sample_batch(batch))

    def undisturbed(times):
        return sorted(times)[len(times) // 10]

    def milliseconds(function, repeats=900):
        times = []
        for _ in range(repeats):
            start = time.perf_counter()
            function()
            times.append(1e3 * (time.perf_counter() - start))
        return undisturbed(times)

    def kind(node):
        name = node.rsplit('/', 1)[-1]
        if 'MatMul_grad' in node:
            return 'backward products' if name.startswith('MatMul') else 'transpositions'
        if '/Adam/' in node or 'critic_step/GradientDescent' in node:
            return 'Adam and decay'
        if node.startswith('targ_step'):
            return 'soft update'
        if 'Relu_grad' in node:
            return 'ReLU masks'
        if name.startswith(('Relu', 'MatMul', 'BiasAdd')) and 'grad' not in node:
            return 'forward layers'
        return 'small operations, scheduler'

    options = tf.RunOptions(trace_level=tf.RunOptions.SOFTWARE_TRACE)
    totals = {}
    for _ in range(200):
        metadata, of_run = tf.RunMetadata(), {}
        sess.run([seen, g.targ_step], dict(zip(feeds, values)), options, metadata)
        for device in metadata.step_stats.dev_stats:
            for node in device.node_stats:
                took = (node.op_end_rel_nanos - node.op_start_rel_nanos) / 1e6
                of_run[kind(node.node_name)] = of_run.get(kind(node.node_name), 0) + took
        for name, took in of_run.items():
            totals.setdefault(name, []).append(took)
    parts = {name: undisturbed(times) for name, times in totals.items()}
    whole = milliseconds(lambda: update(*values))
    # Tracing takes time itself: the operations are scaled to fit the whole where they must.
    scale = min(1, whole / sum(parts.values()))
    parts = {name: took * scale for name, took in parts.items()}
    parts['small operations, scheduler'] += whole - sum(parts.values())
    ou, low, high = noise.OrnsteinUhlenbeckNoise(np.ones(ACT)), -np.ones(ACT), np.ones(ACT)
    parts['replay'] = milliseconds(lambda: replay.sample_batch(batch))
    parts['noise and clip'] = milliseconds(lambda: np.clip(ou(), low, high).astype(np.float32))
    action = env.action_space.sample()
    parts['environment'] = milliseconds(lambda: env.step(action))
    return dict(rate=1e3 / sum(parts.values()), parts=parts)


MEASURES = dict(ours=measure_ours, plain=measure_plain, floor=measure_floor, parts=measure_parts,
                stock=lambda *args: measure_plain(*args, stock=True),
                normed=lambda *args: measure_ours(*args, norm='batch'))


# ------------------------------------------------------------------------------------------------
# All of them
# ------------------------------------------------------------------------------------------------

def run(what, threads=1, batch=64, stored=0, python=sys.executable):
    """One measurement in a process of its own: its dict, with the peak memory in MB."""
    from harness.files import cpuinfo
    module = 'tools.bench.' + ('throughput' if what in MEASURES else 'peers')
    words = [python, '-m', module, '--measure', what, '--threads', str(threads), '--batch',
             str(batch), '--stored', str(stored)]
    env = dict(os.environ, OPENBLAS_NUM_THREADS='1')
    if what == 'floor' and 'avx512f' in cpuinfo().get('flags', '').split():
        env['OPENBLAS_CORETYPE'] = 'SkylakeX'       # it takes processors newer than itself for old
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env,
                          cwd=os.path.dirname(os.path.dirname(BENCH)), universal_newlines=True)
    if done.returncode:
        sys.exit('tools.bench.throughput: error: {} failed: {}'.format(
            ' '.join(words), done.stderr[-2000:]))
    return json.loads(done.stdout.strip().split('\n')[-1])


def rows(builds, peers):
    """[(name, arguments of `run`)], in the order of the table. Threads 0: as its user starts it."""
    table = [('floor: OpenBLAS products, memory, environment; one core', dict(what='floor'))]
    for threads in (1, 2):
        table.append(('ours, {} thread{}'.format(threads, 's'[:threads - 1]),
                      dict(what='ours', threads=threads)))
    for name, python in builds:
        for threads in (1, 2):
            table.append(('ours with {}, {} thread{}'.format(name, threads, 's'[:threads - 1]),
                          dict(what='ours', threads=threads, python=python)))
    table += [('a Session.run per operation, 1 thread', dict(what='plain')),
              ("stock TensorFlow, called in Spinning Up's way, 1 thread", dict(what='stock')),
              ("stock TensorFlow, called in Spinning Up's way, as started",
               dict(what='stock', threads=0))]
    for batch in (100, 256):
        for threads in (1, 2):
            table.append(('ours, batch {}, {} thread{}'.format(batch, threads, 's'[:threads - 1]),
                          dict(what='ours', threads=threads, batch=batch)))
    for threads in (1, 2):
        table.append(('ours, batch normalisation, {} thread{}'.format(threads, 's'[:threads - 1]),
                      dict(what='normed', threads=threads)))
    for stored in (1000, 100000, 998000):
        table.append(('ours, {:,} transitions stored, 1 thread'.format(stored),
                      dict(what='ours', stored=stored)))
    for name, python in peers:
        table += [('{}, 1 thread'.format(name), dict(what=name, python=python)),
                  ('{}, as started'.format(name), dict(what=name, threads=0, python=python))]
    return table


def draw(parts, floor, path):
    """A bar of where a step's time goes, above the floor's."""
    import matplotlib
    matplotlib.use('Agg')
    import matplotlib.pyplot as plt
    figure, axes = plt.subplots(figsize=(11, 4.2))
    colors = plt.get_cmap('tab20').colors
    for y, bars in ((1, parts), (0, floor)):
        left = 0
        for i, (name, took) in enumerate(sorted(bars.items(), key=lambda item: -item[1])):
            axes.barh(y, took, left=left, color=colors[(i + 12 * (1 - y)) % 20],
                      label='{}: {:.2f} ms'.format(name if y else 'floor: ' + name, took))
            left += took
    axes.set_yticks([0, 1])
    axes.set_yticklabels(['floor,\nby OpenBLAS', 'ours'])
    axes.set_xlabel('milliseconds per environment step (one thread, batch 64)')
    axes.legend(loc='center left', bbox_to_anchor=(1, 0.5), fontsize=9)
    figure.tight_layout()
    figure.savefig(path, dpi=110)


def write(results, parts, path):
    """
    Write the results to path.json, .md and .png.

    Args:
        results (dict): {name of a row: a dict of `run` for each round}, the floor first.
        parts (list of dict): Where a step's time goes, for each round.
        path (str): Without an ending.
    """
    from harness.origin import processor
    from harness.quiet_tf import tf
    rate = {name: statistics.median(r['rate'] for r in results[name]) for name in results}
    ours = rate['ours, 1 thread']
    title = 'TensorFlow {}; {}; medians of {} rounds'.format(
        tf.__version__, processor(), len(parts))
    lines = [title, '', '| what | steps/s | of ours on 1 thread | peak memory, MB |',
             '|---|---|---|---|']
    for name in results:
        memory = statistics.median(r['memory'] for r in results[name])
        lines.append('| {} | {:.0f} | {:.2f} | {:.0f} |'.format(
            name, rate[name], rate[name] / ours, memory))
    start_up = statistics.median(r['start_up'] for r in results['ours, 1 thread'])
    lines += ['', 'From the start of the process to the first step: {:.1f} s.'.format(start_up)]
    with open(path + '.md', 'w') as file:
        file.write('\n'.join(lines) + '\n')
    with open(path + '.json', 'w') as file:
        json.dump(dict(processor=processor(), results=results, parts=parts), file,
                  indent=1)
    floors = [r['parts'] for r in next(iter(results.values()))]
    draw(*({key: statistics.median(p[key] for p in kind) for key in kind[0]}
           for kind in (parts, floors)), path + '.png')
    print('\n'.join(lines))


def named_python(text):
    """NAME=PYTHON as (name, interpreter)."""
    name, equals, python = text.partition('=')
    if not (name and equals and shutil.which(python)):
        raise argparse.ArgumentTypeError('{}: expected NAME=PYTHON, an interpreter that can be '
                                         'run'.format(text))
    return name, python


def named_peer(text):
    """NAME=PYTHON of one of PEERS."""
    name, python = named_python(text)
    if name not in PEERS:
        raise argparse.ArgumentTypeError('{}: expected one of {} before the ='.format(
            text, ', '.join(PEERS)))
    return name, python


def path_in_folder(text):
    """A path in a folder that there is."""
    if not (os.path.basename(text) and os.path.isdir(os.path.dirname(os.path.abspath(text)))):
        raise argparse.ArgumentTypeError('{}: expected a path in a folder that there is'.format(
            text))
    return text


def main(argv=None):
    """The command line."""
    from harness.command import Parser, accepting       # peers.py does without, and has none
    from harness.settings import Number
    parser = Parser(prog='tools.bench.throughput', description=__doc__.split('\n')[1])
    parser.add_argument('--rounds', type=accepting(Number(int, 1)), default=5)
    parser.add_argument('--build', type=named_python, action='append', default=[],
                        metavar='NAME=PYTHON',
                        help='another build of TensorFlow, and the interpreter that has it')
    parser.add_argument('--peer', type=named_peer, action='append', default=[],
                        metavar='NAME=PYTHON',
                        help='sb2, sb3 or sbx, and the interpreter that has it')
    parser.add_argument('--output', type=path_in_folder, default=os.path.join(BENCH, 'throughput'),
                        help='path of the results, without .json, .md, .png')
    for name, kind in (('measure', str), ('threads', int), ('batch', int), ('stored', int)):
        parser.add_argument('--' + name, type=kind, help=argparse.SUPPRESS)
    args = parser.parse_args(argv)
    if args.measure:
        result = MEASURES[args.measure](args.threads, args.batch, args.stored)
        result['memory'] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps(result))
        return

    table = rows(args.build, args.peer)
    results = {name: [] for name, _ in table}
    parts = []
    for done in range(args.rounds):
        for name, what in table:
            results[name].append(run(**what))
            print('round {}: {:7.1f} steps/s  {}'.format(done + 1, results[name][-1]['rate'], name),
                  flush=True)
        parts.append(run('parts')['parts'])

    write(results, parts, args.output)


if __name__ == '__main__':
    main()
