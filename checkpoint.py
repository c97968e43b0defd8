"""
checkpoint.py: the whole state of a run, to the disk and back, so that a run that was killed can go
on as if nothing had happened. (The policy for players is another thing: tf1_save/.)

    <run folder>/checkpoints/
        checkpoint-<number>.json    what a checkpoint consists of, and all but arrays; it is last
        checkpoint-<number>.npz     its arrays
        replay-<first>-<end>.npz    transitions, each written once, for all later checkpoints
        lock                        held by the process that trains

Each file is written under another name, flushed to the disk, and renamed; its SHA-256 stands in the
file that refers to it. Nothing is ever unpickled.
"""
import fcntl
import hashlib
import io
import json
import os
import platform
import random
import re
import shutil
import socket
import subprocess
import sys
from collections import namedtuple

import gym
import numpy as np

import core                       # before tensorflow, whose greeting it silences
import tensorflow as tf

FORMAT = 1                        # of these files; to be raised with every change
KEPT = 2                          # complete checkpoints at a time
ROWS_PER_FILE = 100000            # at most, so that writing takes little memory
HERE = os.path.dirname(os.path.abspath(__file__))
ALGORITHM = ['core.py', 'noise.py', 'ddpg.py', 'truth.py']      # what a run's bits depend on
# What may differ in config.json between a run's beginning and its going on.
NO_SETTINGS = {'epochs', 'save_freq', 'threads',
               'exp_name', 'command', 'commit', 'code', 'versions', 'processor'}


class Unusable(Exception):
    """A run folder or a checkpoint from which no run can go on. It says why, in one line."""


class Locked(Unusable):
    """Another process trains in the run folder."""


# ------------------------------------------------------------------------------------------------
# The checkpoints of a run folder
# ------------------------------------------------------------------------------------------------

class Checkpoints:
    """
    The checkpoints of a run, and the lock on its folder: held until `close`, or the process's end.

    Args:
        run_folder (str): The run's.
        resume (bool): Whether the run goes on from its last complete checkpoint. If not, what an
            earlier run left in checkpoints/ goes.

    Attributes, with `resume`:
        config (dict): The run's config.json.
        state (dict): What `save` was given.
        ignored (list of str): Why later checkpoints are not the ones used.

    Raises:
        Locked: Another process has the lock.
        Unusable: There is nothing to resume. The folder is as it was, as after Locked.
        OSError: The folder cannot be written.
    """

    def __init__(self, run_folder, resume=False):
        self.run_folder = run_folder
        self.folder = os.path.join(run_folder, 'checkpoints')
        self.complete = []          # (number, first row) of the last KEPT, oldest first
        self.number = 0             # of the last, complete or not
        self.end = 0                # transitions that are in files
        self.last_file = ['', '']   # the last replay file, and its digest
        if not resume:
            os.makedirs(self.folder, exist_ok=True)
            sync_folder(run_folder)
        elif not os.path.isdir(self.folder):
            raise Unusable('it has no folder checkpoints/')
        self.lock = lock(self._path('lock'))
        if resume:
            try:
                self._find_last()
            except BaseException:
                self.close()
                raise
        else:
            self._remove_all_but(())

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()

    def close(self):
        """Release the lock."""
        self.lock.close()

    def _path(self, name):
        return os.path.join(self.folder, name)

    # ---- Writing --------------------------------------------------------------------------------

    def save(self, config, state, replay):
        """
        Write a checkpoint. Of the transitions, only those are written that are in no file yet.

        Args:
            config (dict): As in config.json.
            state (dict): Of dicts, arrays, and what JSON knows.
            replay (ddpg.ReplayBuffer): The transitions.

        Raises:
            OSError: It could not be written; those before are whole, and a later call may succeed.
        """
        for start in range(max(self.end, replay.stored - len(replay)), replay.stored,
                           ROWS_PER_FILE):
            end = min(start + ROWS_PER_FILE, replay.stored)
            name = 'replay-{:012d}-{:012d}.npz'.format(start, end)
            rows = dict(replay.rows(start, end), previous=np.array(self.last_file))
            self.last_file = [name, write_whole(self._path(name), npz(rows))]
            self.end = end

        self.number += 1
        arrays = {}
        tree = without_arrays(state, arrays, 'state')
        first_row = replay.stored - len(replay)
        try:
            digest = write_whole(self._path(name_of(self.number, 'npz')), npz(arrays))
            content = dict(number=self.number, config=config, state=tree, arrays=digest,
                           last_file=self.last_file, first_row=first_row, end=replay.stored)
            write_whole(self._path(name_of(self.number, 'json')), canonical(dict(
                format=FORMAT, sha256=digest_of(canonical(content)), content=content)))
        except OSError:
            self._remove_all_but(self.complete)     # a full disk needs the space
            raise
        self.complete = (self.complete + [(self.number, first_row)])[-KEPT:]
        self._remove_all_but(self.complete)

    def _remove_all_but(self, complete):
        """Remove files that no checkpoint in `complete` needs; those that refer to others first."""
        numbers = [number for number, _ in complete]
        first_row = min([first_row for _, first_row in complete], default=0)
        for name in sorted(os.listdir(self.folder), key=lambda name: not name.endswith('.json')):
            kind, first, end = parsed(name)
            needed = (kind == 'checkpoint' and first in numbers
                      or kind == 'replay' and first < self.end and end > first_row)
            if kind and not needed:
                if os.path.isdir(self._path(name)):
                    shutil.rmtree(self._path(name))
                else:
                    os.remove(self._path(name))

    # ---- Reading --------------------------------------------------------------------------------

    def _find_last(self):
        declared = read_config(self.run_folder)
        origin, digests, self.ignored = made_by(), {}, []
        names = [parsed(name) for name in os.listdir(self.folder)]
        numbers = sorted({number for kind, number, _ in names if kind != 'replay' and number})
        for number in reversed(numbers):
            try:
                content = self._read(number, declared, origin, digests)
            except Unusable as why:
                if not self.complete:
                    self.ignored.append('checkpoint {} {}'.format(number, why))
                continue
            if not self.complete:
                last = content
            self.complete.insert(0, (number, content['first_row']))
        if not self.complete:
            raise Unusable('; '.join(self.ignored) or 'it has no checkpoint')
        self.complete = self.complete[-KEPT:]
        self.number = numbers[-1]
        self.end, self.last_file = last['end'], last['last_file']
        self.config, self._files = last['config'], last['files']
        with np.load(self._path(name_of(last['number'], 'npz'))) as arrays:
            self.state = with_arrays(last['state'], arrays)

    def _read(self, number, declared, origin, digests):
        """A checkpoint's content, with the names of its replay files; or Unusable, saying why."""
        content = read_content(self.folder, number)
        config = content['config']
        if declared is not None:
            for key in sorted(set(config) - NO_SETTINGS):
                if declared.get(key) != config[key]:
                    raise Unusable('is of other settings than config.json: {} {!r}, not {!r}'
                                   .format(key, config[key], declared.get(key)))
        check_origin(config, origin)
        self._verify(name_of(number, 'npz'), content['arrays'], digests)
        files, (name, digest), start = [], content['last_file'], content['end']
        while start > content['first_row']:
            self._verify(name, digest, digests)
            files.append(name)
            _, start, _ = parsed(name)
            with np.load(self._path(name)) as file:
                name, digest = map(str, file['previous'])
        return dict(content, files=files)

    def _verify(self, name, digest, digests):
        """Raises Unusable unless the file `name` has the digest. `digests`: those known so far."""
        try:
            if name not in digests:
                digests[name] = digest_of_file(self._path(name))
        except FileNotFoundError:
            raise Unusable('is incomplete: there is no ' + name) from None
        except OSError as error:
            raise Unusable('cannot be read: {}: {}'.format(name, error.strerror)) from None
        if digests[name] != digest:
            raise Unusable('is damaged: {} does not hold what was written'.format(name))

    def restore(self, replay):
        """Fill `replay` with the checkpoint's transitions."""
        for name in reversed(self._files):      # the oldest first: newer rows may lie over its rows
            _, start, _ = parsed(name)
            with np.load(self._path(name)) as rows:
                replay.put_rows(start, rows)
        replay.stored = self.end

    def drop_ignored(self):
        """Remove what no complete checkpoint needs. The run goes on from the last one."""
        self._remove_all_but(self.complete)


def read_content(folder, number):
    """What the JSON file of a checkpoint holds, by itself. Raises Unusable, saying why."""
    name = name_of(number, 'json')
    try:
        with open(os.path.join(folder, name), encoding='utf-8') as file:
            document = json.load(file)
        known = document['format'] == FORMAT
        content = document['content']
        whole = document['sha256'] == digest_of(canonical(content))
    except FileNotFoundError:
        raise Unusable('is incomplete: there is no ' + name) from None
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        raise Unusable('is damaged: {} cannot be read'.format(name)) from None
    if not known:
        raise Unusable('is of another version: format {!r}, not {}'.format(
            document['format'], FORMAT))
    if not whole or content['number'] != number:
        raise Unusable('is damaged: {} does not hold what was written'.format(name))
    return content


def lock(path):
    """
    Lock the file `path`, for this process; its text says whose the lock is.

    Returns:
        The open file: closing it, or the process's end, releases the lock.

    Raises:
        Locked: Another process has it.
        OSError: The file cannot be written.
    """
    file = open(path, 'a+', errors='replace')
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.seek(0)
        holder = file.read().strip()
        file.close()
        raise Locked('another process is training in it, ' + holder) from None
    file.truncate(0)
    file.write('process {} on {}'.format(os.getpid(), socket.gethostname()))
    file.flush()
    return file


def name_of(number, ending):
    """The name of one of a checkpoint's two files, 'json' or 'npz'; `parsed` reads it."""
    return 'checkpoint-{:06d}.{}'.format(number, ending)


def parsed(name):
    """
    (kind, first number, second number) of a file in checkpoints/; None for what there is not.

    The kind of a file that was not completed is 'partial'; of one that is not ours, None.
    """
    match = re.fullmatch(r'(checkpoint|replay)-(\d+)(?:-(\d+))?\.(?:json|npz)(\.partial)?', name)
    if not match:
        return None, None, None
    kind, first, second, partial = match.groups()
    if partial:
        return 'partial', int(first) if kind == 'checkpoint' else None, None
    return kind, int(first), second and int(second)


# ------------------------------------------------------------------------------------------------
# Files
# ------------------------------------------------------------------------------------------------

def write_whole(path, data):
    """
    Write `data` (bytes) so that at any moment the file is whole, or as it was before.

    Returns:
        The SHA-256 of the data.

    Raises:
        OSError: It could not be written, and is as it was before.
    """
    partial = path + '.partial'
    try:
        with open(partial, 'wb') as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    except OSError:
        if os.path.exists(partial):
            os.remove(partial)
        raise
    sync_folder(os.path.dirname(path))
    return digest_of(data)


def sync_folder(folder):
    """Make the names in a folder last through a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def digest_of(data):
    """The SHA-256 of bytes, in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def digest_of_file(path):
    """The SHA-256 of a file. Raises OSError."""
    digest = hashlib.sha256()
    with open(path, 'rb') as file:
        for chunk in iter(lambda: file.read(1 << 20), b''):
            digest.update(chunk)
    return digest.hexdigest()


def npz(arrays):
    """The bytes of a .npz file of {name: array}."""
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def canonical(value):
    """The bytes of `value` in JSON, the same ones each time."""
    return json.dumps(value, sort_keys=True, separators=(',', ':')).encode()


def without_arrays(tree, arrays, path):
    """`tree` (of dicts) with {'array': path} for each array, which goes to `arrays` by its path."""
    if isinstance(tree, np.ndarray):
        arrays[path] = tree
        return {'array': path}
    if isinstance(tree, dict):
        return {key: without_arrays(value, arrays, path + '/' + key)
                for key, value in tree.items()}
    return tree


def with_arrays(tree, arrays):
    """The tree that `without_arrays` was given."""
    if isinstance(tree, dict):
        if set(tree) == {'array'}:
            return arrays[tree['array']]
        return {key: with_arrays(value, arrays) for key, value in tree.items()}
    return tree


# ------------------------------------------------------------------------------------------------
# The state of what does not know its own
# ------------------------------------------------------------------------------------------------

def generators(env):
    """
    {name: generator of random numbers}: those of an environment, of its wrappers and of their
    spaces, and the global ones of `random` and NumPy.
    """
    found = {'random': random, 'numpy': np.random}
    depth = 0
    while env is not None:
        attributes = {}
        for owner in reversed(type(env).__mro__):
            attributes.update(vars(owner))
        attributes.update(vars(env))
        for name, value in sorted(attributes.items()):
            if isinstance(value, gym.Space):
                name, value = name + '.np_random', value.np_random
            if (isinstance(value, (np.random.RandomState, np.random.Generator, random.Random))
                    and not any(value is known for known in found.values())):
                found['{}.{}'.format(depth, name)] = value
        env, depth = env.env if isinstance(env, gym.Wrapper) else None, depth + 1
    return found


def random_states(env):
    """The states of all `generators` of an environment, for `set_random_states`."""
    states = {}
    for name, generator in generators(env).items():
        if hasattr(generator, 'getstate'):                  # Python's random, and random.Random
            states[name] = generator.getstate()
        elif isinstance(generator, np.random.Generator):
            states[name] = generator.bit_generator.state
        else:
            states[name] = generator.get_state(legacy=False)
    return states


def set_random_states(env, states):
    """
    Set all `generators` of an environment.

    Raises:
        Unusable: It has others than those in `states`.
    """
    if set(generators(env)) != set(states):
        env.reset()             # some environments make theirs only then
    found = generators(env)
    if set(found) != set(states):
        raise Unusable('the environment has other random generators: {}, not {}'.format(
            ', '.join(sorted(found)), ', '.join(sorted(states))))
    for name, generator in found.items():
        if hasattr(generator, 'setstate'):
            version, words, gauss = states[name]
            generator.setstate((version, tuple(words), gauss))
        elif isinstance(generator, np.random.Generator):
            generator.bit_generator.state = states[name]
        else:
            generator.set_state(states[name])


class RecordedEnv(gym.Wrapper):
    """
    An environment that can be brought back to where it is, in the middle of an episode.

    No environment can save itself in general, so this one remembers its random states before the
    last reset and the actions since: they are played again. That is exact where an episode depends
    on nothing but these states (see `generators`) and actions, as in MuJoCo, and is checked.
    """

    def reset(self):
        self.at_reset, self.actions = random_states(self.env), []
        self.observation = self.env.reset()
        return self.observation

    def step(self, a):
        self.actions.append(np.array(a))
        returned = self.env.step(a)
        self.observation = returned[0]
        return returned

    def get_state(self):
        """For `set_state`."""
        return dict(at_reset=self.at_reset, actions=np.array(self.actions),
                    observation=self.observation, now=random_states(self.env))

    def set_state(self, state):
        """
        Play an episode again, up to where it was.

        Raises:
            Unusable: That leads to another observation, or there are other random generators.
        """
        set_random_states(self.env, state['at_reset'])
        self.reset()
        for a in state['actions']:
            self.step(a)
        set_random_states(self.env, state['now'])
        if not np.array_equal(self.observation, state['observation']):
            raise Unusable(
                'its environment does not repeat: the {} actions of the running episode lead to '
                'another observation, {} instead of {}'.format(len(state['actions']), *(
                    ' '.join(map(str, o[:4])) for o in (self.observation, state['observation']))))


class Parts(namedtuple('Parts', ['sess', 'variables', 'replay', 'noise', 'env', 'test_env'])):
    """
    What changes as a run goes on, apart from its logger and its loop's own variables.

    sess (tf.Session) and all its variables (list of tf.Variable), replay (ddpg.ReplayBuffer), noise
    (of noise.py), env (RecordedEnv), test_env (gym.Env; between two episodes).
    """

    def get_state(self):
        """For `set_state`: all but the transitions."""
        names = [v.op.name for v in self.variables]
        return dict(
            weights=dict(zip(names, map(np.asarray, self.sess.run(self.variables)))),
            replay=self.replay.rng.get_state(legacy=False), noise=self.noise.get_state(),
            env=self.env.get_state(), test_env=random_states(self.test_env))

    def set_state(self, state):
        """Raises Unusable where the environment cannot be brought back."""
        self.env.set_state(state['env'])
        set_random_states(self.test_env, state['test_env'])
        self.noise.set_state(state['noise'])
        self.replay.rng.set_state(state['replay'])
        self.sess.run([v.initializer for v in self.variables], {
            v.initializer.inputs[1]: state['weights'][v.op.name] for v in self.variables})


def log_state(logger):
    """
    The table so far, and what an EpochLogger holds for the current epoch, for `set_log_state`.

    Raises:
        OSError: A row of the table is not on the disk.
    """
    logger.output_file.flush()
    os.fsync(logger.output_file.fileno())
    with open(logger.output_file.name) as file:
        return dict(table=file.read(), pending={
            key: np.array(values) for key, values in logger.epoch_dict.items() if values})


def set_log_state(logger, state):
    """Bring a new EpochLogger to `state`; its file, too."""
    logger.output_file.write(state['table'])
    logger.output_file.flush()
    if state['table']:
        logger.first_row = False
        logger.log_headers = state['table'].split('\n')[0].split('\t')
    logger.epoch_dict.update((key, list(values)) for key, values in state['pending'].items())


def is_in(run_folder):
    """Whether a run has a checkpoint."""
    return bool(numbers_in(run_folder))


def numbers_in(run_folder):
    """The numbers of a run's checkpoints that have their JSON file, in order."""
    folder = os.path.join(run_folder, 'checkpoints')
    names = os.listdir(folder) if os.path.isdir(folder) else ()
    return sorted(parsed(name)[1] for name in names
                  if parsed(name)[0] == 'checkpoint' and name.endswith('.json'))


def newest(run_folder):
    """
    (config, epochs done) of a run, by the newest checkpoint whose JSON file is whole; or None.

    That is quick: whether the other files are whole is seen when the run is resumed.
    """
    for number in reversed(numbers_in(run_folder)):
        try:
            content = read_content(os.path.join(run_folder, 'checkpoints'), number)
        except Unusable:
            continue
        return content['config'], content['state']['epochs_done']
    return None


def read_config(run_folder):
    """config.json of a run, or None where it is lost or damaged (a checkpoint has it, too)."""
    try:
        with open(os.path.join(run_folder, 'config.json'), encoding='utf-8') as file:
            return dict(json.load(file))
    except (OSError, ValueError, TypeError):
        return None


def made_by():
    """The code of the algorithm, by its digest, and the versions that a run's bits depend on."""
    versions = dict(python=platform.python_version(), tensorflow=tf.__version__,
                    numpy=np.__version__, gym=gym.__version__)
    if 'mujoco_py' in sys.modules:
        versions['mujoco_py'] = sys.modules['mujoco_py'].__version__
    code = hashlib.sha256()
    for name in ALGORITHM:
        with open(os.path.join(HERE, name), 'rb') as file:
            code.update(file.read())
    return dict(code=code.hexdigest(), versions=versions)


def check_origin(config, origin):
    """
    Raises Unusable where what `config` (config.json) is of differs from `origin` (`made_by`).
    """
    # What is not imported yet has no version here; what the run did not import, none there.
    now, then = origin['versions'], config['versions']
    other = sorted(name for name in set(now) & set(then) if now[name] != then[name])
    if other:
        raise Unusable('is of other versions: ' + ', '.join(
            '{} {}, not {}'.format(name, then[name], now[name]) for name in other))
    if config['code'] != origin['code']:
        raise Unusable('is of other code: {} of commit {}'.format(
            ', '.join(ALGORITHM), config['commit']))


def processor():
    """
    The processor: 'AMD EPYC, family 25, model 1, 32K L1d, avx2', for example.

    A run's bits depend on it, by its model, its first data cache, and its widest vectors: see
    bench/processor.py.
    """
    with open('/proc/cpuinfo') as file:
        said = dict(re.findall(r'^([\w ]+?)\s*: (.*)$', file.read(), re.MULTILINE))
    try:
        with open('/sys/devices/system/cpu/cpu0/cache/index0/size') as file:
            first_cache = file.read().strip()
    except OSError:
        first_cache = '?'
    flags = said.get('flags', '').split()
    return ', '.join([
        said.get('model name', platform.machine()), 'family ' + said.get('cpu family', '?'),
        'model ' + said.get('model', '?'), first_cache + ' L1d',
        next((vectors for vectors in ('avx512f', 'avx2', 'avx') if vectors in flags), 'no avx')])


def provenance():
    """
    What config.json says of a run's origin: command, commit, code of the algorithm, versions, and
    the processor that it began on.
    """
    git = subprocess.run(['git', 'describe', '--always', '--dirty', '--abbrev=40', '--exclude=*'],
                         cwd=HERE, universal_newlines=True, stdout=subprocess.PIPE,
                         stderr=subprocess.DEVNULL)
    return dict(made_by(), command=' '.join(sys.argv), commit=git.stdout.strip() or None,
                processor=processor())
