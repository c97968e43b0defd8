"""
sweep.py: many runs of DDPG with one command, over seeds, environments and settings; on Ray.

    python -m tools.sweep --env HalfCheetah-v2 Hopper-v2 --seed 0 1 2 3 4 --pi-lr 1e-4 1e-3
    python -m tools.sweep --help

Every combination is one run of ddpg(), in a process of its own, with the bits that `python ddpg.py`
would give it. The folders of the runs, named as by Spinning Up's ExperimentGrid, are all the state
that a sweep has: the same command again goes on with what is not finished.

    <data dir>/<sweep>/<group>/<group>_s<seed>/    a run; a group's runs differ in their seeds alone
    <data dir>/<sweep>/summary.csv, curves.csv, Performance.png, Performance.svg
"""
import contextlib
import glob
import io
import itertools
import json
import logging
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter, namedtuple
from types import SimpleNamespace

if __name__ == '__main__':
    from harness.early import ctrl_c_ends
    ctrl_c_ends('tools.sweep')

import gym
import ray

from harness import checkpoint, guard
from harness.cli import (checked_exp_name, keyword_arguments, make_parser, named_settings,
                         with_hyphens)
from harness.command import Screen, ending, say
from harness.envs import dims_of
from harness.files import Locked, digest_of, lock, make_folders, read_config
from harness.origin import difference, made_by, provenance
from harness.run import check_memory
from harness.settings import (ACCEPTED, BadSetting, Number, as_of_now, check_same_run,
                              checked_folder, checked_name, checked_value, defaults_of,
                              described_error, first_line, in_json)
from tools.board import OUTPUT, Board, rows_of
import core
import ddpg

PROG = 'tools.sweep'
CORES = len(os.sched_getaffinity(0))
PATIENCE = 60           # seconds: for a lost worker to be gone, for workers to save at the end


# ------------------------------------------------------------------------------------------------
# What to run
# ------------------------------------------------------------------------------------------------

Run = namedtuple('Run', ['name', 'group', 'env', 'kwargs', 'folder'])      # name: its folder's
Sweep = namedtuple('Sweep', ['folder', 'runs', 'threads', 'jobs', 'address', 'max_failures'])


def parse_args(argv):
    """
    Read the command line.

    Args:
        argv (list of str): Its words.

    Returns:
        Sweep: All its runs are checked; nothing is written.

    Raises:
        BadSetting: A combination is not accepted.
        SystemExit: argparse's own errors, and --help.
    """
    flags = vars(sweep_parser().parse_args(with_hyphens(argv)))
    if re.search(r'[\s"\'`$&|;()<>*?\[\]{}!\\#]', sys.executable):
        raise BadSetting('PYTHON', sys.executable, 'a path without spaces and signs of a shell, by '
                         'which Ray starts its processes')
    data_dir, exp_name = flags.pop('data_dir', 'out'), flags.pop('exp_name', None)
    jobs, address = flags.pop('jobs', None), flags.pop('address', None)
    max_failures = checked_value('max_failures', flags.pop('max_failures', 3), Number(int, 1))
    flags = checked_values(flags)
    threads = max(flags['threads'])
    if address is None:
        jobs = checked_value('jobs', max(1, CORES // threads) if jobs is None else jobs,
                             Number(int, 1))
    elif jobs is not None:
        raise BadSetting('jobs', jobs, 'nothing beside --address: its nodes have so many cores')

    # Where there are several environments, each group's name has its own.
    prefix = 'sweep' if exp_name is None and len(flags['env']) > 1 else None
    exp_name = checked_exp_name(exp_name, 'sweep', all_of(flags['env']))
    # Checked as it is typed, and as the runs have it: the current folder's path may have a * in it.
    data_dir = os.path.abspath(checked_folder('data_dir', data_dir))
    folder = os.path.join(checked_folder('data_dir', data_dir), exp_name)
    runs = combinations(prefix or exp_name, folder, flags)
    check_runs(runs, jobs)
    return Sweep(folder, runs, threads, jobs, address, max_failures)


def all_of(envs):
    """
    The environments of a sweep, for its name: all of them, in the order of the alphabet; where that
    is long, the first one, the number of the others, and six digits of what all of them are.
    """
    text = '_'.join(sorted(envs))
    if len(envs) == 1 or len(text) <= 80:
        return text
    return '{}_and_{}_more_{}'.format(sorted(envs)[0][:60], len(envs) - 1,
                                      digest_of(text.encode())[:6])


def sweep_parser():
    """ddpg.py's command line with several values for each flag, and the sweep's own flags."""
    parser = make_parser(
        PROG, 'Train DDPG with every combination of the values of all flags, such as '
        "--seed 0 1 2 --pi-lr 1e-4 1e-3. Several networks are written --hid '[400,300]' '[64,64]'.",
        ddpg.ddpg, several=True, threads=1)
    parser.add_argument('--exp-name', metavar='NAME',
                        help='The sweep; its groups begin with it. Default: sweep_<env>, in lower '
                             'case, of all environments; where these are several, groups begin '
                             'with sweep')
    parser.add_argument('--jobs', metavar='N',
                        help='Runs at a time on this machine. Default: its cores ({}) divided by '
                             '--threads'.format(CORES))
    parser.add_argument('--address', metavar='HOST:PORT|auto',
                        help='A running Ray cluster that this machine is a node of, in place of '
                             'this machine alone')
    parser.add_argument('--max-failures', metavar='N',
                        help='Failures after which a run is given up. Default: 3')
    return parser


def checked_values(flags):
    """
    {flag: its values, in a list}: what was given, in that order, and what a sweep needs beside it.

    Args:
        flags (dict): {flag: its words}, of those that were given.

    Raises:
        BadSetting: A value is not accepted.
    """
    flags = dict(flags)
    base = [named_settings(name) for name in flags.setdefault('settings', ['default'])]
    for name, default in dict(env='HalfCheetah-v2', seed=0).items():
        if name not in flags:       # a run has its own
            flags[name] = [settings.get(name, default) for settings in base]
            if any(value != flags[name][0] for value in flags[name]):
                raise BadSetting('settings', flags['settings'], 'settings of one {0}, or --{0} '
                                 'beside them'.format(name))
            flags[name] = flags[name][:1]
    flags.setdefault('threads', [1])
    if 'hidden_sizes' in flags:
        flags['hidden_sizes'] = networks(flags['hidden_sizes'])
    for name, values in flags.items():
        values = flags[name] = values or [True]     # a flag without a value
        if name in ACCEPTED:
            flags[name] = values = [checked_value(name, v, ACCEPTED[name]) for v in values]
        if any(values.count(value) > 1 for value in values):
            raise BadSetting(name, [in_words(value) for value in values], 'each value once')
    return flags


def combinations(exp_name, folder, flags):
    """
    The runs of a sweep, seed by seed, so that all groups can be compared before the last seed is
    done.

    Args:
        exp_name, folder (str): The sweep's.
        flags (dict): From `checked_values`.

    Returns:
        list of Run

    Raises:
        BadSetting: A combination is not accepted, or two would have the same name.
    """
    varied = [name for name, values in flags.items() if len(values) > 1 and name != 'seed']
    others = {name: values for name, values in flags.items() if name != 'seed'}
    base = {name: named_settings(name) for name in flags['settings']}
    runs, chosen_by = [], {}
    for seed, *values in itertools.product(flags['seed'], *others.values()):
        chosen = dict(zip(others, values))
        group = group_name(exp_name, {name: chosen[name] for name in varied})
        if chosen_by.setdefault(group, chosen) != chosen:
            raise BadSetting('exp_name', exp_name, 'values that differ in letters and digits; two '
                             'combinations would be named ' + group)
        values = {name: value for name, value in chosen.items() if name in ACCEPTED}
        kwargs = keyword_arguments(ddpg.ddpg, base[chosen['settings']], dict(values, seed=seed))
        name = checked_name('{}_s{}'.format(group, seed))
        runs.append(Run(name, group, chosen['env'], kwargs, os.path.join(folder, group, name)))
    return runs


def check_runs(runs, jobs):
    """
    Raises BadSetting where an environment is not accepted; or where as many runs as there are at
    once, `jobs`, do not fit into this machine's memory. None: they are on others.
    """
    dims = {}
    for run in runs:
        env, env_kwargs = run.env, run.kwargs['env_kwargs']
        known = env, json.dumps(env_kwargs)
        if known not in dims:
            dims[known] = dims_of(env, env_kwargs)
        if jobs is not None:
            check_memory(SimpleNamespace(actor_critic=core.mlp_actor_critic, **run.kwargs),
                         *dims[known], at_once=min(jobs, len(runs)))


def networks(words):
    """
    The networks that the words of --hid mean: one for each word such as [400,300]; or a single one,
    where no word has a bracket or comma. Raises BadSetting where only some have.
    """
    if not any(re.search(r'[][,]', word) for word in words):
        return [words]
    found = [re.fullmatch(r'\[([^][,]+(?:,[^][,]+)*)\]', word) for word in words]
    if not all(found):
        raise BadSetting('hidden_sizes', words[found.index(None)], 'networks such as [400,300] '
                         '[64,64], or the layers of one, such as 400 300')
    return [match.group(1).split(',') for match in found]


def group_name(prefix, varied):
    """
    The name of a combination, as Spinning Up's ExperimentGrid has it.

    Args:
        prefix (str): Of all names of the sweep.
        varied (dict): {setting: value} of those that have several values in it.

    Returns:
        prefix, and for each setting its shorthand and value: 'sweep_pi0-001_ac-hid64-64'. The
        shorthand is the first three letters; where two settings share these, it is the whole name.
    """
    def short(name):
        of_network = name in defaults_of(core.mlp_actor_critic)
        return ('ac-' if of_network else '') + re.sub(r'[^A-Za-z0-9]', '', name[:3])

    parts = [prefix]
    for name, value in varied.items():
        shared = sum(short(other) == short(name) for other in varied) > 1
        text = '' if isinstance(value, bool) else in_words(value)
        if value is not False:
            parts.append((name.replace('_', '-') if shared else short(name)) + clean(text))
    return '_'.join(parts)


def in_words(value):
    """
    A value of a setting as text: layers of a network, or names and values, with - between them;
    functions by name.
    """
    if isinstance(value, tuple):
        return '-'.join(map(str, value))
    if isinstance(value, dict):
        return '-'.join('{}{}'.format(*item) for item in value.items())
    return str(getattr(value, '__name__', value))


def clean(text):
    """Spinning Up's valid_str: lower case, with - for all but letters, digits, - and _."""
    return re.sub(r'[^a-z0-9_-]', '-', text.lower())


# ------------------------------------------------------------------------------------------------
# What is done already
# ------------------------------------------------------------------------------------------------

def epochs_done(run, sweep_name, origin):
    """
    The epochs that a run has done for good, by what its folder holds.

    Args:
        run (Run): Of the sweep `sweep_name`.
        origin (dict): `provenance()` of the sweep.

    Raises:
        BadSetting: The folder holds a run with other settings or of other code, or it cannot go on.
    """
    def another_name(why):
        return BadSetting('exp_name', sweep_name, 'another name, or another --data-dir: {} '
                          '{}'.format(run.folder, why))

    config, done = checkpoint.newest(run.folder) or (None, None)
    if done is None:
        config, done = read_config(run.folder), len(rows_of(run))
        if not done:
            return 0            # there is nothing, or it was killed before its first checkpoint
        if config is None or done < run.kwargs['epochs'] and not checkpoint.is_in(run.folder):
            raise another_name('has a table, but nothing to go on from')
    try:
        check_same_run(settings_of(run), config, done)
        other = difference(config, origin)
    except BadSetting as bad:
        raise BadSetting(bad.name, bad.value, '{} ({}); or another --exp-name'.format(
            bad.accepted, run.folder)) from None
    except KeyError as key:
        other = 'does not tell its {}'.format(*key.args)
    if other:
        raise another_name(other)
    return done


def check_groups(runs):
    """
    Raises BadSetting where a run of another seed that is already in the folder of a group has other
    settings than the group's `runs`: a group is averaged.
    """
    own = {run.folder for run in runs}
    for folder, run in {os.path.dirname(run.folder): run for run in runs}.items():
        # Beside the groups may be what ddpg.py has trained, by the same name.
        beside = {there: config for there, config in configs_in(os.path.dirname(folder)).items()
                  if (config.get('exp_name'), config.get('env')) == (run.group, run.env)}
        for there, config in {**configs_in(folder), **beside}.items():
            if there in own:
                continue
            asked = in_json(dict(settings_of(run), seed=config.get('seed')))
            config = as_of_now(config)
            config = {**asked, **config, 'ac_kwargs': {**asked['ac_kwargs'], **config['ac_kwargs']}}
            try:
                check_same_run(asked, config, 0)
            except BadSetting as bad:
                raise BadSetting(bad.name, bad.value, '{} ({}), or another --exp-name: the runs of '
                                 'a group differ in their seeds alone'.format(
                                     bad.accepted, there)) from None


def groups_beside(sweep):
    """
    The groups in a Sweep's folder that it has no run of. With other values, or another number of
    environments, a group has another name: what is there is trained again.
    """
    found = {os.path.basename(os.path.dirname(os.path.dirname(path))) for path in glob.glob(
        os.path.join(glob.escape(sweep.folder), '*', '*', 'config.json'))}
    return sorted(found - {run.group for run in sweep.runs})


def configs_in(folder):
    """{path: config.json} of the runs that lie in a folder, not deeper; of those that have one."""
    paths = map(os.path.dirname, sorted(
        glob.glob(os.path.join(glob.escape(folder), '*', 'config.json'))))
    found = {path: read_config(path) for path in paths}
    return {path: config for path, config in found.items() if config is not None}


def settings_of(run):
    """The settings of a Run, as config.json has them."""
    return dict(run.kwargs, env=run.env, actor_critic=core.mlp_actor_critic.__name__)


# ------------------------------------------------------------------------------------------------
# One run, in a Ray worker
# ------------------------------------------------------------------------------------------------

def train(run, sweep_folder, owner, origin, command):
    """
    Train a run to its end, from its last checkpoint where there is one.

    Args:
        run (tuple): The fields of a Run.
        sweep_folder, owner (str): Where the sweep is, and what its file `lock` says.
        origin (dict): `provenance()` of the sweep.
        command (list of str): The sweep's, for config.json.

    Returns:
        (outcome, why): 'finished', 'failed', or 'misplaced' where this machine cannot do it.
    """
    run, here = Run(*run), socket.gethostname()
    try:
        with open(os.path.join(sweep_folder, 'lock')) as file:
            shared = file.read() == owner
    except OSError:
        shared = False
    if not shared:
        return 'misplaced', '{} does not see the folder {}, which all nodes must share'.format(
            here, sweep_folder)
    other = difference(origin, made_by())
    if other:
        return 'misplaced', 'on {}, the sweep {}'.format(here, other)

    try:
        os.makedirs(run.folder, exist_ok=True)
        with open(os.path.join(run.folder, OUTPUT), 'a') as output:
            for descriptor in (1, 2):
                os.dup2(output.fileno(), descriptor)
    except OSError as error:
        return 'failed', '{}: {}'.format(run.folder, error.strerror)
    sys.argv = command
    gym.logger.set_level(gym.logger.ERROR)
    with contextlib.redirect_stdout(Screen(sys.stdout)), \
            contextlib.redirect_stderr(Screen(sys.stderr)):     # where the disk is full, none
        print('{}: started on {}, process {}'.format(PROG, here, os.getpid()), flush=True)
        return train_here(run)


def train_here(run):
    """(outcome, why) of `train`, once its checks have passed."""
    try:
        wait_until_left(run.folder)
        with guard.noting_signals():
            ddpg.ddpg(run.env, logger_kwargs=dict(output_dir=run.folder, exp_name=run.group),
                      resume=run.folder if checkpoint.is_in(run.folder) else None,
                      **run.kwargs)
        return 'finished', ''
    except (guard.RunStopped, BadSetting, Locked) as why:
        print('{}: ended: {}'.format(PROG, why), flush=True)
        return 'failed', str(why)
    except Exception as error:          # whatever it is, the sweep goes on
        traceback.print_exc()
        return 'failed', '{}; see {} in {}'.format(described_error(error), OUTPUT, run.folder)


def wait_until_left(folder):
    """Wait until a worker that the sweep has lost has left the folder. Raises files.Locked."""
    path, end = os.path.join(folder, 'checkpoints', 'lock'), time.time() + PATIENCE
    while os.path.exists(path):
        try:
            lock(path).close()
            return
        except Locked:
            if time.time() > end:
                raise
            time.sleep(0.5)


# ------------------------------------------------------------------------------------------------
# Ray
# ------------------------------------------------------------------------------------------------

# Ends what Ray may leave on this machine where the sweep itself is killed: all processes that have
# the folder of its Ray session in their command line or their environment.
REAPER = '''
import glob, os, shutil, signal, sys
folder = sys.argv[1]
sys.stdin.read()                        # ends when the sweep ends, however it does
for process in glob.glob('/proc/[0-9]*'):
    pid = int(os.path.basename(process))
    try:
        text = b''.join(open(os.path.join(process, name), 'rb').read()
                        for name in ('cmdline', 'environ'))
        if folder.encode() in text and pid != os.getpid():
            os.kill(pid, signal.SIGKILL)
    except OSError:                     # it has ended, or is another user's
        pass
shutil.rmtree(folder, ignore_errors=True)
'''


def no_word_of_the_dashboard(record):
    """A filter of logged records. (Ray starts a part of its dashboard whatever it is told.)"""
    return 'dashboard' not in record.getMessage()


def init_ray(**options):
    """
    ray.init, quiet, and without its own handler of SIGTERM, which aborts after 3 s. SIGHUP and
    SIGTERM are blocked in what it starts: a terminal that closes, or `timeout`, sends them to all
    processes at once, but the sweep has to tell the runs, so that they save. Messages that Ray's
    dashboard, for which a sweep has no use, did not start are dropped.
    """
    logging.getLogger('ray._private.services').addFilter(no_word_of_the_dashboard)
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP, signal.SIGTERM})
    try:
        ray.init(log_to_driver=False, configure_logging=False, **options)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.getsignal(number))


@contextlib.contextmanager
def ray_on_this_machine(cpus):
    """Ray on this machine alone, of which nothing is left afterwards."""
    # A short path, as sockets in it need; the number tells whose it is.
    folder = tempfile.mkdtemp(prefix='sweep-{}-'.format(os.getpid()), dir='/tmp')
    reaper = subprocess.Popen([sys.executable, '-c', REAPER, folder], stdin=subprocess.PIPE,
                              start_new_session=True)
    try:
        init_ray(address='local', num_cpus=cpus, include_dashboard=False, _temp_dir=folder,
                 object_store_memory=100 * 2 ** 20)
        yield
    finally:
        node = ray._private.worker.global_worker.node
        if node is not None:
            # They hear no SIGTERM, after which Ray would wait a second for each of them.
            kill = node.kill_all_processes
            node.kill_all_processes = lambda **options: kill(check_alive=False)
        ray.shutdown()
        reaper.stdin.close()
        reaper.wait()


@contextlib.contextmanager
def ray_cluster(address, threads):
    """
    The cluster at an address.

    Raises:
        BadSetting: There is none, this machine is no node of it, or no node has enough cores.
    """
    try:
        if address != 'auto':
            host, _, port = address.rpartition(':')
            socket.create_connection((host, int(port)), timeout=10).close()
            with contextlib.redirect_stderr(io.StringIO()):     # it prints what it raises
                if not ray._raylet.check_health(address, timeout=10):
                    raise OSError('what listens there is not Ray')      # ray.init would wait long
        init_ray(address=address)
    except (OSError, ValueError, OverflowError, RuntimeError) as error:
        raise BadSetting('address', address, 'HOST:PORT of a Ray cluster that this machine is a '
                         'node of, or auto; ' + first_line(error)) from None
    try:
        cores = max(node['Resources'].get('CPU', 0) for node in ray.nodes() if node['Alive'])
        if threads > cores:
            raise BadSetting('threads', threads,
                             'at most {:.0f}, the cores of a node'.format(cores))
        yield
    finally:
        ray.shutdown()


class Stopped(Exception):
    """The sweep ends before its runs do. `exit_code` is what the process should end with."""

    def __init__(self, why, exit_code):
        super().__init__(why)
        self.exit_code = exit_code


def outcome_of(ref):
    """(outcome, why) of a `train` that has ended, by itself or with its worker."""
    try:
        return ray.get(ref)
    except ray.exceptions.RayTaskError as error:        # train() itself could not be loaded
        return 'misplaced', first_line(error.cause)
    except ray.exceptions.LocalRayletDiedError:
        return 'misplaced', "this machine's node of the cluster has died"
    except ray.exceptions.RayError as error:
        return 'failed', first_line(error)


def train_all(sweep, runs, origin, board):
    """
    Train runs, all at a time that Ray has cores for. One that fails is started again.

    Returns:
        {name of the run: why it failed}, of those that were given up.

    Raises:
        Stopped: By a signal, or by a node that cannot work for the sweep. All has saved.
    """
    with open(os.path.join(sweep.folder, 'lock')) as file:
        owner = file.read()
    task = ray.remote(max_calls=1, max_retries=0)(train)
    failures, given_up, pending = Counter(), {}, {}

    def submit(run):
        board.waits(run)
        # On this machine --jobs holds for runs of any number of threads.
        cpus = sweep.threads if sweep.address is None else run.kwargs['threads']
        pending[task.options(num_cpus=cpus, name=run.name).remote(
            tuple(run), sweep.folder, owner, origin, command_words())] = run

    def stop(why, exit_code):
        for ref in pending:
            ray.cancel(ref)             # in a worker that trains, this is a Ctrl-C: it saves
        ray.wait(list(pending), num_returns=len(pending), timeout=PATIENCE)
        raise Stopped(why, exit_code)

    for run in runs:
        submit(run)
    while pending:
        done, _ = ray.wait(list(pending), timeout=1)
        for ref in done:
            run = pending.pop(ref)
            outcome, why = outcome_of(ref)
            if outcome == 'misplaced':
                stop(why, 1)
            if outcome == 'finished':
                board.ends(run, 'finished')
                continue
            failures[run.name] += 1
            if failures[run.name] < sweep.max_failures:
                board.say(run, 'failed, and is started again: ' + why)
                submit(run)
            else:
                board.ends(run, 'failed', 'failed for the last time: ' + why)
                given_up[run.name] = why
        if guard.pending_signal():
            stop('Interrupted by ' + signal.Signals(guard.pending_signal()).name,
                 128 + guard.pending_signal())
        board.show()
    return given_up


# ------------------------------------------------------------------------------------------------
# The command
# ------------------------------------------------------------------------------------------------

@contextlib.contextmanager
def claimed(folder):
    """
    The sweep's folder, made where it is missing, for this process alone.

    Raises:
        BadSetting: Another sweep is at work there, or it cannot be written.
    """
    try:
        with contextlib.suppress(FileExistsError):
            make_folders(folder)
        held = lock(os.path.join(folder, 'lock'))
    except Locked as why:
        raise BadSetting('exp_name', os.path.basename(folder),
                         'a sweep that is not running; {}'.format(why)) from None
    except OSError as error:
        raise BadSetting('data_dir', os.path.dirname(folder),
                         'a folder that can be written; ' + error.strerror) from None
    with held:
        yield


def run_sweep(sweep):
    """
    Train what is not finished, then summarise all.

    Returns:
        {name of a run: why it failed}, of those that were given up.

    Raises:
        BadSetting: A folder holds another run, or the sweep cannot begin.
        Stopped: It ended early.
    """
    from tools import summary       # here: workers draw nothing, and its import takes a second
    origin, name = provenance(), os.path.basename(sweep.folder)
    missing = [run for run in sweep.runs if epochs_done(run, name, origin) < run.kwargs['epochs']]
    if missing:
        check_groups(sweep.runs)
    given_up = {}
    with contextlib.ExitStack() as stack:
        # A cluster may be refused, and must be before the folder is made.
        if missing and sweep.address is not None:
            stack.enter_context(ray_cluster(sweep.address, sweep.threads))
        stack.enter_context(claimed(sweep.folder))
        if missing and sweep.address is None:
            stack.enter_context(ray_on_this_machine(
                min(sweep.jobs, len(sweep.runs)) * sweep.threads))
        print('{} runs in {} groups, of which {} have finished, in {}'.format(
            len(sweep.runs), len({run.group for run in sweep.runs}),
            len(sweep.runs) - len(missing), sweep.folder), flush=True)
        others = groups_beside(sweep)
        if others:
            print('There are also runs of {}, which are not of this sweep.'.format(
                ', '.join(others)), flush=True)
        if missing:
            with Board(sweep.runs) as board:
                given_up = train_all(sweep, missing, origin, board)
        found = summary.read_runs(sweep.folder)
        if found:
            print()
            print('\nWrote {}'.format(', '.join(summary.write(found, sweep.folder))))
    return given_up


def command_words():
    """The command line of this process after `python`, as config.json has it: -m tools.sweep ..."""
    spec = sys.modules['__main__'].__spec__
    return (['-m', spec.name] if spec else sys.argv[:1]) + sys.argv[1:]


def run_command(get_sweep, prog=PROG):
    """
    Run the Sweep that a function returns, and end the process. Exit code 2 for bad input, in one
    line and with nothing written.
    """
    with guard.noting_signals(), ending(prog):
        try:
            given_up = run_sweep(get_sweep())
        except Stopped as end:
            say('{}: {}. The same command goes on.'.format(prog, end))
            sys.exit(end.exit_code)
        for name, why in given_up.items():
            say('{}: error: {} was given up: {}'.format(prog, name, why))
        sys.exit(1 if given_up else 0)


def main(argv=None):
    """The command line."""
    run_command(lambda: parse_args(sys.argv[1:] if argv is None else argv))


if __name__ == '__main__':
    main()
