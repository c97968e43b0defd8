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
import contextlib
import io
import json
import os
import re
import shutil

import numpy as np

from harness.files import (Locked, digest_of, digest_of_file, lock, make_folders, no_folder,
                           read_config, sign, sync_folder, write_whole)
from harness.origin import difference, made_by
from harness.settings import MAY_CHANGE

FORMAT = 3                        # of these files; to be raised with every change
KEPT = 2                          # complete checkpoints at a time
ROWS_PER_FILE = 100000            # at most, so that writing takes little memory
COLUMNS = ('x', 'a', 'r', 'x2', 'd')        # of the replay buffer
# Keys in JSON: {ARRAY: path} stands for an array; with SCALAR beside it, for a NumPy scalar.
ARRAY, SCALAR = '.npz', 'scalar'


class Unusable(Exception):
    """A run folder or a checkpoint from which no run can go on. It says why, in one line."""


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
        Unusable: Another process trains there, or there is nothing to resume. The folder is as it
            was.
        OSError: The folder cannot be written.
    """

    def __init__(self, run_folder, resume=False):
        self.run_folder = run_folder
        self.folder = os.path.join(run_folder, 'checkpoints')
        self.complete = []          # (number, first row) of the last KEPT, oldest first
        self.number = 0             # of the last, complete or not
        self.end = 0                # transitions that are in files
        self.row_files = []         # the names of these files
        self.last_file = ['', '']   # the last replay file, and its digest
        if not resume:
            with contextlib.suppress(FileExistsError):
                make_folders(self.folder)
            sync_folder(run_folder)
        elif no_folder(run_folder):
            raise Unusable(no_folder(run_folder))
        elif not os.path.isdir(self.folder):
            raise Unusable('it has no folder checkpoints/')
        elif not any(map(number_of, os.listdir(self.folder))):
            raise Unusable('it has no checkpoint')
        # Until `go_on` nothing may change: the lock's text stays, and `close` removes a new lock.
        self.lock_is_new = resume and not os.path.exists(self._path('lock'))
        try:
            self.lock = lock(self._path('lock'), signed=not resume)
        except Locked as why:
            raise Unusable(str(why)) from None
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
        if self.lock_is_new:
            os.remove(self._path('lock'))
            self.lock_is_new = False
        self.lock.close()

    def _path(self, name):
        return os.path.join(self.folder, name)

    # ---- Writing --------------------------------------------------------------------------------

    def save(self, config, state, replay):
        """
        Write a checkpoint, after `claim`. Of the transitions, only those are written that are in no
        file yet.

        Args:
            config (dict): As in config.json.
            state (dict): Of dicts, arrays, and what JSON knows.
            replay (ddpg.ReplayBuffer): The transitions: the arrays COLUMNS, of which the row
                `number % max_size` has the transition of this number, counted from the first ever;
                `stored`, how many ever came, and its length.

        Raises:
            OSError: It could not be written; those before are whole, and a later call may succeed.
        """
        first_row = replay.stored - len(replay)
        there = os.listdir(self.folder)
        known = [name for name in self.row_files if name in there]
        if any(parsed(name)[2] > first_row for name in set(self.row_files) - set(known)):
            self.end, self.last_file = 0, ['', '']      # someone has removed one: all rows anew
        self.row_files = known
        self.number += 1
        arrays = {}
        tree = without_arrays(state, arrays, 'state')
        try:
            for start in range(max(self.end, first_row), replay.stored, ROWS_PER_FILE):
                end = min(start + ROWS_PER_FILE, replay.stored)
                name = 'replay-{:012d}-{:012d}.npz'.format(start, end)
                at = np.arange(start, end) % replay.max_size
                rows = {column: getattr(replay, column)[at] for column in COLUMNS}
                self.last_file = [name, write_whole(self._path(name), npz(
                    dict(rows, previous=np.array(self.last_file))))]
                self.row_files.append(name)
                self.end = end
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

    def claim(self):
        """
        Make checkpoints/ again where it was removed, and lock it again where the lock was.

        Raises:
            OSError: The run folder is gone, or another process trains in it.
        """
        if not os.path.isdir(self.folder):
            os.mkdir(self.folder)
            sync_folder(self.run_folder)
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.stat(self._path('lock')), os.fstat(self.lock.fileno())):
                return
        try:
            again = lock(self._path('lock'))
        except Locked as why:
            raise OSError(str(why)) from None
        self.lock.close()
        self.lock = again

    def _remove_all_but(self, complete):
        """Remove files that no checkpoint in `complete` needs; those that refer to others first."""
        numbers = [number for number, _ in complete]
        first_row = min([first_row for _, first_row in complete], default=0)
        for name in sorted(os.listdir(self.folder), key=lambda name: not name.endswith('.json')):
            kind, first, end = parsed(name)
            needed = (kind == 'checkpoint' and first in numbers
                      or name in self.row_files and end > first_row)
            if kind and not needed:
                if name in self.row_files:
                    self.row_files.remove(name)
                if os.path.isdir(self._path(name)):
                    shutil.rmtree(self._path(name))
                else:
                    os.remove(self._path(name))

    # ---- Reading --------------------------------------------------------------------------------

    def _find_last(self):
        declared = read_config(self.run_folder)
        origin, digests, self.ignored = made_by(), {}, []
        numbers = sorted(set(map(number_of, os.listdir(self.folder))) - {None})
        usable, reasons = [], set()         # contents, the newest first; why not the ones before
        for number in reversed(numbers):
            try:
                usable.append(self._read(number, declared, origin, digests))
            except Unusable as why:
                if not usable and str(why) not in reasons:
                    reasons.add(str(why))
                    self.ignored.append('checkpoint {} {}'.format(number, why))
        if not usable:
            raise Unusable('; '.join(self.ignored) or 'it has no checkpoint')
        last = usable[0]
        self.complete = [(each['number'], each['first_row']) for each in reversed(usable[:KEPT])]
        self.number = numbers[-1]
        self.end, self.last_file = last['end'], last['last_file']
        self.row_files = sorted({name for each in usable[:KEPT] for name in each['files']})
        self.config, self._files = dict(last['config']), last['files']
        if isinstance((declared or {}).get('exp_name'), str):       # it may be changed there
            self.config['exp_name'] = declared['exp_name']
        with np.load(self._path(name_of(last['number'], 'npz'))) as arrays:
            self.state = with_arrays(last['state'], arrays)

    def _read(self, number, declared, origin, digests):
        """A checkpoint's content, with the names of its replay files; or Unusable, saying why."""
        content = read_content(self.folder, number)
        config = content['config']
        if declared is not None:
            for key in sorted(set(config) - MAY_CHANGE):
                if declared.get(key) != config[key]:
                    raise Unusable('is of other settings than config.json: {} {!r}, not {!r}'
                                   .format(key, config[key], declared.get(key)))
        other = difference(config, origin)
        if other:
            raise Unusable(other)
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
            _, start, end = parsed(name)
            at = np.arange(start, end) % replay.max_size
            with np.load(self._path(name)) as rows:
                for column in COLUMNS:
                    getattr(replay, column)[at] = rows[column]
        replay.stored = self.end

    def go_on(self):
        """The run goes on from the last one: what no complete checkpoint needs is removed."""
        sign(self.lock)
        self.lock_is_new = False
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


def number_of(name):
    """The number of the checkpoint, complete or not, that a file in checkpoints/ is of; or None."""
    kind, number, _ = parsed(name)
    return None if kind == 'replay' else number


# ------------------------------------------------------------------------------------------------
# Bytes
# ------------------------------------------------------------------------------------------------

def npz(arrays):
    """The bytes of a .npz file of {name: array}."""
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def canonical(value):
    """The bytes of `value` in JSON, the same ones each time."""
    return json.dumps(value, sort_keys=True, separators=(',', ':')).encode()


def without_arrays(tree, arrays, path):
    """
    `tree` (nested dicts) with {ARRAY: path} in place of each array, which becomes arrays[path]; a
    NumPy scalar has SCALAR beside it.

    Raises:
        TypeError: It could not be read back the same: a key is no text, an array holds objects.
    """
    if isinstance(tree, np.generic):
        return dict(without_arrays(np.asarray(tree), arrays, path), **{SCALAR: True})
    if isinstance(tree, np.ndarray):
        if tree.dtype.hasobject or path in arrays:
            raise TypeError('{}: expected an array of numbers, of a name of its own'.format(path))
        arrays[path] = tree
        return {ARRAY: path}
    if isinstance(tree, dict):
        if not all(isinstance(key, str) for key in tree) or ARRAY in tree:
            raise TypeError('{}: expected keys of text, other than {}'.format(path, ARRAY))
        return {key: without_arrays(value, arrays, path + '/' + key)
                for key, value in tree.items()}
    return tree


def with_arrays(tree, arrays):
    """The tree that `without_arrays` was given."""
    if isinstance(tree, dict):
        if ARRAY in tree:
            array = arrays[tree[ARRAY]]
            return array[()] if SCALAR in tree else array
        return {key: with_arrays(value, arrays) for key, value in tree.items()}
    return tree


def as_read(tree):
    """What becomes of a tree that is saved. Raises TypeError or ValueError where it cannot be."""
    arrays = {}
    text = canonical(without_arrays(tree, arrays, 'state'))
    return with_arrays(json.loads(text.decode()), arrays)


# ------------------------------------------------------------------------------------------------
# What a run folder holds
# ------------------------------------------------------------------------------------------------

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
