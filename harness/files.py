"""
files.py: files that are whole or as they were before, locks, a run's config.json and table, and the
machine's memory and processor.
"""
import contextlib
import fcntl
import hashlib
import io
import json
import os
import re
import socket


class Locked(Exception):
    """Another process has the lock. It says which, in one line."""


class Unreadable(Exception):
    """A file that a run should have, and that cannot be used. It says why, in one line."""


# ------------------------------------------------------------------------------------------------
# Writing
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
    sync_folder(os.path.dirname(os.path.abspath(path)))
    return digest_of(data)


def make_folders(folder):
    """
    Make a folder, and those above it that are missing.

    Raises:
        OSError: It could not be made, or is there already. Nothing is left of those above it.
    """
    missing, path = [], os.path.abspath(folder)
    while not os.path.lexists(path):
        missing.append(path)
        path = os.path.dirname(path)
    try:
        os.makedirs(folder)
    except FileExistsError:         # another process made it in the meantime: it may be at work
        raise
    except OSError:
        for made in missing:
            with contextlib.suppress(OSError):
                os.rmdir(made)
        raise


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


def lock(path, signed=True):
    """
    Lock the file `path`, for this process; its text says whose the lock is.

    Args:
        path (str): The file; it is made where it is missing.
        signed (bool): Whether that text is written. If not, the file stays as it was, until `sign`.

    Returns:
        The open file: closing it, or the process's end, releases the lock.

    Raises:
        Locked: Another process has it.
        OSError: The file cannot be written, or not be locked.
    """
    file = open(path, 'a+', errors='replace')
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.seek(0)
        holder = file.read().strip()
        file.close()
        raise Locked('another process is training in it, ' + holder) from None
    except OSError:             # a file system without locks
        file.close()
        raise
    if signed:
        sign(file)
    return file


def sign(file):
    """Write into a file that `lock` gave whose the lock is."""
    file.truncate(0)
    file.write('process {} on {}'.format(os.getpid(), socket.gethostname()))
    file.flush()


# ------------------------------------------------------------------------------------------------
# What a run leaves
# ------------------------------------------------------------------------------------------------

def no_folder(path):
    """Why a path is no folder, in words; or '', where it is one."""
    if os.path.isdir(path):
        return ''
    return 'it is no folder' if os.path.exists(path) else 'there is no such folder'


def read_config(run_folder):
    """config.json of a run, a dict; None where it is lost or damaged (a checkpoint has it, too)."""
    try:
        with open(os.path.join(run_folder, 'config.json'), encoding='utf-8') as file:
            config = json.load(file)
    except (OSError, ValueError, RecursionError):
        return None
    return config if isinstance(config, dict) else None


def read_table(run_folder):
    """
    progress.txt of a run: its complete rows, each number the very one that was written (pandas's
    own default may be a bit beside it).

    Returns:
        pandas.DataFrame

    Raises:
        Unreadable: There is none, or it is no table, or has no complete row.
    """
    import pandas as pd                 # a third of a second, which training does without
    try:
        with open(os.path.join(run_folder, 'progress.txt'), encoding='utf-8') as file:
            text = file.read()
        # Of rows that end in a tab, the first column is no index.
        table = pd.read_csv(io.StringIO(text[:text.rfind('\n') + 1]), sep='\t', index_col=False,
                            float_precision='round_trip')
    except (OSError, ValueError) as error:      # pandas's own errors are ValueErrors, too
        raise Unreadable('progress.txt cannot be read: {}'.format(
            getattr(error, 'strerror', None) or str(error).split('\n')[0])) from None
    if not len(table):
        raise Unreadable('progress.txt has no row')
    return table


def memory_available():
    """Bytes of memory that a new process can have, by the machine and its container."""
    def number(path, pattern=r'^(\d+)$'):
        try:
            with open(path) as file:
                return int(re.search(pattern, file.read(), re.MULTILINE)[1])
        except (OSError, TypeError):        # there is none, or it says "max"
            return None

    found = [1024 * number('/proc/meminfo', r'^MemAvailable: *(\d+) kB')]
    for folder, limit, used, files in (
            ('/sys/fs/cgroup/', 'memory.max', 'memory.current', 'inactive_file'),
            ('/sys/fs/cgroup/memory/', 'memory.limit_in_bytes', 'memory.usage_in_bytes',
             'total_inactive_file')):
        limit, used = number(folder + limit), number(folder + used)
        if limit is not None and used is not None:      # what is used has the files' cache in it
            cache = number(folder + 'memory.stat', r'^{} (\d+)$'.format(files)) or 0
            found.append(limit - used + cache)
    return min(found)


def cpuinfo():
    """What /proc/cpuinfo says of the first processor: {name: text}."""
    with open('/proc/cpuinfo') as file:
        return dict(re.findall(r'^([\w ]+?)\s*: (.*)$', file.read().split('\n\n')[0], re.MULTILINE))
