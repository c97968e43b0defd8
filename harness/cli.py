"""
cli.py: the command lines of scripts that train, made of a function's signature and docstring.
"""
import argparse
import inspect
import os
import re
import sys

from harness.early import ctrl_c_ends

if os.path.basename(getattr(sys.modules['__main__'], '__file__', '')) == 'ddpg.py':
    ctrl_c_ends('ddpg.py')

import docstring_parser

from harness import guard, run
from harness.command import Parser, ending
from harness.settings import (ACCEPTED, SETTINGS, BadSetting, checked_name, defaults_of,
                              resolved)


# ------------------------------------------------------------------------------------------------
# Flags
# ------------------------------------------------------------------------------------------------

def descriptions(function):
    """{argument: its description} from the Args section of a docstring; python -OO has none."""
    return {param.arg_name: ' '.join(param.description.split())
            for param in docstring_parser.parse(inspect.getdoc(function) or '').params}


def make_parser(prog, description, algorithm, several=False, **defaults):
    """
    The command line of a script that trains.

    Args:
        prog, description (str): The script's name, and what it does.
        algorithm (function): ddpg(). Its keyword arguments that are settings become flags, and
            those of its default `actor_critic`.
        several (bool): Whether a flag may have several values, in a list.
        defaults: What --help tells in place of the functions' defaults. A flag that is not given is
            not in the parsed arguments.
    """
    parser = Parser(
        prog=prog, description=description + ' Flags may be written with - or _.',
        argument_default=argparse.SUPPRESS,
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
    for function in (algorithm, networks_of(algorithm)):
        texts = descriptions(function)
        for name, default in defaults_of(function).items():
            flags = ['--' + name.replace('_', '-')]
            flags += dict(seed=['-s'], hidden_sizes=['--hid']).get(name, [])
            arity = {bool: dict(nargs='*') if several else dict(nargs='?', const=True),
                     tuple: dict(nargs='+')}
            default = defaults.get(name, default)
            shown = (' '.join(map(str, default)) if isinstance(default, tuple) else
                     getattr(default, '__name__', default))
            parser.add_argument(*flags, dest=name, metavar=ACCEPTED[name].metavar,
                                **arity.get(type(default), many),
                                help='{} Default: {}'.format(texts.get(name, ''), shown))
    return parser


def networks_of(algorithm):
    """The function that is the default of the argument `actor_critic`."""
    return inspect.signature(algorithm).parameters['actor_critic'].default


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
    return checked_name(exp_name)


def checked_data_dir(data_dir):
    """The folder for experiments; BadSetting where it has no name (an unset variable's, maybe)."""
    if not data_dir:
        raise BadSetting('data_dir', data_dir, 'a folder; . is the current one')
    return data_dir


def keyword_arguments(algorithm, base, flags):
    """
    All keyword arguments of `algorithm` that are settings, and ac_kwargs.

    Args:
        algorithm (function): ddpg(), with the defaults.
        base (dict): Keyword values of `algorithm`, ac_kwargs among them, that override those. What
            else is in it does not count.
        flags (dict): Values or their text, of `algorithm` and of its networks, that override these.

    Raises:
        BadSetting: A value is not accepted.
    """
    def given(function, base):
        return {name: value for name, value in {**base, **flags}.items()
                if name in defaults_of(function)}

    return resolved(algorithm, dict(
        given(algorithm, base),
        ac_kwargs=given(networks_of(algorithm), base.get('ac_kwargs', {}))))


# ------------------------------------------------------------------------------------------------
# ddpg.py's own
# ------------------------------------------------------------------------------------------------

def parse_args(argv, algorithm):
    """
    Read the command line.

    Args:
        argv (list of str): Its words.
        algorithm (function): ddpg().

    Returns:
        The environment's id, data_dir, exp_name, and the keyword arguments of `algorithm`; among
        these is `resume` where a run is to be resumed, and data_dir is None.

    Raises:
        BadSetting: A value is not accepted, or a run cannot be resumed.
        SystemExit: argparse's own errors, and --help.
    """
    parser = make_parser('ddpg.py', 'Train DDPG.', algorithm)
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
        return (env, checked_data_dir(data_dir), exp_name,
                keyword_arguments(algorithm, base, flags))

    for name, value in dict(data_dir=data_dir, exp_name=exp_name, settings=named).items():
        if value is not None:
            raise BadSetting(name, value, 'nothing beside --resume: the run has its own')
    resume = run.open_run(folder)
    try:
        check_from_here(resume)
        kwargs = keyword_arguments(algorithm, resume.config, flags)
    except BadSetting:
        resume.close()
        raise
    env = resume.config['env'] if env is None else env
    return env, None, resume.config.get('exp_name'), dict(kwargs, resume=resume)


def check_from_here(resume):
    """Raises BadSetting where the command line cannot make what a run consists of."""
    own = run.own_things(resume.config)
    if own:
        raise run.cannot_resume(resume.run_folder, 'its {}; go on from Python: {}'.format(
            ', its '.join(own), run.way_on(resume.run_folder, resume.config)))


def train(algorithm, argv=None):
    """
    The command line of ddpg.py. Exit code 2 for bad input, in one line and with nothing written.

    Args:
        algorithm (function): ddpg().
        argv (list of str): Its words; None: the process's.
    """
    with guard.noting_signals(), ending('ddpg.py'):
        env, data_dir, exp_name, kwargs = parse_args(
            sys.argv[1:] if argv is None else argv, algorithm)
        place = (dict(output_dir=kwargs['resume'].run_folder) if 'resume' in kwargs else
                 dict(data_dir=data_dir))
        algorithm(env, logger_kwargs=dict(place, exp_name=exp_name), **kwargs)
