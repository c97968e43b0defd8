"""
origin.py: where a run comes from: the code, the versions, the commit, and the processor that its
bits depend on.
"""
import hashlib
import os
import platform
import re
import shlex
import subprocess
import sys

import gym
import numpy as np

from harness.files import cpuinfo

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
# What a run's bits depend on.
ALGORITHM = ['core.py', 'noise.py', 'ddpg.py'] + [
    'harness/{}.py'.format(name) for name in (
        'agent', 'envs', 'quiet_tf', 'recorded', 'run', 'table', 'truth')]
# The keys of config.json that are no settings: they may differ between a run's beginning and its
# going on.
KEYS = {'command', 'commit', 'code', 'versions', 'processor'}


def made_by():
    """The code of the algorithm, by its digest, and the versions that a run's bits depend on."""
    from harness.quiet_tf import tf         # here: what only reads config.json does without
    versions = dict(python=platform.python_version(), tensorflow=tf.__version__,
                    numpy=np.__version__, gym=gym.__version__)
    if 'mujoco_py' in sys.modules:
        versions['mujoco_py'] = sys.modules['mujoco_py'].__version__
    code = hashlib.sha256()
    for name in ALGORITHM:
        with open(os.path.join(HERE, name), 'rb') as file:
            code.update(file.read())
    return dict(code=code.hexdigest(), versions=versions)


def difference(config, origin):
    """
    How what `config` (config.json) is of differs from `origin` (`made_by`), in words; '' where it
    does not.
    """
    # What is not imported yet has no version here; what the run did not import, none there.
    now, then = origin['versions'], config['versions']
    other = sorted(name for name in set(now) & set(then) if now[name] != then[name])
    if other:
        return 'is of other versions: ' + ', '.join(
            '{} {}, not {}'.format(name, then[name], now[name]) for name in other)
    if config['code'] != origin['code']:
        commit = str(config['commit'])
        return 'is of other code, that of commit {}{}: one or more of {} differ'.format(
            commit, ' (and of changes to it)' if commit.endswith('-dirty') else '',
            ', '.join(ALGORITHM))
    return ''


def processor():
    """
    The processor: 'AMD EPYC, family 25, model 1, 32K L1d, avx2', for example.

    A run's bits depend on it, by its model, its first data cache, and its widest vectors: see
    tools/bench/processor.py.
    """
    said = cpuinfo()
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


def commit():
    """The commit of the code, with '-dirty' where it was changed since; None where git is not."""
    try:
        git = subprocess.run(
            ['git', 'status', '--porcelain=v2', '--branch', '--untracked-files=no'], cwd=HERE,
            # git would write down what it saw, and hold a lock for that.
            env=dict(os.environ, GIT_OPTIONAL_LOCKS='0'),
            universal_newlines=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    except OSError:
        return None
    head = re.search('^# branch.oid ([0-9a-f]{40,})$', git.stdout, re.MULTILINE)
    changed = re.search('^[^#]', git.stdout, re.MULTILINE)
    return head and head.group(1) + ('-dirty' if changed else '')


def provenance():
    """
    What config.json says of a run's origin: command, commit, code of the algorithm, versions, and
    the processor that it began on.
    """
    return dict(made_by(), command=' '.join(map(shlex.quote, sys.argv)), commit=commit(),
                processor=processor())
