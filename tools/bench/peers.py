"""
peers.py: steps per second of other projects' DDPG, run by the interpreter of an environment that
has them (docs/speed.md says how to make one). throughput.py calls it.
"""
import argparse
import json
import os
import resource
import sys

from tools.bench.throughput import HIDDEN, TIMED, WARM_UP, Clock, timed_env


def measure(name, threads, batch):
    """The rate of sb2 (stable-baselines 2), sb3 (Stable-Baselines3) or sbx (its JAX sibling)."""
    clock = Clock()
    if name == 'sb2':
        from stable_baselines import DDPG
        model = DDPG('MlpPolicy', timed_env(clock), batch_size=batch, nb_train_steps=1,
                     nb_rollout_steps=1, buffer_size=100000, n_cpu_tf_sess=threads or None,
                     policy_kwargs=dict(layers=list(HIDDEN)))
        model.learn(WARM_UP + TIMED + 1)
        return dict(rate=clock.rate())
    kwargs = dict(batch_size=batch, train_freq=1, gradient_steps=1, learning_starts=WARM_UP // 2,
                  buffer_size=100000, policy_kwargs=dict(net_arch=list(HIDDEN)))
    import gymnasium
    if name == 'sb3':
        import torch
        from stable_baselines3 import DDPG
        if threads:
            torch.set_num_threads(threads)
        kwargs['device'] = 'cpu'
    elif name == 'sbx':
        if threads == 1:
            os.environ['XLA_FLAGS'] = ('--xla_cpu_multi_thread_eigen=false '
                                       'intra_op_parallelism_threads=1')
            os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
        from sbx import DDPG
    else:
        sys.exit('peers.py: error: --measure {}: expected sb2, sb3 or sbx'.format(name))
    env = clock.watch(gymnasium.make('HalfCheetah-v5'))
    DDPG('MlpPolicy', env, **kwargs).learn(WARM_UP + TIMED + 1)
    return dict(rate=clock.rate())


def main(argv=None):
    """The command line; throughput.py has it."""
    parser = argparse.ArgumentParser()
    parser.add_argument('--measure')
    for name in ('threads', 'batch', 'stored'):
        parser.add_argument('--' + name, type=int)
    args = parser.parse_args(argv)
    result = measure(args.measure, args.threads, args.batch)
    result['memory'] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps(result))


if __name__ == '__main__':
    main()
