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
from harness.files import no_folder, read_config
from harness.settings import (ACCEPTED, MAY_CHANGE, SETTINGS, BadSetting, as_of_now, checked_folder,
                              checked_name, defaults_of, networks_of, resolved)


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
    if not several:
        parser.no_flag = ('; expected a flag before each value, as in --env Pendulum-v0, and one '
                          'value for each (python -m tools.sweep takes several)')
    parser.add_argument('--env', metavar='ID', **many,
                        help='Environment, by its Gym id. Default: HalfCheetah-v2')
    parser.add_argument('--settings', metavar='|'.join([*SETTINGS, 'RUN_FOLDER']), **many,
                        help='The values that the other flags override: the defaults below, those '
                             'of the development notes, of the paper, of Spinning Up, of the TD3 '
                             "paper's DDPG, or those of a run, its environment and seed among "
                             'them. Default: default')
    parser.add_argument('--data-dir', metavar='FOLDER',
                        help='Where experiments go. Default: out')
    for function in (algorithm, networks_of(algorithm)):
        texts = descriptions(function)
        for name, default in defaults_of(function).items():
            flags = ['--' + name.replace('_', '-')]
            flags += dict(seed=['-s'], hidden_sizes=['--hid']).get(name, [])
            if flags[0] in parser._option_string_actions:       # one flag for both functions
                continue
            arity = {bool: dict(nargs='*') if several else dict(nargs='?', const=True),
                     tuple: dict(nargs='+')}
            default = defaults.get(name, default)
            shown = (' '.join(map(str, default)) if isinstance(default, tuple) else
                     getattr(default, '__name__', default))
            parser.add_argument(*flags, dest=name, metavar=ACCEPTED[name].metavar,
                                **arity.get(type(default), many),
                                help='{} Default: {}'.format(
                                    texts.get(name, ''), shown).replace('%', '%%'))
    return parser


def with_hyphens(argv):
    """The words of a command line with - for _ in the names of flags."""
    return [re.sub(r'^--[^=]+', lambda flag: flag.group().replace('_', '-'), word)
            for word in argv]


def named_settings(name):
    """
    Keyword values by what --settings says.

    Args:
        name (str): Of SETTINGS, or the folder of a run, or its config.json: `env` and `seed` are
            among its settings.

    Raises:
        BadSetting: It is neither, or the command line cannot make such a run.
    """
    return SETTINGS[name] if name in SETTINGS else settings_of_run(name)


def settings_of_run(path):
    """The same of a run, by its folder or its config.json."""
    def unusable(why):
        return BadSetting('settings', path, 'one of {}, or the folder of a run of ddpg.py; '
                          '{}'.format(', '.join(SETTINGS), why))

    folder = (os.path.dirname(path) if os.path.basename(path) == 'config.json' else path) or '.'
    config = path and read_config(folder)
    if not config:
        raise unusable(no_folder(folder) or 'there is no config.json with settings')
    ac_kwargs, texts = config.get('ac_kwargs'), map(config.get, ('env', 'actor_critic', 'noise'))
    if not isinstance(ac_kwargs, dict) or not all(isinstance(text, str) for text in texts):
        raise unusable('its config.json is of another script')
    config = as_of_now(config)
    known = set(ACCEPTED) | MAY_CHANGE | {'env', 'actor_critic', 'ac_kwargs'}
    unknown = sorted(set(config) - known) + sorted(set(config['ac_kwargs']) - set(ACCEPTED))
    if unknown:
        raise unusable('its config.json has {}, which is no setting'.format(unknown[0]))
    own = run.custom_parts(config)
    if own:
        raise unusable('the command line cannot make one whose ' + ', and whose '.join(own))
    return config


def checked_exp_name(exp_name, prefix, env):
    """The experiment's name; <prefix>_<env> where it is None. Raises BadSetting."""
    if exp_name is None:
        exp_name = prefix + '_' + re.sub(r'[^\w.-]', '-', env.lower())
    return checked_name(exp_name)


def keyword_arguments(algorithm, base, flags):
    """
    All keyword arguments of `algorithm` that are settings, and ac_kwargs.

    Args:
        algorithm (function): ddpg(), with the defaults.
        base (dict): Keyword values of `algorithm`, ac_kwargs among them, that override the
            defaults. Other keys are ignored.
        flags (dict): Values or their text, of `algorithm` and its networks, that override `base`.

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
        base = named_settings('default' if named is None else named)
        env = base.get('env', 'HalfCheetah-v2') if env is None else env
        data_dir = 'out' if data_dir is None else data_dir
        exp_name = checked_exp_name(exp_name, 'ddpg', env)
        return (env, checked_folder('data_dir', data_dir), exp_name,
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
    own = run.custom_parts(resume.config)
    if own:
        raise run.cannot_resume(resume.run_folder, 'its {}; go on from Python: {}'.format(
            ', its '.join(own), run.resume_command(resume.run_folder, resume.config)))


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
