"""
core.py: the networks of DDPG as a static TensorFlow 1 graph.

Lillicrap et al. 2015 (arXiv 1509.02971), sections 3 and 7. This file builds and nothing else:
there is no session, environment or logger in it. Build under `with tf.Graph().as_default():`, after
the graph's seed is set; an initialiser's own seed is the number of operations built before it.
"""
import inspect
from collections import namedtuple

import numpy as np
import tensorflow as tf


def placeholders(obs_dim, act_dim):
    """
    The inputs of an update, a minibatch of N transitions, in the notes' order (docs/notes.md).

    Args:
        obs_dim (int): Number of components of an observation.
        act_dim (int): Number of components of an action.

    Returns:
        float32 placeholders x (N, obs_dim), a (N, act_dim), r (N,), x2 (N, obs_dim), d (N,): the
        observation, the action, the reward, the next observation, and 1 where that is terminal.
    """
    x = tf.placeholder(tf.float32, (None, obs_dim), name='x')
    a = tf.placeholder(tf.float32, (None, act_dim), name='a')
    r = tf.placeholder(tf.float32, (None,), name='r')
    x2 = tf.placeholder(tf.float32, (None, obs_dim), name='x2')
    d = tf.placeholder(tf.float32, (None,), name='d')
    return x, a, r, x2, d


def initializers(init, fan_in, is_output):
    """
    The keyword arguments of tf.layers.dense that give a layer its initial weights.

    Args:
        init (str): 'glorot' for tf.layers' own defaults, as in the notes (Glorot uniform kernels,
            zero biases); 'torch' for PyTorch's: kernels and biases uniform in +-1/sqrt(fan_in);
            'paper' for section 7 of the paper: the same, but +-3e-3 in the output layer.
        fan_in (int): Number of inputs of the layer.
        is_output (bool): Whether it is the network's last layer.

    Raises:
        ValueError: `init` is none of these.
    """
    if init == 'glorot':
        return {}
    if init in ('paper', 'torch'):
        bound = 3e-3 if init == 'paper' and is_output else 1 / np.sqrt(fan_in)
        uniform = tf.random_uniform_initializer(-bound, bound)
        return dict(kernel_initializer=uniform, bias_initializer=uniform)
    raise ValueError("init={!r}: expected 'glorot', 'paper' or 'torch'".format(init))


# Batch normalisation. The paper gives neither value; these are TensorFlow's defaults.
MOMENTUM = 0.99         # fraction of a moving average that an update keeps
EPSILON = 1e-3          # added to every variance

# A moving average and the minibatch's value that moves it: moving (variable), of_batch (tensor),
# both (units,); name (str): that of `moving`, by which tf.get_collection selects a scope.
Statistic = namedtuple('Statistic', ['name', 'moving', 'of_batch'])
STATISTICS = 'batch_statistics'         # the collection that holds them


def batch_norm(x, training, name):
    """
    Batch normalisation (Ioffe and Szegedy 2015, arXiv 1502.03167; paper, section 3):

        scale * (x - mean) / sqrt(variance + EPSILON) + shift

    Args:
        x (tensor): (N, units).
        training (bool): True: mean and variance are the minibatch's, over its N >= 2 rows. False:
            the moving averages. Nothing moves here: the first pass with True puts a Statistic for
            each average into the collection, for the optimiser's step to move; later passes, none.
        name (str): The scope of its variables, scale, shift, moving_mean and moving_variance.

    Returns:
        (N, units).
    """
    with tf.variable_scope(name):
        units, ones, zeros = x.shape[1:], tf.ones_initializer(), tf.zeros_initializer()
        scale = tf.get_variable('scale', units, initializer=ones)
        shift = tf.get_variable('shift', units, initializer=zeros)
        mean = tf.get_variable('moving_mean', units, initializer=zeros, trainable=False)
        variance = tf.get_variable('moving_variance', units, initializer=ones, trainable=False)
        if training:
            moving, (mean, variance) = (mean, variance), tf.nn.moments(x, [0])
            for average, of_batch in zip(moving, (mean, variance)):
                if not tf.get_collection(STATISTICS, average.op.name):
                    tf.add_to_collection(STATISTICS, Statistic(average.op.name, average, of_batch))
        return tf.nn.batch_normalization(x, mean, variance, shift, scale, EPSILON)


def mlp(x, sizes, activation, output_activation, init='glorot', a=None, action_layer=1,
        norm='none', training=False):
    """
    A multi-layer perceptron.

    Args:
        x (tensor): Input, (N, any).
        sizes (sequence of int): Units of each layer, the output layer last.
        activation, output_activation: Functions or None; of the hidden layers and of the last.
        init (str): See `initializers`.
        a (tensor): Actions (N, act_dim), which join the input of layer `action_layer`; or None.
        action_layer (int): Counted from 1.
        norm (str): 'batch' to normalise the input and each layer before its activation, up to where
            actions join; those layers have no bias, which the mean would take out. Or 'none'.
        training (bool): See `batch_norm`.

    Returns:
        (N, sizes[-1]).
    """
    if norm == 'batch':
        x = batch_norm(x, training, 'norm')
    for layer, size in enumerate(sizes, start=1):
        is_output = layer == len(sizes)
        nonlinearity = output_activation if is_output else activation
        if a is not None and layer == action_layer:
            x, norm = tf.concat([x, a], axis=1), 'none'
        weights = initializers(init, x.shape[1].value, is_output)
        with tf.get_default_graph().gradient_override_map(FAST_GRADIENTS):
            if norm == 'batch':
                x = tf.layers.dense(x, size, use_bias=False, **weights)
                x = batch_norm(x, training, 'norm_{}'.format(layer))
                x = nonlinearity(x) if nonlinearity else x
            else:
                x = tf.layers.dense(x, size, activation=nonlinearity, **weights)
    return x


def mlp_actor_critic(x, a, hidden_sizes=(400, 300), action_layer=2, init='glorot', norm='none',
                     activation=tf.nn.relu, output_activation=tf.tanh, action_space=None,
                     training=False):
    """
    The actor mu(s) and the critic Q(s, a), in scopes `pi` and `q` below the current one.

    Args:
        x (tensor): Observations, (N, obs_dim).
        a (tensor): Actions in the environment's units, (N, act_dim).
        hidden_sizes (ints): Units of the hidden layers of both networks.
        action_layer (int): The critic's layer that the action enters, counted from 1. The notes: 1.
            The paper: 2 ("actions were not included until the 2nd hidden layer of Q").
        init (str): Initial weights: 'glorot' (the notes), 'paper' (its section 7) or 'torch'
            (PyTorch's).
        norm (str): 'batch' for the paper's batch normalisation (its section 3): of the
            observations, of all layers of mu, and of the layers of Q before the action. Or 'none'.
        activation (function): Of the hidden layers.
        output_activation (function): Of the actor's output; its range is taken to be [-1, 1].
        action_space (gym.spaces.Box): Its bounds scale the actor's output, each dimension by its
            own half range, and shift it where the box is not symmetric. None: +-1.
        training (bool): Whether to normalise by the minibatch; see `batch_norm`.

    Returns:
        pi (N, act_dim), the policy's action; q (N,), the value of `a`; q_pi (N,), that of `pi`.

    Raises:
        ValueError: The critic has no layer `action_layer`, or `init` is unknown.
    """
    hidden_sizes = tuple(hidden_sizes)
    act_dim = a.shape[1].value
    if not 1 <= action_layer <= len(hidden_sizes) + 1:
        raise ValueError('action_layer={}: expected 1 to {} with hidden_sizes={}'.format(
            action_layer, len(hidden_sizes) + 1, hidden_sizes))
    high = np.ones(act_dim, np.float32) if action_space is None else action_space.high
    low = -high if action_space is None else action_space.low

    def critic(action, reuse=None):
        with tf.variable_scope('q', reuse=reuse):
            q = mlp(x, hidden_sizes + (1,), activation, None, init, action, action_layer, norm,
                    training)
            return tf.squeeze(q, axis=1)

    with tf.variable_scope('pi'):
        pi = (high - low) / 2 * mlp(x, hidden_sizes + (act_dim,), activation, output_activation,
                                    init, norm=norm, training=training)
        if not np.array_equal(high, -low):
            pi = pi + (high + low) / 2
    return pi, critic(a), critic(pi, reuse=True)


Networks = namedtuple('Networks', [
    'pi', 'q', 'q_pi',                   # main networks: mu(x), Q(x, a), Q(x, mu(x))
    'q_targ', 'a2',                      # Q'(x2, mu'(x2)), or Q'(x2, a2) with a placeholder a2
    'main',                              # (x, a) -> pi, q, q_pi by the main weights, read anew
    'pi_vars', 'q_vars',                 # what the steps train
    'pi_statistics', 'q_statistics',     # the moving averages, as Statistics; without norm, none
    'tested_apart',                      # whether training=False gives other values
    'main_vars', 'targ_vars',            # all variables, the moving averages, too
    'targ_init'])


def networks(x, a, x2, actor_critic=mlp_actor_critic, ac_kwargs=dict(), policy='learned',
             target_networks=True):
    """
    Actor and critic in the scope `main`, and their targets in the scope `target` (section 3).

    Args:
        x, a, x2 (tensors): See `placeholders`.
        actor_critic (function): Like mlp_actor_critic, with its variables in `pi` and `q`. Where it
            takes `training`, that is True in the passes over a minibatch, the backup's among them,
            and False in all others: acting, tests, the export.
        ac_kwargs (dict): Its keyword arguments.
        policy (str): Of the backup's actions at x2: 'learned', or 'random' for fed ones.
        target_networks (bool): False: there are none, and the backup is by the main networks.

    Returns:
        Networks: `targ_init` is the operation that sets every target variable to its main one: it
        must be run, once. Until then the targets have random weights of their own.

    Raises:
        ValueError: The networks have other shapes, variables that nothing would train, moving
            averages that nothing moves, or target networks that are no copy of the main ones.
    """
    def made(x, a, training=True):
        return one_pass(actor_critic, x, a, ac_kwargs, training)

    def main(x, a, training=False):
        with tf.variable_scope('main', reuse=True, auxiliary_name_scope=False):
            return made(x, a, training)

    with tf.variable_scope('main'):
        pi, q, q_pi = require_shapes(made(x, a), a.shape[1].value)
    # Without target networks: the main ones once more, at x2.
    with tf.variable_scope('target' if target_networks else 'main',
                           reuse=None if target_networks else True):
        if policy == 'random':
            a2 = tf.placeholder(tf.float32, a.shape, name='a2')
            _, q_targ, _ = made(x2, a2)
        else:
            a2, (_, _, q_targ) = None, made(x2, a)     # Q'(x2, a) is not used, and a not needed
    # No optimiser has added its own variables yet.
    main_vars, targ_vars = tf.global_variables('main/'), tf.global_variables('target/')
    with tf.name_scope('targ_init'):
        targ_init = tf.group([targ.assign(w) for w, targ in (
            paired(main_vars, targ_vars) if target_networks else ())])
    pi_vars, pi_statistics = get_vars('main/pi/'), tf.get_collection(STATISTICS, 'main/pi/')
    q_vars, q_statistics = get_vars('main/q/'), tf.get_collection(STATISTICS, 'main/q/')

    # Checks of an actor_critic of one's own: some step has to move each variable and each average.
    astray = [v.op.name for v in tf.trainable_variables('main/') if v not in pi_vars + q_vars]
    if astray:
        raise ValueError('nothing trains {}: expected it in `pi` or `q`'.format(', '.join(astray)))
    moved = [statistic.name for statistic in pi_statistics + q_statistics]
    still = [v.op.name for v in main_vars if '/moving_' in v.op.name and v.op.name not in moved]
    if still or (ac_kwargs.get('norm') == 'batch' and not moved):
        raise ValueError('nothing moves {}: expected an actor_critic that takes `training`, and '
                         'gives it to core.batch_norm'.format(', '.join(still) or 'an average'))
    tested_apart = takes_training(actor_critic) and (actor_critic is not mlp_actor_critic or moved)
    return Networks(pi, q, q_pi, q_targ, a2, main, pi_vars, q_vars, pi_statistics, q_statistics,
                    bool(tested_apart), main_vars, targ_vars, targ_init)


def takes_training(actor_critic):
    """Whether an actor_critic has a parameter `training`."""
    return 'training' in inspect.signature(actor_critic).parameters


def one_pass(actor_critic, x, a, ac_kwargs, training):
    """pi, q and q_pi of `actor_critic` at x and a; `training` is given to one that takes it."""
    told = dict(training=training) if takes_training(actor_critic) else {}
    return actor_critic(x, a, **dict(ac_kwargs, **told))


def require_shapes(made, act_dim):
    """
    What an actor_critic has made, (pi, q, q_pi); or ValueError, where a shape is another one.

    (N, 1) against a backup of (N,) would broadcast to (N, N), and train silently badly.
    """
    shapes = [tuple(tf.convert_to_tensor(tensor).shape.as_list()) for tensor in made or ()]
    if shapes != [(None, act_dim), (None,), (None,)]:
        raise ValueError('actor_critic: expected pi (N, {}), q (N,) and q_pi (N,), got {}'.format(
            act_dim, ', '.join('{} {}'.format(*each) for each in zip(
                ('pi', 'q', 'q_pi', 'and'), shapes)).replace('None', 'N') or 'nothing'))
    return made


def get_vars(scope):
    """
    The trainable variables of a scope, in the order in which they were built.

    Args:
        scope (str): The full scope with its trailing slash, such as 'main/pi/'.

    Raises:
        ValueError: No trailing slash (`scope` could be any beginning of a name), or no variables.
    """
    variables = tf.trainable_variables(scope)
    if not scope.endswith('/') or not variables:
        raise ValueError('{}: expected a final slash, and variables in this scope'.format(scope))
    return variables


def paired(main_vars, targ_vars):
    """
    [(main, target), ...]: each variable of the main networks with its copy.

    Args:
        main_vars, targ_vars (lists of tf.Variable): Of the scopes `main` and `target`.

    Raises:
        ValueError: They differ in number, in a name after the scope, or in a shape.
    """
    def signature(variables):
        return [(v.op.name.split('/', 1)[1], v.shape.as_list()) for v in variables]

    main, targ = signature(main_vars), signature(targ_vars)
    if main != targ:
        raise ValueError('the target networks are no copy of the main networks, as tf.layers and '
                         'tf.get_variable make it: {} and {}'.format(main, targ))
    return list(zip(main_vars, targ_vars))


# The backward pass of a dense layer y = relu(x w + b), in kernels that are fast on a CPU. A product
# with an operand marked as transposed takes 1.4 to 1.8 times as long in TensorFlow 1.15 as that of
# the forward pass (64 x 400 by 400 x 300); transposing the smaller matrices first costs a tenth.

@tf.RegisterGradient('MatMulWithoutTransposedOperands')
def _matmul_grad(op, grad):
    """dL/dx = grad w^T, computed as (w grad^T)^T, and dL/dw = x^T grad."""
    def as_used(*operands):
        return [tf.transpose(v) if flag else v for v, flag in zip(operands, transposed)]
    transposed = [op.get_attr(name) for name in ('transpose_a', 'transpose_b')]
    # A variable that is transposed must be read in this pass, after grad; tf.layers.dense has none.
    not_dense = any(transposed) or op.inputs[0].shape.is_fully_defined()    # dense has (N, units)
    with tf.control_dependencies([grad] if not_dense else []):
        x, w = as_used(*op.inputs)
        grad_x = tf.transpose(tf.matmul(w, tf.transpose(grad)))
        return as_used(grad_x, tf.matmul(tf.transpose(x), grad))


@tf.RegisterGradient('ReluByMask')
def _relu_grad(op, grad):
    """dL/dx = grad where y > 0, else 0: y / y is exactly 1, or 0 by div_no_nan's rule."""
    y, = op.outputs
    return grad * tf.div_no_nan(y, y)


FAST_GRADIENTS = {'MatMul': 'MatMulWithoutTransposedOperands', 'Relu': 'ReluByMask'}
