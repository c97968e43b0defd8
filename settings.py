"""
settings.py: what ddpg() accepts, the named settings, and the command line derived from both.

The defaults are not here: they are the keyword defaults of ddpg() and core.mlp_actor_critic(), as
the descriptions are those functions' docstrings. What is not accepted is a BadSetting, raised
before anything is written.
"""
import argparse
import difflib
import glob
import importlib.util
import inspect
import json
import math
import os
import re
import sys
import time

import gym
import numpy as np
from gym.spaces import Box

import checkpoint
from spinup.utils.serialization_utils import convert_json


# ------------------------------------------------------------------------------------------------
# The named settings: keyword values of ddpg() that differ from its defaults, for --settings
# ------------------------------------------------------------------------------------------------

SETTINGS = dict(
    default=dict(),
    # The development notes' agent, which did not learn. README tells why.
    notes=dict(
        ac_kwargs=dict(hidden_sizes=(400, 300), action_layer=1, init='glorot'),
        pi_lr=1e-4, q_lr=1e-3, weight_decay=1e-2, decay_kind='per_step', polyak=0.001,
        noise='ou', noise_sigma=0.2, noise_final_share=1.0, noise_theta=0.15, noise_dt=1e-3,
        batch_size=64, replay_size=int(1e6), gamma=0.99, start_steps=0, update_after=0,
        update_every=1, lr_decay_steps=None, time_limit_terminal=True),
    # The paper's section 7, without its batch normalisation. It gives no dt, no start of random
    # actions, and does not say what is stored at a time limit.
    paper=dict(
        ac_kwargs=dict(hidden_sizes=(400, 300), action_layer=2, init='paper'),
        pi_lr=1e-4, q_lr=1e-3, weight_decay=1e-2, decay_kind='l2', polyak=0.001,
        noise='ou', noise_sigma=0.2, noise_final_share=1.0, noise_theta=0.15, noise_dt=1.0,
        batch_size=64, replay_size=int(1e6), gamma=0.99, start_steps=0, update_after=0,
        update_every=1, lr_decay_steps=None, time_limit_terminal=False),
    # Spinning Up's own defaults. What differs: its soft update is not ordered against the actor's
    # step (a race), its noise is not in units of the action range, its steps count from 0, and it
    # does not seed its environment.
    spinningup=dict(
        ac_kwargs=dict(hidden_sizes=(256, 256), action_layer=1, init='glorot'),
        pi_lr=1e-3, q_lr=1e-3, weight_decay=0., polyak=0.005,
        noise='gaussian', noise_sigma=0.1, noise_final_share=1.0,
        batch_size=100, replay_size=int(1e6), gamma=0.99, start_steps=10000, update_after=1000,
        update_every=50, lr_decay_steps=None, time_limit_terminal=False),
    # "Our DDPG" of the TD3 paper (Fujimoto et al. 2018). Its updates begin with the end of the
    # first episode, which is at most 1,000 steps long.
    td3=dict(
        ac_kwargs=dict(hidden_sizes=(400, 300), action_layer=1, init='torch'),
        pi_lr=1e-3, q_lr=1e-3, weight_decay=0., polyak=0.005,
        noise='gaussian', noise_sigma=0.1, noise_final_share=1.0,
        batch_size=100, replay_size=int(1e6), gamma=0.99, start_steps=10000, update_after=1000,
        update_every=1, lr_decay_steps=None, time_limit_terminal=False),
)

# Defaults with --policy random. Where the policy does not move, the targets need not be slow: an
# error of Q's mean shrinks by about polyak * (1 - gamma) of itself per update.
RANDOM_POLICY = dict(polyak=0.02)


# ------------------------------------------------------------------------------------------------
# What each setting accepts
# ------------------------------------------------------------------------------------------------

class BadSetting(ValueError):
    """A setting outside of what is accepted: its `name`, its `value`, and `accepted` in words."""

    def __init__(self, name, value, accepted):
        super().__init__('{}={}: expected {}'.format(name, value, accepted))
        self.name, self.value, self.accepted = name, value, accepted

    def flag(self):
        """The same in terms of the command line, in one line."""
        value = ' '.join(map(str, self.value)) if isinstance(self.value, list) else self.value
        return '--{} {}: expected {}'.format(self.name.replace('_', '-'), value, self.accepted)


class Number:
    """Numbers of a kind, int or float, within [low, high], or (low, high] with `above`; or text."""

    def __init__(self, kind, low, high=math.inf, above=False):
        self.kind, self.low, self.high, self.above = kind, low, high, above
        self.metavar = 'N' if kind is int else 'X'

    def __str__(self):
        noun = 'a whole number' if self.kind is int else 'a number'
        if self.high < math.inf:
            return '{} from {} to {}'.format(noun, self.low, self.high)
        return '{} {} {}'.format(noun, 'above' if self.above else 'of at least', self.low)

    def __call__(self, value):
        number = float(value)                                   # 1e6 is a whole number, too
        above_low = number > self.low if self.above else number >= self.low
        if not (above_low and number <= self.high and math.isfinite(number)
                and number == self.kind(number)):
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
        if isinstance(values, str) or not values:
            raise ValueError
        return tuple(self.item(value) for value in values)


class Unset:
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
    lr_decay_steps=Unset(Number(int, 1)),
    noise=OneOf('ou', 'gaussian'),
    noise_sigma=Number(float, 0),
    noise_final_share=Number(float, 0),
    noise_anneal_steps=Number(int, 1),
    noise_theta=Number(float, 0),
    noise_dt=Number(float, 0, above=True),
    time_limit_terminal=OneOf(False, True),
    policy=OneOf('learned', 'random'),
    num_test_episodes=Number(int, 1),
    max_ep_len=Number(int, 1),
    save_freq=Number(int, 1),
    threads=Number(int, 1),
    hidden_sizes=Each(Number(int, 1)),
    action_layer=Number(int, 1),
    init=OneOf('glorot', 'paper', 'torch'),
)


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
    checked = dict(settings)
    for name in set(settings) & set(ACCEPTED):
        checked[name] = checked_value(name, settings[name], ACCEPTED[name])
    if checked['batch_size'] > checked['replay_size']:
        raise BadSetting('batch_size', checked['batch_size'],
                         'at most the replay size, {}'.format(checked['replay_size']))
    if checked.get('policy') == 'random' and checked['gamma'] == 1:
        raise BadSetting('gamma', checked['gamma'], 'below 1 with --policy random')
    steps = checked.get('epochs', 0) * checked.get('steps_per_epoch', 0)
    if checked.get('lr_decay_steps') and steps > checked['lr_decay_steps']:
        raise BadSetting('lr_decay_steps', checked['lr_decay_steps'],
                         'at least {}, the steps of the run, or none'.format(steps))
    layers = len(checked.get('hidden_sizes', ())) + 1
    if 'hidden_sizes' in checked and checked.get('action_layer', 1) > layers:
        raise BadSetting('action_layer', checked['action_layer'],
                         'at most {}, the number of layers of the critic'.format(layers))
    return checked


# ------------------------------------------------------------------------------------------------
# The environment and the run folder
# ------------------------------------------------------------------------------------------------

def make_env(name):
    """
    The environment that Gym knows as `name`, or as 'module:name' after importing the module.

    Raises:
        BadSetting: There is none, or it cannot be made here.
    """
    try:
        spec = gym.spec(name)
    except gym.error.Error:
        module, _, short_name = name.rpartition(':')
        if module and module not in sys.modules:
            raise BadSetting('env', name, 'a module that Python can import before the :') from None
        ids = {known.lower(): known for known in sorted(gym.envs.registry.env_specs)}
        near = difflib.get_close_matches(short_name.lower(), ids, cutoff=0)
        raise BadSetting('env', name, 'an environment that Gym knows; the nearest names are '
                         + ', '.join(ids[match] for match in near)) from None
    except Exception as error:                          # the module's own
        raise BadSetting('env', name, 'a module before the : that can be imported; it raises '
                         + described_error(error)) from None
    if str(spec.entry_point).startswith(('gym.envs.mujoco', 'gym.envs.robotics')):
        # The first import of a mujoco-py that is not compiled would start the compiler.
        found = importlib.util.find_spec('mujoco_py')
        folder = os.path.dirname(found.origin) if found else ''
        if not glob.glob(os.path.join(folder, 'generated', 'cymj_*.so')):
            raise BadSetting('env', name, 'mujoco-py and its compiled extension to be installed: '
                             'run `make setup`')
    try:
        return gym.make(name)
    except Exception as error:                          # the environment's own, or Gym's
        raise BadSetting('env', name, 'an environment that can be made here; it raises '
                         + described_error(error)) from None


def first_line(error):
    """What an error says, cut to a line."""
    return str(error).strip().split('\n')[0]


def described_error(error):
    """The kind of an error, and what it says, cut to a line."""
    return '{}: {}'.format(type(error).__name__, first_line(error))


def env_id(env):
    """The id that Gym knows `env` by, or the name of its class."""
    return env.spec.id if env.spec else type(env.unwrapped).__name__


def check_spaces(env):
    """
    Check that `env` is one for DDPG: observations a vector, actions a vector with bounds.

    Raises:
        BadSetting: It is not.
    """
    x, a = env.observation_space, env.action_space
    if not (isinstance(a, Box) and len(a.shape) == 1
            and np.all(np.isfinite(a.low) & np.isfinite(a.high) & (a.low < a.high))):
        raise BadSetting('env', env_id(env), 'an environment whose actions are a vector with '
                         'finite bounds; its action space is {}'.format(a))
    if not (isinstance(x, Box) and len(x.shape) == 1):
        raise BadSetting('env', env_id(env), 'an environment whose observations are a vector; '
                         'its observation space is {}'.format(x))


def claim_run_folder(data_dir, exp_name, seed):
    """
    Make the folder of a new run, <data_dir>/<exp_name>/<YYYY-MM-DD-HH-MM-SS>_<exp_name>_s<seed>.

    Of two runs that start in the same second, one waits for the next.

    Raises:
        BadSetting: It cannot be made there.
    """
    while True:
        stamp = time.strftime('%Y-%m-%d-%H-%M-%S')
        folder = os.path.join(data_dir, exp_name, '{}_{}_s{}'.format(stamp, exp_name, seed))
        try:
            os.makedirs(folder)
            return folder
        except FileExistsError:
            time.sleep(0.1)
        except OSError as error:
            raise BadSetting('data_dir', data_dir, 'a folder that can be written; '
                             + error.strerror) from None


# ------------------------------------------------------------------------------------------------
# Going on with a run
# ------------------------------------------------------------------------------------------------

def open_run(folder):
    """
    The checkpoints of the run in `folder`, to resume it.

    Raises:
        BadSetting: It cannot be resumed.
    """
    try:
        return checkpoint.Checkpoints(folder, resume=True)
    except (checkpoint.Unusable, OSError) as why:
        raise cannot_resume(folder, why) from None


def claim_checkpoints(folder):
    """
    The checkpoints of a new run in `folder`.

    Raises:
        BadSetting: Another process trains there, or it cannot be written.
    """
    try:
        return checkpoint.Checkpoints(folder)
    except (checkpoint.Unusable, OSError) as why:
        raise BadSetting('output_dir', folder, 'a folder to train in; {}'.format(why)) from None


def cannot_resume(folder, why):
    """The BadSetting that says why the run in `folder` cannot be resumed."""
    return BadSetting('resume', folder, 'the folder of a run that can go on; {}'.format(why))


def check_same_run(config, saved):
    """
    Check that a run may go on with other settings.

    Args:
        config, saved (dict): Contents of config.json: what is asked for, and what the run has.

    Raises:
        BadSetting: A setting that would change the run.
    """
    config = json.loads(json.dumps(convert_json(config)))       # as config.json would have it
    config, saved = ({**each, **each.get('ac_kwargs', {})} for each in (config, saved))
    for name in sorted((set(config) | set(saved)) - checkpoint.NO_SETTINGS - {'ac_kwargs'}):
        now, then = config.get(name), saved.get(name)
        if now != then:
            raise BadSetting(name, now, '{}, as the run that is resumed has it'.format(
                ' '.join(map(str, then)) if isinstance(then, list) else then))


# ------------------------------------------------------------------------------------------------
# The command line
# ------------------------------------------------------------------------------------------------

def defaults_of(function):
    """{keyword: default} of those keyword arguments of `function` that are settings."""
    parameters = inspect.signature(function).parameters.values()
    return {p.name: p.default for p in parameters if p.name in ACCEPTED}


def described(function):
    """{argument: its description} from the Args section of a docstring."""
    args = inspect.getdoc(function).split('Args:\n')[1].split('\n\n')[0]
    entries = re.findall(r'^ {4}(\w+) \(.*?\): (.*(?:\n {8}.*)*)', args, re.MULTILINE)
    return {name: ' '.join(text.split()) for name, text in entries}


class Parser(argparse.ArgumentParser):
    """Says an error in one line, with exit code 2."""

    def error(self, message):
        self.exit(2, '{}: error: {}\n'.format(self.prog, message))


def make_parser(prog, description, functions, several=False, **defaults):
    """
    The command line of a script that trains.

    Args:
        prog, description (str): The script's name, and what it does.
        functions (list of function): Their keyword arguments that are settings become flags.
        several (bool): Whether a flag may have several values, in a list.
        defaults: What --help tells in place of the functions' defaults. A flag that is not given is
            not in the parsed arguments.
    """
    parser = Parser(
        prog=prog, description=description + ' Flags may be written with - or _.',
        allow_abbrev=False, argument_default=argparse.SUPPRESS,
        formatter_class=lambda prog: argparse.HelpFormatter(prog, width=98))
    parser._negative_number_matcher = re.compile(r'-[\d.]')      # -1e-3 is a value, not a flag
    many = dict(nargs='+') if several else {}
    parser.add_argument('--env', metavar='ID', **many,
                        help='Environment, by its Gym id. Default: HalfCheetah-v2')
    parser.add_argument('--settings', metavar='|'.join(SETTINGS), **many,
                        help='The values that the other flags override: the defaults below, those '
                             'of the development notes, of the paper, of Spinning Up, or of the '
                             "TD3 paper's DDPG. Default: default")
    parser.add_argument('--data-dir', metavar='FOLDER',
                        help='Where experiments go. Default: out')
    for function in functions:
        texts = described(function)
        for name, default in defaults_of(function).items():
            flags = ['--' + name.replace('_', '-')]
            flags += dict(seed=['-s'], hidden_sizes=['--hid']).get(name, [])
            arity = {bool: dict(nargs='*') if several else dict(nargs='?', const=True),
                     tuple: dict(nargs='+')}
            default = defaults.get(name, default)
            shown = ' '.join(map(str, default)) if isinstance(default, tuple) else default
            parser.add_argument(*flags, dest=name, metavar=ACCEPTED[name].metavar,
                                **arity.get(type(default), many),
                                help='{} Default: {}'.format(texts[name], shown))
    return parser


def with_hyphens(argv):
    """The words of a command line with - for _ in the names of flags."""
    return [re.sub(r'^--[^=]+', lambda flag: flag.group().replace('_', '-'), word)
            for word in argv]


def named_settings(name):
    """Keyword values by the name that --settings has for them. Raises BadSetting."""
    if name not in SETTINGS:
        raise BadSetting('settings', name, 'one of ' + ', '.join(SETTINGS))
    return SETTINGS[name]


def checked_exp_name(exp_name, prefix, env):
    """The experiment's name; <prefix>_<env> where it is None. Raises BadSetting."""
    if exp_name is None:
        exp_name = prefix + '_' + re.sub(r'[^\w.-]', '-', env.lower())
    if not re.fullmatch(r'\w[\w.-]*', exp_name):
        raise BadSetting('exp_name', exp_name, 'letters, digits, and after the first also . - _')
    return exp_name


def keyword_arguments(algorithm, actor_critic, base, flags):
    """
    All keyword arguments of `algorithm` that are settings, and ac_kwargs.

    Args:
        algorithm, actor_critic (function): ddpg() and core.mlp_actor_critic(), with the defaults.
        base (dict): Keyword values of `algorithm`, ac_kwargs among them, that override those.
        flags (dict): Values or their text, of both functions, that override these.

    Raises:
        BadSetting: A value is not accepted.
    """
    if str(flags.get('policy')).lower() == 'random':
        base = dict(RANDOM_POLICY, **base)
    kwargs, ac_kwargs = (
        {name: settings.get(name, default) for name, default in defaults_of(function).items()}
        for function, settings in ((algorithm, base), (actor_critic, base.get('ac_kwargs', {}))))
    checked = check_settings({**kwargs, **ac_kwargs, **flags})
    return dict({name: checked[name] for name in kwargs},
                ac_kwargs={name: checked[name] for name in ac_kwargs})


def parse_args(argv, algorithm, actor_critic):
    """
    Read the command line.

    Args:
        argv (list of str): Its words.
        algorithm, actor_critic (function): ddpg() and core.mlp_actor_critic().

    Returns:
        The environment's id, data_dir, exp_name, and the keyword arguments of `algorithm`; among
        these is `resume` where a run is to be resumed, and data_dir is None.

    Raises:
        BadSetting: A value is not accepted, or a run cannot be resumed.
        SystemExit: argparse's own errors, and --help.
    """
    parser = make_parser('ddpg.py', 'Train DDPG.', [algorithm, actor_critic])
    parser.add_argument('--exp-name', metavar='NAME',
                        help='Experiment. Default: ddpg_<env>, in lower case')
    parser.add_argument('--resume', metavar='RUN_FOLDER',
                        help='Go on with the run in this folder from its last checkpoint, with its '
                             'settings. --epochs may be more; --save-freq and --threads may change')
    flags = vars(parser.parse_args(with_hyphens(argv)))
    env, data_dir, exp_name, named, folder = (
        flags.pop(name, None) for name in ('env', 'data_dir', 'exp_name', 'settings', 'resume'))
    if folder is None:
        env, data_dir, named = (default if given is None else given for given, default in (
            (env, 'HalfCheetah-v2'), (data_dir, 'out'), (named, 'default')))
        base = named_settings(named)
        exp_name = checked_exp_name(exp_name, 'ddpg', env)
        return env, data_dir, exp_name, keyword_arguments(algorithm, actor_critic, base, flags)

    for name, value in dict(data_dir=data_dir, exp_name=exp_name, settings=named).items():
        if value is not None:
            raise BadSetting(name, value, 'nothing beside --resume: the run has its own')
    resume = open_run(folder)
    try:
        kwargs = keyword_arguments(algorithm, actor_critic, resume.config, flags)
    except BadSetting:
        resume.close()
        raise
    env = resume.config['env'] if env is None else env
    return env, None, resume.config.get('exp_name'), dict(kwargs, resume=resume)
