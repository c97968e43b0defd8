"""
ddpg.py: Deep Deterministic Policy Gradient (Lillicrap et al. 2015, arXiv 1509.02971, Algorithm 1).

    python ddpg.py --env HalfCheetah-v2 --seed 0
    python ddpg.py --help

Names, and the paper's symbols: x, a, r, x2, d are s_i, a_i, r_i, s_{i+1}, and 1 where s_{i+1} is
terminal; pi is mu(s), q is Q(s, a), q_pi is Q(s, mu(s)), backup is y_i. POLYAK IS THE PAPER'S TAU,
a small number: targ <- polyak * main + (1 - polyak) * targ. (Spinning Up's polyak is 1 - tau.)
"""
import contextlib
import functools
import os
import random
import shlex
import sys
import tempfile
import time
from collections import namedtuple

import gym
import numpy as np
from tqdm import tqdm

import core                       # before tensorflow, whose greeting it silences
import checkpoint
import guard
import noise as exploration
import tensorflow as tf
from tensorflow.core.protobuf.config_pb2 import CallableOptions
from tensorflow.core.protobuf.rewriter_config_pb2 import RewriterConfig
from settings import (BadSetting, cannot_resume, check_same_run, check_settings, check_spaces,
                      claim_checkpoints, claim_run_folder, env_id, first_line, make_env, parse_args)
import truth
from spinup.utils.logx import EpochLogger

# A third thread would gain nothing: most of an update is a chain of operations.
USEFUL_THREADS = min(2, len(os.sched_getaffinity(0)))

GRADS_EVERY = 100       # updates between two looks at the gradients' norms, which cost time


# ------------------------------------------------------------------------------------------------
# The graph
# ------------------------------------------------------------------------------------------------

Graph = namedtuple('Graph', [
    'x', 'a', 'r', 'x2', 'd',            # placeholders of a minibatch
    'a2',                                # its uniform actions at x2; None with a learned policy
    'rate',                              # the share of the learning rates that is left
    'o',                                 # placeholder of the observation to act on, (1, obs_dim)
    'pi', 'q', 'q_pi', 'pi_o',           # main networks at x and a; the policy at o
    'backup', 'q_loss', 'pi_loss',
    'critic_step', 'actor_step',         # optimiser steps; actor_step includes critic_step
    'q_grad_norm', 'pi_grad_norm',       # norms of the gradients that the steps descend
    'targ_init', 'targ_step',            # targets <- main; the soft update, with both steps before
    'next_pi_o',                         # the policy at o, from the weights after actor_step
])


def build_graph(obs_dim, act_dim, actor_critic=core.mlp_actor_critic, ac_kwargs=dict(),
                gamma=0.99, polyak=0.005, pi_lr=3e-4, q_lr=1e-3,
                weight_decay=0., decay_kind='times_lr', policy='learned', lr_decay=False):
    """
    Networks, losses and steps of Algorithm 1, in the default graph. See `ddpg` for the arguments.

    Running `targ_step` is one whole update, in the order of the paper, on any number of threads:
    backup and critic loss, critic step, actor loss through the updated critic, actor step, targets.
    With policy='random' it is the critic's part of that, with Q(x2, a2) in the backup. With
    `lr_decay`, `rate` is a placeholder that multiplies both learning rates; without, it is 1.

    Returns:
        Graph: The tensors and operations that the loop and the tests need.
    """
    x, a, r, x2, d = core.placeholders(obs_dim, act_dim)
    with tf.variable_scope('main'):
        pi, q, q_pi = actor_critic(x, a, **ac_kwargs)
    with tf.variable_scope('target'):
        if policy == 'random':
            a2 = tf.placeholder(tf.float32, (None, act_dim), name='a2')
            _, q_targ, _ = actor_critic(x2, a2, **ac_kwargs)
        else:
            a2, (_, _, q_targ) = None, actor_critic(x2, a, **ac_kwargs)
    pi_vars, q_vars = core.get_vars('main/pi/'), core.get_vars('main/q/')
    main_vars, targ_vars = core.get_vars('main/'), core.get_vars('target/')
    # After the networks, whose initial weights depend on the number of operations before them.
    rate = tf.placeholder(tf.float32, (), name='rate') if lr_decay else 1.

    # TF 1's reference variables are read without a copy: what has to be ordered against an update
    # of a weight is each operation that consumes it. Hence the control dependencies below.
    with tf.name_scope('critic_loss'):
        backup = tf.stop_gradient(r + gamma * (1 - d) * q_targ)       # y_i, (N,)
        q_loss = tf.reduce_mean(tf.square(backup - q))                # L, paper eq. 4
    with tf.name_scope('critic_step'):
        critic_step, q_grad_norm = adam_step(q_loss, q_vars, q_lr, rate, weight_decay,
                                             decay_kind)

    def main_networks_again(x, a):
        with tf.variable_scope('main', reuse=True, auxiliary_name_scope=False):
            return actor_critic(x, a, **ac_kwargs)

    # The same critic, with the weights that critic_step leaves, at the policy's action.
    with tf.name_scope('actor_loss'), tf.control_dependencies([critic_step]):
        _, q_at_pi, _ = main_networks_again(x, pi)
        pi_loss = -tf.reduce_mean(q_at_pi)                            # -J, paper eq. 6
    with tf.name_scope('actor_step'):
        actor_step, pi_grad_norm = adam_step(pi_loss, pi_vars, pi_lr, rate)

    last_step = critic_step if policy == 'random' else actor_step
    with tf.name_scope('targ_step'), tf.control_dependencies([last_step]):
        targ_step = targ_update(main_vars, targ_vars, polyak)

    # Acting: with the weights as they are, and with those that actor_step leaves.
    o = tf.placeholder(tf.float32, (1, obs_dim), name='o')
    with tf.name_scope('act'):
        pi_o, _, _ = main_networks_again(o, a)
    with tf.name_scope('act_next'), tf.control_dependencies([actor_step]):
        next_pi_o, _, _ = main_networks_again(o, a)

    return Graph(x, a, r, x2, d, a2, rate, o, pi, q, q_pi, pi_o, backup, q_loss, pi_loss,
                 critic_step, actor_step, q_grad_norm, pi_grad_norm,
                 targ_init(main_vars, targ_vars), targ_step, next_pi_o)


def adam_step(loss, variables, lr, rate=1., weight_decay=0., decay_kind='times_lr'):
    """
    One step of Adam (Kingma and Ba 2014) on `variables` alone, with one of three weight decays.

    Args:
        loss (tensor): A scalar.
        variables (list of tf.Variable): What moves, and what decays: all of it, biases included.
        lr (float): Learning rate.
        rate (float or scalar tensor): What multiplies it, and the decay.
        weight_decay, decay_kind: See `ddpg`.

    Returns:
        An operation that runs after the whole backward pass; the norm of all gradients (a scalar).
    """
    if weight_decay and decay_kind == 'l2':
        loss = loss + weight_decay * tf.add_n([tf.nn.l2_loss(w) for w in variables])
    grads = tf.gradients(loss, variables)
    # No weight moves before every product of the backward pass has used it. (TF contrib's AdamW
    # leaves its decay unordered against the passes that read the weights.)
    with tf.control_dependencies(grads):
        before_adam = tf.no_op()
    if weight_decay and decay_kind != 'l2':
        # Decoupled (Loshchilov and Hutter 2017): w -= decay * w, a descent whose gradient is w.
        decay = weight_decay * lr if decay_kind == 'times_lr' else weight_decay
        with tf.control_dependencies([before_adam]):
            before_adam = descend([(w, w) for w in variables], decay * rate)
    with tf.control_dependencies([before_adam]):
        step = tf.train.AdamOptimizer(lr * rate).apply_gradients(zip(grads, variables))
    return step, tf.global_norm(grads)


def targ_init(main_vars, targ_vars):
    """The operation that sets every target weight to its main weight: run it once, it must be."""
    with tf.name_scope('targ_init'):
        return tf.group([targ.assign(main) for main, targ in core.paired(main_vars, targ_vars)])


def targ_update(main_vars, targ_vars, polyak):
    """
    The operation of one soft update, targ <- polyak * main + (1 - polyak) * targ (Algorithm 1).

    It is written targ <- targ - polyak * (targ - main): one subtraction and one fused descent.
    """
    return descend([(targ - main, targ) for main, targ in core.paired(main_vars, targ_vars)],
                   polyak)


def descend(grads_and_vars, rate):
    """The operation var -= rate * grad for each pair, one fused kernel each, in place."""
    return tf.train.GradientDescentOptimizer(rate).apply_gradients(grads_and_vars)


# ------------------------------------------------------------------------------------------------
# Replay
# ------------------------------------------------------------------------------------------------

class ReplayBuffer:
    """
    The last `size` transitions, the oldest overwritten (paper, section 3).

    Args:
        obs_dim, act_dim (int): Components of an observation and of an action.
        size (int): Capacity.
        seed (int): Seed of its RandomState.
    """

    def __init__(self, obs_dim, act_dim, size, seed=None):
        self.x = np.zeros((size, obs_dim), np.float32)
        self.a = np.zeros((size, act_dim), np.float32)
        self.r = np.zeros(size, np.float32)
        self.x2 = np.zeros((size, obs_dim), np.float32)
        self.d = np.zeros(size, np.float32)
        self.max_size, self.stored = size, 0      # `stored` counts all that ever came
        self.rng = np.random.RandomState(seed)

    def __len__(self):
        return min(self.stored, self.max_size)

    def store(self, x, a, r, x2, d):
        """Keep one transition: x, x2 (obs_dim,), a (act_dim,), r, d scalars."""
        i = self.stored % self.max_size
        self.x[i], self.a[i], self.r[i], self.x2[i], self.d[i] = x, a, r, x2, d
        self.stored += 1

    def sample_batch(self, batch_size):
        """
        Uniform over all stored rows, with replacement.

        Returns:
            x (N, obs_dim), a (N, act_dim), r (N,), x2 (N, obs_dim), d (N,), in the placeholders'
            order.

        Raises:
            ValueError: Nothing is stored.
        """
        rows = self.rng.randint(len(self), size=batch_size)
        return self.x[rows], self.a[rows], self.r[rows], self.x2[rows], self.d[rows]

    def rows(self, start, end):
        """Transitions `start` to before `end`, counted from the first ever: {name: array}."""
        at = np.arange(start, end) % self.max_size
        return {name: getattr(self, name)[at] for name in ('x', 'a', 'r', 'x2', 'd')}

    def put_rows(self, start, rows):
        """Put back what rows() gave, as far as this buffer still holds it."""
        for name in ('x', 'a', 'r', 'x2', 'd'):
            values = rows[name]
            getattr(self, name)[np.arange(start, start + len(values)) % self.max_size] = values


# ------------------------------------------------------------------------------------------------
# The algorithm
# ------------------------------------------------------------------------------------------------

def seed_everything(seed, env, test_env):
    """
    Seed all that draws random numbers, before the graph has its first operation.

    `random`, NumPy, the default graph, the training environment and the noise take the seed itself,
    as in the notes (Gym hashes it, so no two of these streams are alike). What the notes did not
    have gets seeds derived from it, so that no run's test environment is another's training one.

    Returns:
        (noise_seed, replay_seed): For the RandomStates of the noise and of the replay.
    """
    random.seed(seed)
    np.random.seed(seed)
    tf.set_random_seed(seed)
    env.seed(seed)
    replay, actions, test, *others = map(int, np.random.SeedSequence(seed).generate_state(6))
    test_env.seed(test)
    # Some environments draw from their spaces; some share one, and there the actions come last.
    for space, other in zip((test_env.observation_space, test_env.action_space,
                             env.observation_space), others):
        space.seed(other)
    env.action_space.seed(actions)
    return seed, replay


def ddpg(env_fn, actor_critic=core.mlp_actor_critic, ac_kwargs=dict(), seed=0,
         steps_per_epoch=5000, epochs=200, replay_size=int(1e6), gamma=0.99, polyak=0.005,
         pi_lr=3e-4, q_lr=1e-3, weight_decay=0., decay_kind='times_lr', batch_size=64,
         start_steps=10000, update_after=1000, update_every=1, lr_decay_steps=None, noise='ou', noise_sigma=0.2,
         noise_final_share=0.25, noise_anneal_steps=100000, noise_theta=0.15, noise_dt=1.0,
         time_limit_terminal=False, policy='learned', num_test_episodes=10, max_ep_len=1000,
         save_freq=10, threads=USEFUL_THREADS, logger_kwargs=dict(), resume=None):
    """
    Deep Deterministic Policy Gradient.

    Args:
        env_fn (function or str): Makes the environment, or its Gym id. There are two, for training
            and for testing.
        actor_critic (function): (x, a, **ac_kwargs) -> pi (N, act_dim), q (N,), q_pi (N,), with its
            variables in the scopes `pi` and `q`; see `core.mlp_actor_critic`.
        ac_kwargs (dict): Keyword arguments of `actor_critic`; `action_space` is added.
        seed (int): Seed of everything random; the same seed repeats a run bit for bit.
        steps_per_epoch (int): Environment steps between two tests.
        epochs (int): Number of epochs.
        replay_size (int): Transitions that the replay buffer holds.
        gamma (float): Discount per step.
        polyak (float): The paper's tau: targ <- polyak * main + (1 - polyak) * targ.
        pi_lr (float): Learning rate of the actor's Adam.
        q_lr (float): Learning rate of the critic's Adam.
        weight_decay (float): Weight decay of all the critic's variables, biases included.
        decay_kind (str): 'times_lr': w -= q_lr * weight_decay * w (PyTorch's AdamW); 'per_step':
            w -= weight_decay * w (TF contrib's AdamW, the notes); 'l2': weight_decay / 2 * |w|^2
            joins the critic's loss (the paper).
        batch_size (int): Transitions per update.
        start_steps (int): Uniform random actions before the policy takes over.
        update_after (int): Steps before the first update; from then on one update per step.
        update_every (int): Updates come so many at a time, every so many steps (Spinning Up: 50).
        lr_decay_steps (int): Steps within which both learning rates fall linearly to 0, and the
            weight decay with them; no run may be longer. None: they stay as they are.
        noise (str): Exploration noise, 'ou' (Ornstein-Uhlenbeck) or 'gaussian'.
        noise_sigma (float): Its size at first, in shares of half the action range.
        noise_final_share (float): Share of this size that is left after annealing; 1: all of it.
        noise_anneal_steps (int): Steps within which the size goes there, linearly.
        noise_theta (float): Rate of the OU process's return to 0 (no meaning for 'gaussian').
        noise_dt (float): Time per step of the OU process (no meaning for 'gaussian').
        time_limit_terminal (bool): Whether to store a time limit as a terminal state, as the notes
            did. A limit is not part of the state, so the critic cannot know it.
        policy (str): 'learned', or 'random': uniform actions in training, in tests and in the
            backup. Only the critic learns then: the value of the uniform policy, which is measured
            by Monte-Carlo returns, too. (The command line then has a polyak of 0.02 by default.)
        num_test_episodes (int): Noise-free episodes at the end of each epoch.
        max_ep_len (int): Time limit of an episode, beside the environment's own.
        save_freq (int): Epochs between two checkpoints, at which the policy is exported, too. There
            is one at the very start, and one at the end.
        threads (int): Threads that may run operations at once; the bits are the same for any
            number.
        logger_kwargs (dict): Keyword arguments of EpochLogger.
        resume (checkpoint.Checkpoints): Of a run to go on with, in its folder; see
            `settings.open_run`. The other arguments must be the run's own, but for epochs,
            save_freq and threads.

    Raises:
        BadSetting: A value, or the environment, is not accepted. Nothing has been written then.
        guard.RunStopped: The run ended before its last epoch. Checkpoints and table are whole.
    """
    config = {name: value for name, value in locals().items()
              if name not in ('env_fn', 'actor_critic', 'ac_kwargs', 'logger_kwargs', 'resume')}
    check_settings(dict(ac_kwargs, **config))
    t = epochs_done = 0
    make = functools.partial(make_env, env_fn) if isinstance(env_fn, str) else env_fn
    raw_env, test_env = make(), make()
    env_name = env_fn if isinstance(env_fn, str) else env_id(raw_env)
    check_spaces(raw_env)
    watch = guard.Watch(lambda: 'at step {}'.format(t))
    env = checkpoint.RecordedEnv(guard.CheckedEnv(raw_env, watch))
    test_env = guard.CheckedEnv(test_env, guard.Watch(
        lambda: 'in a test episode after step {}'.format(t)))

    config.update(env=env_name, actor_critic=actor_critic.__name__, ac_kwargs=ac_kwargs)
    if resume:
        check_same_run(config, resume.config)
        saved, folder = resume.state, resume.run_folder
        if epochs < saved['epochs_done']:
            raise BadSetting('epochs', epochs, 'at least {}, which the run has done'.format(
                saved['epochs_done']))
        if epochs == saved['epochs_done']:
            print('The run in {0} has finished its {1} epochs. To train on, give it more: {2} '
                  '--epochs {3}'.format(folder, epochs, resume_command(folder), 2 * epochs))
            return
        config = dict(resume.config, epochs=epochs, save_freq=save_freq, threads=threads)
    else:
        folder = logger_kwargs.get('output_dir') or tempfile.mkdtemp(prefix='ddpg-')
        config.update(checkpoint.provenance())
        if 'exp_name' in logger_kwargs:
            config['exp_name'] = logger_kwargs['exp_name']
    logger_kwargs = dict(logger_kwargs, output_dir=folder)

    learned = policy == 'learned'
    obs_dim, act_dim = env.observation_space.shape[0], env.action_space.shape[0]
    low, high = env.action_space.low, env.action_space.high
    ac_kwargs = dict(ac_kwargs, action_space=env.action_space)

    graph = tf.Graph()
    with graph.as_default():
        noise_seed, replay_seed = seed_everything(seed, env, test_env)
        g = build_graph(obs_dim, act_dim, actor_critic, ac_kwargs, gamma, polyak, pi_lr, q_lr,
                        weight_decay, decay_kind, policy, lr_decay=lr_decay_steps is not None)
        counts = tuple(core.count_vars(core.get_vars(scope))
                       for scope in ('main/pi/', 'main/q/', 'main/'))
        sess = tf.Session(config=session_config(threads))
        sess.run(tf.global_variables_initializer())
        sess.run(g.targ_init)
        act = prepared_call(sess, dict(pi_o=g.pi_o), [g.o])
        evaluate = prepared_call(sess, dict(q=g.q), [g.x, g.a])
        # One call per step: Algorithm 1's update, then the next action by the new weights.
        seen = dict(QVals=g.q, TargetVals=g.backup, LossQ=g.q_loss)
        norms = dict(GradNormQ=g.q_grad_norm)
        if learned:
            seen.update(LossPi=g.pi_loss, next_pi_o=g.next_pi_o)
            norms.update(GradNormPi=g.pi_grad_norm)
        feeds = [g.o if learned else g.a2, g.x, g.a, g.r, g.x2, g.d]
        feeds += [g.rate] if lr_decay_steps else []
        update = prepared_call(sess, seen, feeds, [g.targ_step])
        update_with_norms = prepared_call(sess, dict(seen, **norms), feeds, [g.targ_step])
        variables = tf.global_variables()                 # Adam's and the targets', too

    replay = ReplayBuffer(obs_dim, act_dim, replay_size, replay_seed)
    scale = (high - low) / 2
    if not learned:
        noise = exploration.UniformActions(low, high, seed=noise_seed)
    elif noise == 'ou':
        noise = exploration.OrnsteinUhlenbeckNoise(scale, noise_theta, noise_sigma, noise_dt,
                                                   seed=noise_seed)
    else:
        noise = exploration.GaussianNoise(scale, noise_sigma, seed=noise_seed)

    parts = checkpoint.Parts(sess, variables, replay, noise, env, test_env)

    # Begin, or go on from a checkpoint.
    if resume:
        checkpoints = resume
        try:
            parts.set_state(saved['parts'])
        except (checkpoint.Unusable, guard.RunStopped) as why:
            raise cannot_resume(folder, why) from why
        checkpoints.restore(replay)
        logger = EpochLogger(**logger_kwargs)
        checkpoint.set_log_state(logger, saved['log'])
        if config != checkpoint.read_config(folder):
            logger.save_config(config)
        for why in checkpoints.ignored:
            logger.log('Warning: {}. It is not used.'.format(why), 'red')
        checkpoints.drop_ignored()
        logger.log('Going on after step {}.'.format(saved['t']))
        t, epochs_done, ep_ret, ep_len, episodes, terminals, updates, pi, held_out = (
            saved[name] for name in ('t', 'epochs_done', 'ep_ret', 'ep_len', 'episodes',
                                     'terminals', 'updates', 'pi', 'held_out'))
        o, start_time = env.observation, time.time() - saved['time']
    else:
        checkpoints = claim_checkpoints(folder)
        logger = EpochLogger(**logger_kwargs)
        logger.save_config(config)
        logger.log('Number of parameters: pi %d, q %d, in all %d\n' % counts)
        tf.summary.FileWriter(folder, graph).close()      # for TensorBoard
        held_out = None if learned else truth.held_out(checkpoint.RecordedEnv(
            guard.CheckedEnv(make(), watch)), gamma, seed, logger.log)
        o, ep_ret, ep_len = env.reset(), 0., 0
        pi = act(o[None])['pi_o'] if learned else None
        episodes = terminals = updates = 0
        start_time = time.time()
    with graph.as_default():
        export_policy = policy_exporter(logger, sess, obs_dim, act_dim, actor_critic, ac_kwargs)
    graph.finalize()

    def save():
        state = dict(t=t, epochs_done=epochs_done, ep_ret=ep_ret, ep_len=ep_len, episodes=episodes,
                     terminals=terminals, updates=updates, pi=pi, held_out=held_out,
                     time=time.time() - start_time, parts=parts.get_state())
        for name, weights in state['parts']['weights'].items():
            watch.require_finite(name, weights)
        # The checkpoint comes last: where that of the last epoch is, the run has finished.
        for what, write in (
                ('export the policy', lambda: export_policy(raw_env)),
                ('save a checkpoint', lambda: checkpoints.save(
                    config, dict(state, log=checkpoint.log_state(logger)), replay))):
            try:
                write()
            except (OSError, tf.errors.OpError) as error:
                logger.log('Warning: could not {} at step {}: {}. The one before is whole; it is '
                           'tried again next time.'.format(what, t, first_line(error)), 'red')

    def interrupt():
        save()
        raise guard.Interrupted(guard.pending_signal(), t)

    def q_of(x, a):
        return np.concatenate([evaluate(x[i:i + 1000], a[i:i + 1000])['q'].reshape(-1)
                               for i in range(0, len(x), 1000)])

    def test_policy(o):
        if not learned:
            return test_env.action_space.sample()
        a = np.clip(act(o[None])['pi_o'][0], low, high)
        test_env.watch.finite(action=a)
        return a

    def test_agent():
        """Play the test episodes; what they say of Q and of the actions, {column: value}."""
        before = checkpoint.random_states(test_env)

        def before_step():
            if guard.pending_signal():          # all of the test is done when the run goes on
                checkpoint.set_random_states(test_env, before)
                interrupt()

        played = [truth.play(test_env, test_policy, max_ep_len, before_step)
                  for _ in range(num_test_episodes)]
        for episode in played:
            logger.store(TestEpRet=sum(episode.r), TestEpLen=len(episode.r))
        if not learned:
            return dict(truth.errors(q_of(held_out['x'], held_out['a']), held_out['g']),
                        ActSaturation=np.nan)
        return dict(truth.errors(*truth.estimated_and_observed(played, q_of, gamma)),
                    ActSaturation=truth.saturation(
                        np.concatenate([episode.a for episode in played]), low, high))

    with checkpoints, tqdm(total=epochs * steps_per_epoch, initial=t, unit='step', leave=False,
                           disable=None) as bar:
        if not resume:
            save()
        for epoch in range(epochs_done + 1, epochs + 1):
            bar.set_description('Epoch {}/{}'.format(epoch, epochs), refresh=False)

            for t in range(t + 1, epoch * steps_per_epoch + 1):
                # Act: uniformly at random at first, then a_t = mu(s_t) + N_t.
                if t <= start_steps or not learned:
                    a = env.action_space.sample()
                else:
                    noise.sigma = noise_sigma * np.interp(t, (0, noise_anneal_steps),
                                                          (1., noise_final_share))
                    a = np.clip(pi[0] + noise(), low, high).astype(np.float32)
                o2, r, done, info = env.step(a)
                ep_ret, ep_len = ep_ret + r, ep_len + 1

                # A time limit ends the episode, not the task: what would have come still counts.
                truncated = info.get('TimeLimit.truncated', False)
                ended = done or ep_len == max_ep_len
                d = ended if time_limit_terminal else done and not truncated
                replay.store(o, a, r, o2, d)
                o = o2

                if ended:
                    logger.store(EpRet=ep_ret, EpLen=ep_len)
                    episodes, terminals = episodes + 1, terminals + d
                    o, ep_ret, ep_len = env.reset(), 0., 0
                    noise.reset()

                # Learn from a minibatch, and find the policy's next action.
                if t >= update_after and t % update_every == 0:
                    rate = [np.float32(1 - t / lr_decay_steps)] if lr_decay_steps else []
                    for _ in range(update_every):
                        call = update if updates % GRADS_EVERY else update_with_norms
                        found = call(o[None] if learned else noise(batch_size),
                                     *replay.sample_batch(batch_size), *rate)
                        pi = found.pop('next_pi_o', None)
                        watch.finite(**found)
                        logger.store(**found)
                        updates += 1
                elif learned:
                    pi = act(o[None])['pi_o']
                if learned:
                    watch.finite(action=pi)
                bar.update()
                if guard.pending_signal():
                    interrupt()

            tested = test_agent()
            if not episodes:
                logger.store(EpRet=np.nan, EpLen=np.nan)
            if not updates:
                logger.store(QVals=np.nan, TargetVals=np.nan, LossQ=np.nan, GradNormQ=np.nan)
            if not (updates and learned):
                logger.store(LossPi=np.nan, GradNormPi=np.nan)

            # Spinning Up's columns, then ours.
            bar.clear()
            logger.log_tabular('Epoch', epoch)
            logger.log_tabular('EpRet', with_min_and_max=True)
            logger.log_tabular('TestEpRet', with_min_and_max=True)
            logger.log_tabular('EpLen', average_only=True)
            logger.log_tabular('TestEpLen', average_only=True)
            logger.log_tabular('TotalEnvInteracts', t)
            logger.log_tabular('QVals', with_min_and_max=True)
            logger.log_tabular('LossPi', average_only=True)
            logger.log_tabular('LossQ', average_only=True)
            logger.log_tabular('Time', time.time() - start_time)
            logger.log_tabular('NumEpisodes', episodes)
            logger.log_tabular('NumTerminals', terminals)
            logger.log_tabular('NumUpdates', updates)
            for column, value in tested.items():
                logger.log_tabular(column, value)
            for column in ('TargetVals', 'GradNormQ', 'GradNormPi'):
                logger.log_tabular(column, average_only=True)
            dump_tabular(logger)
            epochs_done, episodes, terminals, updates = epoch, 0, 0, 0

            if epoch % save_freq == 0 or epoch == epochs:
                save()


def dump_tabular(logger):
    """logger.dump_tabular(), but where the disk is full the row waits in the file's buffer."""
    try:
        logger.dump_tabular()
    except OSError as error:
        logger.log('Warning: could not write the table: {}'.format(error), 'red')
        logger.log_current_row.clear()
        logger.first_row = False


def session_config(threads):
    """
    Up to `threads` operations at once, each on one thread.

    An operation cut up over threads would add its parts in another order, and give other bits; so
    would a GPU.
    """
    config = tf.ConfigProto(inter_op_parallelism_threads=threads, intra_op_parallelism_threads=1,
                            use_per_session_threads=True, device_count={'GPU': 0})
    # Grappler would fold the transpositions of core.FAST_GRADIENTS back into the products.
    config.graph_options.rewrite_options.arithmetic_optimization = RewriterConfig.OFF
    return config


def prepared_call(sess, fetches, feeds, operations=()):
    """
    A function of the values of `feeds` (list of tensors) that runs `operations`.

    It is prepared once; Session.run, and public make_callable with feeds, prepare at every call.

    Returns:
        A function that returns {name: value} of `fetches`, {name: tensor}.
    """
    call = sess._make_callable_from_options(CallableOptions(
        feed=[tensor.name for tensor in feeds],
        fetch=[tensor.name for tensor in fetches.values()],
        target=[operation.name for operation in operations]))
    names = list(fetches)
    return lambda *values: dict(zip(names, call(*values)))


def policy_exporter(logger, sess, obs_dim, act_dim, actor_critic, ac_kwargs):
    """
    Sets up the export of the policy for players, through a graph of its own: x, a -> pi, q.

    The training graph stays as it is, and the export holds neither targets nor optimiser slots.

    Returns:
        A function of the environment that saves it and the policy with the weights in `sess`.
    """
    trained = core.get_vars('main/')
    with tf.Graph().as_default() as graph:
        x, a, _, _, _ = core.placeholders(obs_dim, act_dim)
        with tf.variable_scope('main'):
            pi, q, _ = actor_critic(x, a, **ac_kwargs)
        exported = core.get_vars('main/')
        export_sess = tf.Session(config=session_config(1))
    logger.setup_tf_saver(export_sess, inputs={'x': x, 'a': a}, outputs={'pi': pi, 'q': q})

    def export_policy(env):
        with graph.as_default():
            for variable, value in zip(exported, sess.run(trained)):
                variable.load(value, export_sess)
            logger.save_state({'env': env}, None)

    return export_policy


def resume_command(folder):
    """The command that goes on with the run in `folder`."""
    return 'python ddpg.py --resume ' + shlex.quote(folder)


def main():
    """The command line. Exit code 2 for bad input, in one line and with nothing written."""
    gym.logger.set_level(gym.logger.ERROR)
    with guard.noting_signals():
        try:
            env, data_dir, exp_name, kwargs = parse_args(sys.argv[1:], ddpg, core.mlp_actor_critic)
            if 'resume' in kwargs:
                folder = kwargs['resume'].run_folder
            else:
                check_spaces(make_env(env))
                folder = claim_run_folder(data_dir, exp_name, kwargs['seed'])
            with kwargs.get('resume', contextlib.nullcontext()):
                ddpg(env, logger_kwargs=dict(output_dir=folder, exp_name=exp_name), **kwargs)
        except BadSetting as bad:
            print('ddpg.py: error: ' + bad.flag(), file=sys.stderr)
            sys.exit(2)
        except guard.Interrupted as end:
            print('Interrupted by {}. To go on: {}'.format(end, resume_command(folder)))
            sys.exit(end.exit_code)
        except guard.RunStopped as end:
            print('ddpg.py: error: {}'.format(end), file=sys.stderr)
            if checkpoint.is_in(folder):
                print('What was logged and saved before is whole. To go on from the last '
                      'checkpoint: ' + resume_command(folder))
            sys.exit(end.exit_code)


if __name__ == '__main__':
    main()
