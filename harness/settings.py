"""
settings.py: what ddpg() accepts, and the named settings.

The defaults are the keyword defaults of ddpg() and core.mlp_actor_critic(); here are only those of
--policy random. What is not accepted is a BadSetting, raised before anything is written.
"""
import contextlib
import difflib
import functools
import inspect
import json
import math
import os
import re

import numpy as np

from harness import origin
from spinup.utils.serialization_utils import convert_json


# ------------------------------------------------------------------------------------------------
# The named settings, for --settings: keyword values of ddpg(), whatever its defaults are
# ------------------------------------------------------------------------------------------------

SETTINGS = dict(
    default=dict(),
    # The development notes' agent, which did not learn. docs/notes.md tells why.
    notes=dict(
        ac_kwargs=dict(hidden_sizes=(400, 300), action_layer=1, init='glorot', norm='none'),
        pi_lr=1e-4, q_lr=1e-3, weight_decay=1e-2, decay_kind='per_step', polyak=0.001,
        noise='ou', noise_sigma=0.2, noise_final_share=1.0, noise_theta=0.15, noise_dt=1e-3,
        batch_size=64, replay_size=int(1e6), gamma=0.99, start_steps=0, update_after=0,
        update_every=1, lr_decay_steps=None, time_limit_terminal=True, target_networks=True),
    # The paper's section 7. It gives no dt, no start of random actions, and does not say what is
    # stored at a time limit.
    paper=dict(
        ac_kwargs=dict(hidden_sizes=(400, 300), action_layer=2, init='paper', norm='batch'),
        pi_lr=1e-4, q_lr=1e-3, weight_decay=1e-2, decay_kind='l2', polyak=0.001,
        noise='ou', noise_sigma=0.2, noise_final_share=1.0, noise_theta=0.15, noise_dt=1.0,
        batch_size=64, replay_size=int(1e6), gamma=0.99, start_steps=0, update_after=0,
        update_every=1, lr_decay_steps=None, time_limit_terminal=False, target_networks=True),
    # Spinning Up's own defaults. What differs: its soft update is not ordered against the actor's
    # step (a race), its noise is not in units of the action range, its steps count from 0, and it
    # does not seed its environment.
    spinningup=dict(
        ac_kwargs=dict(hidden_sizes=(256, 256), action_layer=1, init='glorot', norm='none'),
        pi_lr=1e-3, q_lr=1e-3, weight_decay=0., polyak=0.005,
        noise='gaussian', noise_sigma=0.1, noise_final_share=1.0,
        batch_size=100, replay_size=int(1e6), gamma=0.99, start_steps=10000, update_after=1000,
        update_every=50, lr_decay_steps=None, time_limit_terminal=False, target_networks=True),
    # "Our DDPG" of the TD3 paper (Fujimoto et al. 2018). Its updates begin with the end of the
    # first episode, which is at most 1,000 steps long; its random start is 10,000 steps on
    # HalfCheetah and Ant, 1,000 on the others.
    td3=dict(
        ac_kwargs=dict(hidden_sizes=(400, 300), action_layer=1, init='torch', norm='none'),
        pi_lr=1e-3, q_lr=1e-3, weight_decay=0., polyak=0.005,
        noise='gaussian', noise_sigma=0.1, noise_final_share=1.0,
        batch_size=100, replay_size=int(1e6), gamma=0.99, start_steps=10000, update_after=1000,
        update_every=1, lr_decay_steps=None, time_limit_terminal=False, target_networks=True),
)

# Values that were fixed before these settings existed; the config.json of older runs lacks them.
BEFORE = dict(
    env_made_by='id', env_kwargs=dict(), policy='learned', noise_final_share=1.0, update_every=1,
    lr_decay_steps=None, target_networks=True)
BEFORE_AC_KWARGS = dict(norm='none', activation='relu')

# What may differ in config.json between a run's beginning and its going on.
MAY_CHANGE = {'epochs', 'save_freq', 'threads', 'exp_name', 'env_made_by'} | origin.KEYS

MOST_THREADS = 64       # a session makes them all at once

# Defaults with --policy random. Where the policy does not move, the targets need not be slow: an
# error of Q's mean shrinks by about polyak * (1 - gamma) of itself per update. And no actor climbs
# the critic's errors, which is what the decay is there to limit.
RANDOM_POLICY = dict(polyak=0.02, weight_decay=0., lr_decay_steps=None)


# ------------------------------------------------------------------------------------------------
# What each setting accepts
# ------------------------------------------------------------------------------------------------

class BadSetting(ValueError):
    """
    A setting outside of what is accepted: its `name`, its `value`, and `accepted` in words. A name
    in capitals is what --help calls an argument that is no flag.
    """

    def __init__(self, name, value, accepted):
        super().__init__('{}={}: expected {}'.format(
            name, as_typed(value) if isinstance(value, dict) else value, accepted))
        self.name, self.value, self.accepted = name, value, accepted

    def flag(self):
        """The same in terms of the command line, in one line."""
        name = self.name if self.name.isupper() else '--' + self.name.replace('_', '-')
        return '{} {}: expected {}{}'.format(
            name, as_typed(self.value), self.accepted,
            ', with spaces between' if isinstance(self.accepted, Each) else '')


def as_typed(value):
    """A value as the command line has it: several with spaces between them, a dict as JSON."""
    if isinstance(value, dict):
        try:
            return json.dumps(value, default=str)
        except (TypeError, ValueError, RecursionError):     # keys that are no text; what has no end
            return 'a dict'
    return ' '.join(map(str, value)) if isinstance(value, list) else value


class Number:
    """
    Numbers of a kind, int or float, within [low, high], or (low, high] with `above`; or their text:
    digits, with point and exponent. (Python would take 1_000 and other scripts' digits, too.)
    """
    text = re.compile(r'[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?')

    def __init__(self, kind, low, high=math.inf, above=False):
        self.kind, self.low, self.high, self.above = kind, low, high, above
        self.metavar = 'N' if kind is int else 'X'

    def __str__(self):
        noun = 'a whole number' if self.kind is int else 'a number'
        if self.low == -math.inf:
            return noun
        if self.high < math.inf:
            return '{} from {} to {}'.format(noun, self.low, self.high)
        return '{} {} {}'.format(noun, 'above' if self.above else 'of at least', self.low)

    def __call__(self, value):
        if isinstance(value, (bool, type(None))):
            raise ValueError
        if isinstance(value, str) and not self.text.fullmatch(value):
            raise ValueError
        number = float(value)                                   # 1e6 is a whole number, too
        above_low = number > self.low if self.above else number >= self.low
        if not (above_low and number <= self.high and math.isfinite(number)
                and number == self.kind(number)):
            raise ValueError
        if self.kind is float:      # in the graph it is a float32, as 1e-60 and 1e39 cannot be
            with np.errstate(over='ignore'):
                rounded = float(np.float32(number))
            if math.isinf(rounded) or rounded == 0 != number:
                raise ValueError
        return self.kind(number)


class OneOf:
    """One of several values, or its text."""

    def __init__(self, *values):
        self.values, self.metavar = values, '|'.join(map(str, values))

    def __str__(self):
        return 'one of ' + ', '.join(map(str, self.values))

    def __call__(self, value):
        return {str(known).lower(): known for known in self.values}[str(value).lower()]


class Each:
    """A sequence of at least one value, each as `item` accepts it."""

    def __init__(self, item):
        self.item, self.metavar = item, item.metavar

    def __str__(self):
        return 'one or more, each {}'.format(self.item)

    def __call__(self, values):
        if isinstance(values, str) or not len(values):
            raise ValueError
        return tuple(self.item(value) for value in values)


class Activation(OneOf):
    """A function of tf.nn, or its name. From Python any other function of a tensor will do, too."""

    def __call__(self, value):
        if callable(value) and not isinstance(value, type):
            return value
        if value not in self.values:        # which are names of functions: to the letter
            raise ValueError
        from harness.quiet_tf import tf     # here: what only reads settings does without
        return getattr(tf.nn, value)


class Noise(OneOf):
    """One of the names of noise. From Python a class of one's own will do, too."""

    def __str__(self):
        return super().__str__() + ', or from Python a class'

    def __call__(self, value):
        made = hasattr(value, 'get_state') and not isinstance(value, type)
        return value if callable(value) and not made else super().__call__(value)


class JsonObject:
    """Keyword arguments that JSON can say, or their text."""
    metavar = 'JSON'

    def __str__(self):
        return 'a JSON object, such as {"g": 9.81}'

    def __call__(self, value):
        is_text = isinstance(value, str)
        try:
            read = json.loads(value if is_text else json.dumps(value))
            json.dumps(read, allow_nan=False)           # what json reads may be infinite: 1e999
            if isinstance(read, dict) and (is_text or has_text_for_keys(value)):
                return read
        except RecursionError:
            pass
        raise ValueError


def has_text_for_keys(value):
    """Whether all keys of a dict, and of those in it, are text: json makes text of numbers."""
    if isinstance(value, dict):
        return all(isinstance(key, str) for key in value) and has_text_for_keys(
            list(value.values()))
    return not isinstance(value, (list, tuple)) or all(map(has_text_for_keys, value))


class Text:
    """Any text."""
    metavar = 'TEXT'

    def __str__(self):
        return 'a text'

    def __call__(self, value):
        if not isinstance(value, str):
            raise ValueError
        return value


class OrNone:
    """What `accepted` accepts, or None."""

    def __init__(self, accepted):
        self.accepted, self.metavar = accepted, accepted.metavar

    def __str__(self):
        return '{}, or none'.format(self.accepted)

    def __call__(self, value):
        return None if str(value).lower() == 'none' else self.accepted(value)


ACCEPTED = dict(
    seed=Number(int, 0, 2 ** 32 - 1),       # what NumPy's RandomState takes
    steps_per_epoch=Number(int, 1),
    epochs=Number(int, 1),
    replay_size=Number(int, 1),
    gamma=Number(float, 0, 1),
    polyak=Number(float, 0, 1),
    pi_lr=Number(float, 0, above=True),
    q_lr=Number(float, 0, above=True),
    weight_decay=Number(float, 0),
    decay_kind=OneOf('times_lr', 'per_step', 'l2'),
    batch_size=Number(int, 1),
    start_steps=Number(int, 0),
    update_after=Number(int, 0),
    update_every=Number(int, 1),
    lr_decay_steps=OrNone(Number(int, 1)),
    noise=Noise('ou', 'gaussian'),
    noise_sigma=Number(float, 0),
    noise_final_share=Number(float, 0),
    noise_anneal_steps=Number(int, 1),
    noise_theta=Number(float, 0),
    noise_dt=Number(float, 0, above=True),
    time_limit_terminal=OneOf(False, True),
    target_networks=OneOf(False, True),
    policy=OneOf('learned', 'random'),
    num_test_episodes=Number(int, 1),
    max_ep_len=Number(int, 1),
    save_freq=Number(int, 1),
    threads=Number(int, 1),
    env_kwargs=JsonObject(),
    hidden_sizes=Each(Number(int, 1)),
    action_layer=Number(int, 1),
    init=OneOf('glorot', 'paper', 'torch'),
    norm=OneOf('none', 'batch'),
    activation=Activation('relu', 'elu', 'selu', 'leaky_relu', 'relu6', 'softplus', 'softsign',
                          'swish', 'tanh', 'sigmoid'),
)


# What an argument that someone adds to ddpg() or to its networks accepts, by its default's type.
BY_DEFAULT = [(bool, OneOf(False, True)), (int, Number(int, -math.inf)),
              (float, Number(float, -math.inf)), (str, Text())]
DEFAULTS = {}           # {setting: its default}, of what is registered
# Names that are taken: those of other flags, and `training`, which core.networks passes.
RESERVED = {'env', 'settings', 'data_dir', 'exp_name', 'resume', 'jobs', 'address', 'max_failures',
            'training'}


def register(function):
    """
    Make settings of the keyword arguments of `function` that ACCEPTED does not have, where their
    default is a number, True or False, or a text: each accepts values of its default's type. One
    whose default is not accepted, such as inf, is no setting. DEFAULTS gets the defaults of all.
    """
    for name, parameter in inspect.signature(function).parameters.items():
        for kind, accepted in BY_DEFAULT:
            if isinstance(parameter.default, kind) and name not in RESERVED:
                with contextlib.suppress(ValueError, OverflowError):
                    accepted(parameter.default)
                    ACCEPTED.setdefault(name, accepted)
                break
    DEFAULTS.update(defaults_of(function))


def checked_value(name, value, accepted):
    """`value`, or its text, as `accepted` (a Number, OneOf, Each) has it. Raises BadSetting."""
    try:
        return accepted(value)
    except (ValueError, TypeError, KeyError, OverflowError):
        raise BadSetting(name, value, accepted) from None


def check_settings(settings):
    """
    Check settings, each by itself and all together.

    Args:
        settings (dict): Keyword values of ddpg() and of its ac_kwargs, in one dict; values or their
            text. A name that is not in ACCEPTED passes.

    Returns:
        dict: The same, text turned into values.

    Raises:
        BadSetting: The first that is not accepted.
    """
    s = {name: checked_value(name, value, ACCEPTED[name]) if name in ACCEPTED else value
         for name, value in settings.items()}
    if s['batch_size'] > s['replay_size']:
        raise BadSetting('batch_size', s['batch_size'],
                         'at most the replay size, {}'.format(s['replay_size']))
    if s.get('norm') == 'batch' and s['batch_size'] == 1:
        raise BadSetting('batch_size', 1, 'at least 2 with --norm batch, which divides by the '
                         'spread within a batch')
    if s['policy'] == 'random' and s['gamma'] == 1:
        raise BadSetting('gamma', s['gamma'], 'below 1 with --policy random')
    steps, falling = s['epochs'] * s['steps_per_epoch'], s['lr_decay_steps']
    if falling and steps > falling:
        whole = falling // s['steps_per_epoch']
        raise BadSetting('lr_decay_steps', falling, 'at least {}, the steps of {} epochs, or '
                         'none'.format(steps, s['epochs']) + (
                             '; a run that has begun keeps it, and ends with epoch {}'.format(whole)
                             if whole else ''))
    if s['threads'] > MOST_THREADS:
        raise BadSetting('threads', s['threads'],
                         'at most {}; more than 2 gain nothing'.format(MOST_THREADS))
    if s['noise'] == 'ou' and s['noise_theta'] >= 2 / s['noise_dt']:
        raise BadSetting('noise_theta', s['noise_theta'], 'below {:.6g}, 2 / noise_dt: from there '
                         'on the OU process diverges'.format(2 / s['noise_dt']))
    # A decoupled decay, before the rates fall: w -= weight_decay * w, times q_lr or not.
    limit, formula = dict(times_lr=(2 / s['q_lr'], ', 2 / q_lr'), per_step=(2, ''),
                          l2=(math.inf, ''))[s['decay_kind']]
    if s['weight_decay'] >= limit:
        raise BadSetting('weight_decay', s['weight_decay'], 'below {:.6g}{}: from there on it no '
                         'longer makes weights shrink'.format(limit, formula))
    layers = len(s.get('hidden_sizes', ())) + 1
    if 'hidden_sizes' in s and s.get('action_layer', 1) > layers:
        raise BadSetting('action_layer', s['action_layer'],
                         'at most {}, the number of layers of the critic'.format(layers))
    return s


LONGEST_NAME = 200      # bytes of what names a folder, in part; file systems take 255


def checked_name(exp_name):
    """The name of an experiment or a group, which names a folder, too. Raises BadSetting."""
    if not (isinstance(exp_name, str) and re.fullmatch(r'\w[\w.-]*', exp_name)):
        raise BadSetting('exp_name', exp_name, 'letters, digits, and after the first also . - _')
    if len(os.fsencode(exp_name)) > LONGEST_NAME:
        raise BadSetting('exp_name', exp_name, 'at most {} bytes: it names a folder, with date and '
                         'seed'.format(LONGEST_NAME))
    return exp_name


def checked_folder(name, folder):
    """A folder for runs, as it is given; BadSetting where nothing could be loaded from there."""
    if not folder:
        raise BadSetting(name, folder, 'a folder; . is the current one')
    if re.search(r'[][*?\\]', os.fsdecode(folder)):
        raise BadSetting(name, folder, 'a folder without * ? [ ] \\ in its path, where TensorFlow '
                         'finds no files')
    return folder


def check_logger_kwargs(kwargs, new):
    """Raises BadSetting unless `kwargs` can be logger_kwargs of a run, a `new` or resumed one."""
    folders = {name: kwargs[name] for name in ('output_dir', 'data_dir')
               if kwargs.get(name) is not None}
    if not (set(kwargs) <= {'output_dir', 'data_dir', 'exp_name', 'output_fname'}
            and len(folders) < 2
            and all(isinstance(folder, (str, os.PathLike)) for folder in folders.values())
            and isinstance(kwargs.get('exp_name'), (str, type(None)))
            and kwargs.get('output_fname', 'progress.txt') == 'progress.txt'):
        raise BadSetting('logger_kwargs', kwargs, 'output_dir or data_dir, a folder; exp_name, a '
                         'text; output_fname, progress.txt, and nothing else')
    if new:
        for name, folder in folders.items():
            checked_folder(name, folder)


def networks_of(algorithm):
    """The function that is the default of the argument `actor_critic`."""
    return inspect.signature(algorithm).parameters['actor_critic'].default


def defaults_of(function):
    """{keyword: default} of those keyword arguments of `function` that are called like settings."""
    parameters = inspect.signature(function).parameters.values()
    return {p.name: p.default for p in parameters
            if p.name in ACCEPTED and p.default is not p.empty}


def resolved(algorithm, given):
    """
    All keyword arguments of `algorithm` that are settings, and ac_kwargs: what was given, as
    values, and the defaults of what was not.

    Args:
        algorithm (function): ddpg(). Its `actor_critic` has defaults, too.
        given (dict): Some of its keyword arguments, as values or their text.

    Raises:
        BadSetting: A value is not accepted.
    """
    ours = networks_of(algorithm)
    actor_critic = given.get('actor_critic', ours)
    if not callable(actor_critic):
        raise BadSetting('actor_critic', actor_critic, 'a function that makes the networks')
    for name in ('ac_kwargs', 'logger_kwargs'):
        if not isinstance(given.get(name, {}), dict):
            raise BadSetting(name, given[name], 'a dict of keyword arguments')
    check_logger_kwargs(given.get('logger_kwargs', {}), new=given.get('resume') is None)
    random_policy = str(given.get('policy')).lower() == 'random'
    kwargs = {**defaults_of(algorithm), **(RANDOM_POLICY if random_policy else {}), **given}
    ac_kwargs = {**defaults_of(actor_critic), **given.get('ac_kwargs', {})}
    if actor_critic is not ours:            # what its keywords mean is its own business
        return dict(check_settings(kwargs), ac_kwargs=ac_kwargs)
    values = check_settings({**kwargs, **ac_kwargs})
    return dict({name: values[name] for name in kwargs},
                ac_kwargs={name: values[name] for name in ac_kwargs})


def checked(algorithm):
    """
    Decorates ddpg(), which then gets `resolved` values alone. BadSetting is raised before anything
    else is done, and TypeError for an unknown keyword.
    """
    signature, networks = inspect.signature(algorithm), networks_of(algorithm)
    register(algorithm)
    register(networks)

    @functools.wraps(algorithm)
    def call(*args, **kwargs):
        unknown = [name for name in kwargs if name not in signature.parameters]
        if unknown:
            near = difflib.get_close_matches(unknown[0], signature.parameters, 1)
            here = ALIASES.get(unknown[0], '')
            if here.split(' ')[0] in signature.parameters:
                near = [here]
            hint = '; the nearest is {!r}'.format(*near) if near else ''
            if {unknown[0], here} & set(defaults_of(networks)):
                hint = ', but its ac_kwargs may have it'
            raise TypeError('{}() has no argument {!r}{}'.format(
                algorithm.__name__, unknown[0], hint))
        given = signature.bind(*args, **kwargs).arguments
        return algorithm(**resolved(algorithm, given))
    return call


# What others call a setting, and what it is here.
ALIASES = dict(
    tau='polyak', lr='pi_lr and q_lr', learning_rate='pi_lr and q_lr', actor_lr='pi_lr',
    critic_lr='q_lr', buffer_size='replay_size', act_noise='noise_sigma',
    l='hidden_sizes', act='activation', cpu='threads', num_cpu='threads',
    learning_starts='start_steps and update_after', steps='epochs and steps_per_epoch',
    total_timesteps='epochs and steps_per_epoch')


def in_json(config):
    """A config as config.json has it: functions by their names, tuples as lists."""
    return json.loads(json.dumps(convert_json(config)))


def as_of_now(config):
    """The content of a run's config.json, with the settings that an older run does not name."""
    ac_kwargs = config.get('ac_kwargs')
    return {**BEFORE, **config, 'ac_kwargs': {
        **BEFORE_AC_KWARGS, **(ac_kwargs if isinstance(ac_kwargs, dict) else {})}}


def check_same_run(config, saved, epochs_begun):
    """
    Check that a run may go on with other settings.

    Args:
        config, saved (dict): Contents of config.json: what is asked for, and what the run has.
        epochs_begun (int): How many the run has begun; of those, the last one may be done, too.

    Raises:
        BadSetting: A setting that would change the run, or fewer epochs than it has begun.
    """
    def compare(config, saved, but=frozenset()):
        names = (set(config) | set(saved)) - but
        for name in sorted(names, key=lambda name: (name != 'actor_critic', name)):
            now, then = config.get(name), saved.get(name)
            if now != then:
                raise BadSetting(name, now, '{}, as the run that is resumed has it'.format(
                    as_typed(then)))

    config = in_json(config)
    compare(config, saved, but=MAY_CHANGE | {'ac_kwargs'})
    # By themselves: a keyword of one's own networks may be called `seed`, too.
    compare(config.get('ac_kwargs', {}), saved.get('ac_kwargs', {}))
    if config['epochs'] < epochs_begun:
        raise BadSetting('epochs', config['epochs'],
                         'at least {}, which the run has begun'.format(epochs_begun))


def first_line(error):
    """What an error says, cut to a line."""
    return str(error).strip().split('\n')[0]


def described_error(error):
    """The kind of an error, and what it says, cut to a line."""
    return ': '.join(filter(None, (type(error).__name__, first_line(error))))
