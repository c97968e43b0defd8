"""
clusters.py: sweeps as processes, and clusters of Ray on this machine whose nodes can be killed: for
sweeps.py beside it, and for the tests.
"""
import contextlib
import glob
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

from harness.origin import HERE
from tools.bench.trials import wait_for
from tools.board import OUTPUT

STARTED = []            # processes that were started here; each leads a session of its own


def start(*words, **env):
    """`python -m tools.sweep words` as a process with pipes, that heeds Ctrl-C and SIGHUP."""
    def as_in_a_terminal():
        for number in (signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)

    process = subprocess.Popen(
        [sys.executable, '-m', 'tools.sweep'] + list(map(str, words)), cwd=HERE,
        env=dict(os.environ, **env), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        universal_newlines=True, start_new_session=True,
        preexec_fn=as_in_a_terminal)
    STARTED.append(process.pid)
    return process


def finish(process, code=0):
    """Wait for the end, and see that nothing stays behind; what it printed, with the exit code."""
    out, err = process.communicate(timeout=300)
    assert process.returncode == code, (process.returncode, out, err)
    assert_nothing_stays()
    return out, err


def running():
    """The processes of this machine."""
    return [int(name) for name in os.listdir('/proc') if name.isdigit()]


def of_sessions(leaders):
    """The processes of the sessions that `leaders` (a list of processes) lead."""
    found = []
    for pid in running():
        with contextlib.suppress(ProcessLookupError):
            if os.getsid(pid) in leaders:
                found.append(pid)
    return found


def left_behind():
    """
    What there is of the sweeps and nodes that were started here: other sweeps on this machine may
    come and go.

    Returns:
        {process: its command line}, {folder of a sweep in /tmp: ''}
    """
    folder = '/tmp/sweep-({})-'.format('|'.join(map(str, [os.getpid()] + STARTED)))
    found = {path: '' for path in glob.glob('/tmp/sweep-*') if re.match(folder, path)}
    ours = of_sessions(STARTED)
    for pid in running():
        with contextlib.suppress(OSError):
            with open('/proc/{}/cmdline'.format(pid), 'rb') as file:
                text = file.read().replace(b'\0', b' ').decode(errors='replace')
            if text and (pid in ours or re.search(folder, text)):
                found[pid] = text
    return found


def assert_nothing_stays(seconds=15):
    """Nothing that was started here is left."""
    end = time.time() + seconds
    while left_behind():
        assert time.time() < end, left_behind()
        time.sleep(0.2)


def run_folder(data_dir, name):
    """The folder of a run by its name, below a data folder."""
    folder, = glob.glob(os.path.join(str(data_dir), '*', '*', name))
    return folder


def output_of(data_dir, name):
    """What a run has printed so far."""
    with open(os.path.join(run_folder(data_dir, name), OUTPUT)) as output:
        return output.read()


def where(data_dir, name):
    """The processes that a run was started in, by its output."""
    return [int(pid) for pid in re.findall(r'started on .*, process (\d+)',
                                           output_of(data_dir, name))]


class Cluster:
    """
    A real Ray cluster on this machine: a `ray start` per node.

    Args:
        nodes (tuples): (cores, IP address), and what goes before its command where that is not to
            run just here: a list of words, in which FOLDER stands for where Ray's own files are.
            The first is the head. Of nodes that share FOLDER, this process belongs to the last.
    """

    def __init__(self, *nodes):
        with socket.socket() as free:
            free.bind(('', 0))
            self.address = '{}:{}'.format(nodes[0][1], free.getsockname()[1])
        self.folder, self.nodes = tempfile.mkdtemp(prefix='ray-', dir='/tmp'), []
        try:
            for node in nodes:
                self._add(*node)
        except BaseException:
            self.__exit__()
            raise

    def _add(self, cores, ip, before=()):
        """Start another node. Its processes are a session of their own."""
        words = [self.folder if word == 'FOLDER' else word for word in before] + [
            os.path.join(os.path.dirname(sys.executable), 'ray'), 'start', '--block',
            '--num-cpus={}'.format(cores), '--node-ip-address=' + ip, '--disable-usage-stats',
            '--object-store-memory=100000000']
        words += ['--address=' + self.address] if self.nodes else [
            '--head', '--port=' + self.address.split(':')[1], '--include-dashboard=false',
            '--temp-dir=' + self.folder]
        node = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                universal_newlines=True, start_new_session=True)
        self.nodes.append(node)
        STARTED.append(node.pid)
        wait_for(node, 'Ray runtime started')

    def kill(self, number):
        """SIGKILL a node: its raylet, its agents, and its workers, at once."""
        for pid in self.processes(number):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.nodes[number].wait()

    def processes(self, number):
        """The processes of a node: all of its session."""
        return of_sessions([self.nodes[number].pid])

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        for number in reversed(range(len(self.nodes))):
            self.kill(number)
        shutil.rmtree(self.folder, ignore_errors=True)
        assert_nothing_stays()
