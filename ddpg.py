"""
ddpg.py: Deep Deterministic Policy Gradient (Lillicrap et al. 2015, arXiv 1509.02971, Algorithm 1).

    python ddpg.py --env HalfCheetah-v2 --seed 0
    python ddpg.py --help

Names, and the paper's symbols. In the graph, of a minibatch of N: x, a, r, x2 are s_i, a_i, r_i,
s_{i+1}; d is 1 where s_{i+1} is terminal; pi is mu(s), q is Q(s, a), q_pi is Q(s, mu(s)), backup is
y_i. In the loop: o, a, r, o2 are s_t, a_t, r_t, s_{t+1}, and N_t is the noise. POLYAK IS TAU, a
small number: targ <- polyak * main + (1 - polyak) * targ. (Spinning Up's polyak is 1 - tau.)
"""
from collections import namedtuple

import numpy as np

from harness import cli
from harness.agent import USEFUL_THREADS
from harness.envs import terminal
from harness.quiet_tf import tf
from harness.run import Run, seed_everything
from harness.settings import checked
import core
import noise as exploration

Graph = namedtuple('Graph', [
    'x', 'a', 'r', 'x2', 'd',            # placeholders of a minibatch
    'a2',                                # its uniform actions at x2; None with a learned policy
    'rate',                              # factor on both learning rates, fed; 1 without lr_decay
    'o',                                 # placeholder of the observation to act on, (1, obs_dim)
    'pi', 'q', 'q_pi', 'pi_o',           # main networks at x and a; the policy at o
    'q_test',                            # Q(x, a) as it is tested, by moving averages if normalised
    'backup', 'q_loss', 'pi_loss',
    'critic_step', 'actor_step',         # optimiser steps; actor_step includes critic_step
    'q_grad_norm', 'pi_grad_norm',       # norms of the gradients that the steps descend
    'targ_init', 'targ_step',            # targets <- main; the soft update, with both steps before
    'next_pi_o',                         # the policy at o, from the weights after actor_step
    'main_vars',                         # all variables of the main networks, in their order
])


def build_graph(obs_dim, act_dim, actor_critic=core.mlp_actor_critic, ac_kwargs=dict(),
                gamma=0.99, polyak=0.005, pi_lr=3e-4, q_lr=1e-3,
                weight_decay=0., decay_kind='times_lr', policy='learned', lr_decay=False,
                target_networks=True):
    """
    Networks, losses and steps of Algorithm 1, in the default graph. `ddpg` explains the arguments;
    the defaults here, for tests, differ. At first reading, skip policy='random', rate and q_test.

    Running `targ_step` is one whole update, in the order of the paper, on any number of threads:
    backup and critic loss, critic step, actor loss through the updated critic, actor step, targets.
    With policy='random' it is the critic's part of that, with Q'(x2, a2) in the backup. Nothing
    orders `q_pi`, `pi_o` and `q_test` against it: fetch them in a run of their own.

    Returns:
        Graph: The tensors and operations that the loop and the tests need.
    """
    # Initialise Q(s, a) and mu(s) at random, and Q' and mu', which targ_init makes their copies.
    x, a, r, x2, d = core.placeholders(obs_dim, act_dim)
    nets = core.networks(x, a, x2, actor_critic, ac_kwargs, policy, target_networks)

    # After the networks, whose initial weights depend on the number of operations before them.
    rate = tf.placeholder(tf.float32, (), name='rate') if lr_decay else 1.

    # TF 1's reference variables are read without a copy: what has to be ordered against a weight's
    # updates is each operation that uses it, not its read alone. Hence the control dependencies.

    # y_i = r_i + gamma Q'(s_{i+1}, mu'(s_{i+1})), or r_i at a terminal s_{i+1} (cf. equation 5).
    with tf.name_scope('critic_loss'):
        backup = tf.stop_gradient(r + gamma * (1 - d) * nets.q_targ)           # (N,)

        # L, the mean of (y_i - Q(s_i, a_i))^2 (paper, equation 4), is what the critic descends.
        q_loss = tf.reduce_mean(tf.square(backup - nets.q))
    with tf.name_scope('critic_step'):
        critic_step, q_grad_norm = adam_step(q_loss, nets.q_vars, q_lr, rate, weight_decay,
                                             decay_kind, nets.q_statistics)

    # J, the mean of Q(s_i, mu(s_i)), is what the actor ascends, by its gradient (equation 6),
    # through the critic as critic_step leaves it. (Nothing orders nets.q_pi after that step.)
    with tf.name_scope('actor_loss'), tf.control_dependencies([critic_step]):
        _, q_at_pi, _ = nets.main(x, nets.pi, training=True)
        pi_loss = -tf.reduce_mean(q_at_pi)
    with tf.name_scope('actor_step'):
        actor_step, pi_grad_norm = adam_step(pi_loss, nets.pi_vars, pi_lr, rate,
                                             statistics=nets.pi_statistics)

    # theta' <- tau theta + (1 - tau) theta', for both targets, with theta as both steps leave it.
    last_step = critic_step if policy == 'random' else actor_step
    with tf.name_scope('targ_step'), tf.control_dependencies([last_step]):
        targ_step = (targ_update(nets.main_vars, nets.targ_vars, polyak) if target_networks else
                     tf.no_op())

    # Acting: mu(o), by the weights as they are, and as actor_step leaves them. `a` is not fed.
    o = tf.placeholder(tf.float32, (1, obs_dim), name='o')
    with tf.name_scope('act'):
        pi_o, _, _ = nets.main(o, a)
    with tf.name_scope('act_next'), tf.control_dependencies([actor_step]):
        next_pi_o, _, _ = nets.main(o, a)

    # Q where it is compared with returns: as in acting, by the moving averages if it is normalised.
    q_test = nets.main(x, a)[1] if nets.tested_apart else nets.q

    return Graph(x, a, r, x2, d, nets.a2, rate, o, nets.pi, nets.q, nets.q_pi, pi_o, q_test,
                 backup, q_loss, pi_loss, critic_step, actor_step, q_grad_norm, pi_grad_norm,
                 nets.targ_init, targ_step, next_pi_o, nets.main_vars)


def adam_step(loss, variables, lr, rate=1., weight_decay=0., decay_kind='times_lr', statistics=()):
    """
    One step of Adam (Kingma and Ba 2014) on `variables` alone, with one of three weight decays.

    Args:
        loss (tensor): A scalar; ValueError, where it does not depend on one of the variables.
        variables (list of tf.Variable): What moves, and what decays: all of it, biases included.
        lr (float): Learning rate.
        rate (float or scalar tensor): Factor on the learning rate, and on the decoupled decay.
        weight_decay, decay_kind: See `ddpg`.
        statistics (list of core.Statistic): Moving averages, which move in this step, too.

    Returns:
        An operation that runs after the whole backward pass; the norm of all gradients (a scalar).
    """
    if weight_decay and decay_kind == 'l2':
        loss = loss + weight_decay * tf.add_n([tf.nn.l2_loss(w) for w in variables])
    grads = tf.gradients(loss, variables)
    if None in grads:
        raise ValueError('the loss does not depend on {}: expected networks that use all of their '
                         'variables'.format(variables[grads.index(None)].op.name))
    # No weight moves before every product of the backward pass has used it. (TF contrib's AdamW
    # leaves its decay unordered against the passes that read the weights.)
    with tf.control_dependencies(grads):
        before_adam = tf.no_op()
    if weight_decay and decay_kind != 'l2':
        # Decoupled (Loshchilov and Hutter 2017): w -= decay * w, a descent whose gradient is w.
        decay = weight_decay * lr if decay_kind == 'times_lr' else weight_decay
        with tf.control_dependencies([before_adam]):
            before_adam = descend([(w, w) for w in variables], decay * rate)
    if statistics:
        # moving <- momentum * moving + (1 - momentum) * of_batch, as in targ_update.
        with tf.control_dependencies([before_adam]):
            before_adam = descend([(s.moving - s.of_batch, s.moving) for s in statistics],
                                  1 - core.MOMENTUM)
    with tf.control_dependencies([before_adam]):
        step = tf.train.AdamOptimizer(lr * rate).apply_gradients(zip(grads, variables))
    return step, tf.global_norm(grads)


def targ_update(main_vars, targ_vars, polyak):
    """
    The operation of one soft update, targ <- polyak * main + (1 - polyak) * targ (Algorithm 1).

    It is written targ <- targ - polyak * (targ - main): one subtraction and one fused descent.
    """
    return descend([(targ - main, targ) for main, targ in core.paired(main_vars, targ_vars)],
                   polyak)


def descend(grads_and_vars, step_size):
    """The operation var -= step_size * grad for each pair, one fused kernel each, in place."""
    return tf.train.GradientDescentOptimizer(step_size).apply_gradients(grads_and_vars)


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
        Uniform over all stored rows, with replacement: x (N, obs_dim), a (N, act_dim), r (N,),
        x2 (N, obs_dim), d (N,), in the placeholders' order. Raises ValueError where none is stored.
        """
        rows = self.rng.randint(len(self), size=batch_size)
        return self.x[rows], self.a[rows], self.r[rows], self.x2[rows], self.d[rows]


@checked
def ddpg(env_fn, actor_critic=core.mlp_actor_critic, ac_kwargs=dict(), seed=0,
         steps_per_epoch=5000, epochs=200, replay_size=int(1e6), gamma=0.99, polyak=0.005,
         pi_lr=3e-4, q_lr=1e-3, weight_decay=0.01, decay_kind='times_lr', batch_size=64,
         start_steps=10000, update_after=1000, update_every=1, lr_decay_steps=int(1e6),
         noise='gaussian', noise_sigma=0.1, noise_final_share=1.0, noise_anneal_steps=100000,
         noise_theta=0.15, noise_dt=1.0, time_limit_terminal=False, target_networks=True,
         policy='learned', num_test_episodes=10, max_ep_len=1000, save_freq=10,
         threads=USEFUL_THREADS, env_kwargs=dict(), logger_kwargs=dict(), resume=None):
    """
    Deep Deterministic Policy Gradient.

    Args:
        env_fn (function or str): A Gym id, or a function that makes the environment: two are made.
        actor_critic (function): (x, a, **ac_kwargs) -> pi (N, act_dim), q (N,), q_pi (N,), with its
            variables in the scopes `pi` and `q`; see `core.mlp_actor_critic`.
        ac_kwargs (dict): Keyword arguments of `actor_critic`; `action_space` is added.
        seed (int): Of everything random; on one kind of processor it repeats a run bit for bit.
        steps_per_epoch (int): Environment steps between two tests.
        epochs (int): Number of epochs in all, those before a resume among them.
        replay_size (int): Transitions that the replay buffer holds.
        gamma (float): Discount per step.
        polyak (float): The paper's tau, a small number. Default with policy='random': 0.02.
        pi_lr (float): Learning rate of the actor's Adam.
        q_lr (float): Learning rate of the critic's Adam.
        weight_decay (float): Of all critic variables, biases too. Default with policy='random': 0.
        decay_kind (str): 'times_lr': w -= q_lr * weight_decay * w (PyTorch's AdamW); 'per_step':
            w -= weight_decay * w (TF contrib's AdamW, the notes of docs/notes.md); 'l2':
            weight_decay / 2 * |w|^2 joins the critic's loss (the paper).
        batch_size (int): Transitions per update.
        start_steps (int): Steps with uniform random actions, before the policy takes over.
        update_after (int): No update before this step; from then on, one per step on average.
        update_every (int): Every so many steps come as many updates in a row (Spinning Up: 50).
        lr_decay_steps (int): Steps over which both learning rates, and the weight decay, fall
            linearly to 0; no run may be longer. None, the default with policy='random': constant.
        noise (str or class): 'ou' (Ornstein-Uhlenbeck), 'gaussian', or one's own: docs/own.md.
        noise_sigma (float): Its sigma (noise.py) at first, as a fraction of half the action range.
        noise_final_share (float): Fraction of sigma that is left after annealing; 1: no annealing.
        noise_anneal_steps (int): Steps, from the run's first, over which sigma goes there linearly.
        noise_theta (float): Rate of the OU process's return to 0 (no meaning for 'gaussian').
        noise_dt (float): Time per step of the OU process (no meaning for 'gaussian').
        time_limit_terminal (bool): Whether to store a time limit as a terminal state, as the notes
            did. The observation does not tell when a limit will come: no critic can foresee it.
        target_networks (bool): False: an ablation; the backup is by the main networks.
        policy (str): 'learned', or 'random': all actions are uniform, and only the critic learns:
            the uniform policy's value, which the table compares with Monte-Carlo returns.
        num_test_episodes (int): Noise-free episodes at the end of each epoch.
        max_ep_len (int): Time limit of an episode, beside the environment's own.
        save_freq (int): Epochs between two checkpoints; with each, the policy is exported. There is
            also a checkpoint at the very start, and one at the end.
        threads (int): Threads that may run operations at once; any number gives the same bits.
        env_kwargs (dict): Keyword arguments that the environment is made with: a JSON object.
        logger_kwargs (dict): Keyword arguments of EpochLogger. `data_dir` in place of output_dir:
            where a new folder with a time stamp is made.
        resume (str or checkpoint.Checkpoints): The folder of a run to go on with, or that folder's
            Checkpoints. Only epochs, save_freq and threads may differ from the run's own arguments.

    Returns:
        result.Result: The run's `folder`, its `table`, and its `policy`, which can be called.

    Raises:
        ValueError: Settings, environment (BadSetting) or networks are refused; nothing is written.
        guard.RunStopped: The run ended early, or its last save failed. What was saved is whole.
    """
    with Run(locals()) as run:          # all is checked, and nothing written yet
        env = run.env

        # Initialise Q, mu, Q' and mu'; the replay buffer R; and N, the process of the noise.
        with tf.Graph().as_default():
            noise_seed, replay_seed = seed_everything(seed, env, run.test_env)
            agent = run.make_agent(build_graph(
                run.obs_dim, run.act_dim, actor_critic, run.ac_kwargs, gamma, polyak, pi_lr, q_lr,
                weight_decay, decay_kind, policy, lr_decay=lr_decay_steps is not None,
                target_networks=target_networks), noise_seed)
        replay = ReplayBuffer(run.obs_dim, run.act_dim, replay_size, replay_seed)
        process = exploration.process(noise, (env.high - env.low) / 2, noise_sigma,
                                      noise_final_share, noise_anneal_steps, noise_theta, noise_dt,
                                      noise_seed)

        # The first episode begins: s_1; or, in a resumed run, the observation at which it stopped.
        table = run.begin(agent, replay, process)
        o = env.observation

        for epoch in run.epochs():              # every save_freq-th, and the last, are saved
            for t in run.steps():               # after each: progress; after a signal: save, end
                # Select a_t = mu(s_t) + N_t, clipped to the bounds (legal); at first, uniformly.
                if t <= run.uniform_steps:      # start_steps, or all steps with policy='random'
                    a = env.legal(env.action_space.sample())
                else:                           # mu(s_t): found by the last update, or anew
                    a = env.legal(agent.act(o) + process(t))

                # Execute a_t, and observe r_t and s_{t+1}.
                o2, r, done, info = env.step(a)

                # Store (s_t, a_t, r_t, s_{t+1}) in R. A time limit ends the episode, not the task.
                ended = done or env.ep_len == max_ep_len
                d = ended if time_limit_terminal else terminal(done, info)
                replay.store(o, a, r, o2, d)
                o = o2

                # A new episode begins: s_1, and the noise process N anew.
                if ended:
                    table.store(EpRet=env.ep_ret, EpLen=env.ep_len, Terminal=d)
                    o = env.reset()
                    process.reset()

                # Sample a minibatch from R; step critic, actor and targets by it (`targ_step`).
                if t >= update_after and t % update_every == 0:
                    for _ in range(update_every):
                        batch = replay.sample_batch(batch_size)
                        table.store(**agent.update(batch, next_o=o, t=t))

            run.end_epoch()                     # the policy's test, and the table's row

        return run.result()


def main(argv=None):
    """The command line; see `cli.train`."""
    cli.train(ddpg, argv)


if __name__ == '__main__':
    main()
