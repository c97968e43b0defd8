"""
agent.py: the networks at work: a session, and calls into it that are prepared once.
"""
import os

import numpy as np

from harness import truth
from harness.quiet_tf import tf             # before all else of TensorFlow
from harness.result import Policy
import core
from tensorflow.core.protobuf.config_pb2 import CallableOptions, RunOptions
from tensorflow.core.protobuf.rewriter_config_pb2 import RewriterConfig

# A third thread would gain nothing: most of an update is a chain of operations.
USEFUL_THREADS = min(2, len(os.sched_getaffinity(0)))

GRADS_EVERY = 100       # updates between two looks at the gradients' norms, which cost time


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


def prepared_call(sess, fetches, feeds, operations=(), here=False):
    """
    A function of the values of `feeds` (list of tensors) that runs `operations`.

    It is prepared once; Session.run, and public make_callable with feeds, prepare at every call.
    With `here` it runs in the calling thread, for work so small that handing it to a thread of the
    session, and back, takes longer. (Not for updates: only the session's threads flush denormal
    numbers to zero, which Adam's slots have, and which are slow.)

    Returns:
        A function that returns {name: value} of `fetches`, {name: tensor}.
    """
    call = sess._make_callable_from_options(CallableOptions(
        feed=[tensor.name for tensor in feeds],
        fetch=[tensor.name for tensor in fetches.values()],
        target=[operation.name for operation in operations],
        run_options=RunOptions(inter_op_thread_pool=-1 if here else 0)))
    names = list(fetches)
    return lambda *values: dict(zip(names, call(*values)))


def set_variables(sess, values):
    """
    Set variables in a session, in one call: TensorFlow prepares each new combination of feeds and
    fetches, which takes longer than all of the assignments.

    Args:
        sess (tf.Session): Whose values these are.
        values (dict): {variable: array}.
    """
    left = dict(values)
    while left:         # once; again where several variables share one initial-value tensor
        fed = {variable.initializer.inputs[1]: variable for variable in left}
        sess.run([variable.initializer for variable in fed.values()],
                 {first: left.pop(variable) for first, variable in fed.items()})


def require_reused_variables():
    """
    Raises ValueError where a later pass of the networks made new weights: the agent would act by
    weights, or climb a critic, that nothing trains.
    """
    anew = [v.op.name for v in tf.trainable_variables()
            if not v.op.name.startswith(('main/', 'target/'))]
    if anew:
        raise ValueError('actor_critic makes {} anew: expected variables of tf.layers or of '
                         'tf.get_variable, which each pass uses again'.format(', '.join(anew)))


class Agent:
    """
    Actor and critic that learn, with their weights.

    Args:
        graph (ddpg.Graph): Of which all is initialised, the targets as copies.
        watch (guard.Watch): Of every value that an update gives, before anyone else has it.
        threads (int): See `ddpg`.
        lr_decay_steps (int): See `ddpg`.

    Raises:
        ValueError: The networks do not use their variables again.

    Attributes:
        updates (int): Of the running epoch.
    """

    def __init__(self, graph, watch, threads, lr_decay_steps=None):
        self.graph, self.watch, self.lr_decay_steps = graph, watch, lr_decay_steps
        self.updates = 0
        self.next_o = self.next_a = None        # an observation, and the newest policy's action
        with graph.x.graph.as_default():
            require_reused_variables()
            self.variables = tf.global_variables()          # Adam's and the targets', too
            initialiser = tf.global_variables_initializer()
        self.sess = tf.Session(graph=graph.x.graph, config=session_config(threads))
        self.sess.run(initialiser)
        self.sess.run(graph.targ_init)
        self.call_act = prepared_call(self.sess, dict(a=graph.pi_o), [graph.o], here=True)
        self.call_q = prepared_call(self.sess, dict(q=graph.q_test), [graph.x, graph.a])
        # One call per step: Algorithm 1's update, then the next action by the new weights.
        feeds = [graph.x, graph.a, graph.r, graph.x2, graph.d] + self.extra_feeds()
        feeds += [graph.rate] if lr_decay_steps else []
        fetches, norms = self.fetches()
        self.call_update = prepared_call(self.sess, fetches, feeds, [graph.targ_step])
        self.call_update_with_norms = prepared_call(self.sess, dict(fetches, **norms), feeds,
                                                    [graph.targ_step])

    # ---- Feeds and fetches, the policy, and how it is judged -------------------------------------

    def extra_feeds(self):
        """What an update needs beside the minibatch."""
        return [self.graph.o]

    def fetches(self):
        """What is fetched in each update, and what in some alone: two {column: tensor}."""
        g = self.graph
        return (dict(QVals=g.q, TargetVals=g.backup, LossQ=g.q_loss, LossPi=g.pi_loss,
                     next_a=g.next_pi_o),
                dict(GradNormQ=g.q_grad_norm, GradNormPi=g.pi_grad_norm))

    def policy(self, env):
        """The policy without noise in `env`: a function of an observation, (obs_dim,)."""
        return truth.without_noise(lambda x: self.call_act(x)['a'], env)

    def judged(self, played, gamma, space):
        """
        What test episodes say of Q and of the actions.

        Args:
            played (list of truth.Episode): By `policy`.
            gamma (float): Discount per step.
            space (gym.spaces.Box): Of actions, float32.

        Returns:
            {column: value}
        """
        return dict(truth.errors(*truth.estimated_and_observed(played, self.q, gamma)),
                    ActSaturation=truth.saturation(
                        np.float32(np.concatenate([e.a for e in played])), space.low, space.high))

    # ---- Acting and learning ---------------------------------------------------------------------

    def act(self, o):
        """
        mu(o), (act_dim,): from the last update if that was for this very observation, else computed
        now. Raises NotFinite.
        """
        if o is not self.next_o:
            self.next_o, self.next_a = o, self.call_act(o[None])['a']
        self.watch.finite(action=self.next_a)
        return self.next_a[0]

    def update(self, batch, next_o, t):
        """
        One update of Algorithm 1.

        Args:
            batch: x (N, obs_dim), a (N, act_dim), r (N,), x2 (N, obs_dim), d (N,).
            next_o (array): The observation to act on next, (obs_dim,).
            t (int): The step, which learning rates that fall depend on.

        Returns:
            {column: value} of what the table stores.

        Raises:
            NotFinite: One of them is NaN or infinite.
        """
        call = self.call_update if self.updates % GRADS_EVERY else self.call_update_with_norms
        rate = [np.float32(1 - t / self.lr_decay_steps)] if self.lr_decay_steps else []
        found = call(*batch, *self.extra_values(next_o, len(batch[0])), *rate)
        self.next_o, self.next_a = next_o, found.pop('next_a', None)
        self.watch.finite(**found)
        self.updates += 1
        return found

    def extra_values(self, next_o, batch_size):
        """The values of `extra_feeds`."""
        return [next_o[None]]

    def q(self, x, a):
        """Q(x, a), (N,), of x (N, obs_dim) and a (N, act_dim), of any type."""
        a = np.float32(a)
        return np.concatenate([self.call_q(x[i:i + 1000], a[i:i + 1000])['q'].reshape(-1)
                               for i in range(0, len(x), 1000)])

    # ---- What a run leaves of it -----------------------------------------------------------------

    def size(self):
        """How many weights there are, in words."""
        with self.graph.x.graph.as_default():
            counts = [sum(v.shape.num_elements() for v in core.get_vars(scope))
                      for scope in ('main/pi/', 'main/q/', 'main/')]
        return 'Number of parameters: pi {}, q {}, in all {}'.format(*counts)

    def draw(self, scalars):
        """The graph, for TensorBoard: into `scalars`, a Scalars."""
        scalars.graph(self.graph.x.graph.as_graph_def(add_shapes=True))

    def lasting_policy(self, export, env):
        """The result.Policy without noise for `env`, by its Export; it outlives this agent."""
        pi, close = export.acting()
        return Policy(lambda o: pi(o[None])['pi'][0], env.observation_space.shape, env.legal, close)

    def exporter(self, logger, actor_critic, ac_kwargs):
        """An Export of this policy. The graph is final from here on."""
        export = Export(logger, self, actor_critic, ac_kwargs)
        self.graph.x.graph.finalize()
        return export

    # ---- State -----------------------------------------------------------------------------------

    def get_state(self):
        """
        For `set_state`.

        Raises:
            NotFinite: A weight is NaN or infinite.
        """
        weights = {variable.op.name: np.asarray(value) for variable, value in zip(
            self.variables, self.sess.run(self.variables))}
        for name, value in weights.items():
            self.watch.require_finite(name, value)
        return dict(weights=weights, updates=self.updates)

    def set_state(self, state):
        """Go on from where another one was."""
        self.updates = state['updates']
        set_variables(self.sess, {variable: state['weights'][variable.op.name]
                                  for variable in self.variables})

    def random_operations(self):
        """Names of operations, such as dropout's, whose random state TensorFlow cannot save."""
        return [op.name for op in self.graph.x.graph.get_operations()
                if any(attr.name == 'seed2' for attr in op.op_def.attr)
                and '/Initializer/' not in op.name]

    def close(self):
        """Give the session back."""
        self.sess.close()


class CriticAlone(Agent):
    """
    The critic that learns the value of the uniform random policy; there is no other policy.

    Args:
        seed (int): Of the uniform actions in its backups.
        env (recorded.RecordedEnv): Whose actions these are.
        others: See `Agent`.

    Attributes:
        held_out (dict): See `truth.held_out`: what Q is compared with.
    """

    def __init__(self, graph, watch, threads, lr_decay_steps, seed, env):
        self.rng, self.env, self.held_out = np.random.RandomState(seed), env, None
        super().__init__(graph, watch, threads, lr_decay_steps)

    def extra_feeds(self):
        return [self.graph.a2]

    def fetches(self):
        g = self.graph
        return (dict(QVals=g.q, TargetVals=g.backup, LossQ=g.q_loss),
                dict(GradNormQ=g.q_grad_norm))

    def policy(self, env):
        return lambda o: env.legal(env.action_space.sample())

    def lasting_policy(self, export, env):
        space = env.action_space
        return Policy(lambda o: space.sample(), env.observation_space.shape, env.legal,
                      close=lambda: None)

    def judged(self, played, gamma, space):
        known = self.held_out
        return dict(truth.errors(self.q(known['x'], known['a']), known['g']), ActSaturation=np.nan)

    def extra_values(self, next_o, batch_size):
        low, high = self.env.low, self.env.high
        return [np.float32(self.env.legal(self.rng.uniform(low, high, (batch_size, len(low)))))]

    def get_state(self):
        return dict(super().get_state(), rng=self.rng.get_state(legacy=False),
                    held_out=self.held_out)

    def set_state(self, state):
        super().set_state(state)
        self.rng.set_state(state['rng'])
        self.held_out = state['held_out']


class Export:
    """
    The policy for players, in a graph of its own, x, a -> pi, q: saving adds nothing to the
    training graph, and the export holds neither targets nor optimiser slots.

    Args:
        logger (EpochLogger): Which writes it; None where nothing is to be written.
        agent (Agent): Whose weights it has.
        actor_critic, ac_kwargs: See `ddpg`; action_space among these.
    """

    def __init__(self, logger, agent, actor_critic, ac_kwargs):
        self.logger, self.agent = logger, agent
        with tf.Graph().as_default() as self.graph:
            x, a, _, _, _ = core.placeholders(agent.graph.x.shape[1].value,
                                              agent.graph.a.shape[1].value)
            with tf.variable_scope('main'):
                pi, q, _ = core.one_pass(actor_critic, x, a, ac_kwargs, training=False)
            self.exported = tf.global_variables('main/')
            named = {v.op.name: v for v in agent.graph.main_vars}
            self.trained = [named[v.op.name] for v in self.exported]
            self.sess = tf.Session(config=session_config(1))
        self.x, self.pi = x, pi
        if logger:
            logger.setup_tf_saver(self.sess, inputs={'x': x, 'a': a}, outputs={'pi': pi, 'q': q})

    def load(self, sess):
        """Give a session of this graph the weights of now."""
        set_variables(sess, dict(zip(self.exported, self.agent.sess.run(self.trained))))

    def save(self, env):
        """Save the policy, with the weights of now, and the environment."""
        self.load(self.sess)
        with self.graph.as_default():
            self.logger.save_state({'env': env}, None)

    def acting(self):
        """
        The policy with the weights of now, in a session of its own, which outlives the agent's.

        Returns:
            A function of x (N, obs_dim) that returns {'pi': (N, act_dim)}; what closes the session.
        """
        sess = tf.Session(graph=self.graph, config=session_config(1))
        self.load(sess)
        return prepared_call(sess, dict(pi=self.pi), [self.x], here=True), sess.close

    def close(self):
        """Give the session back."""
        self.sess.close()
