"""
test_setup.py: tools/setup.sh on machines that lack things, played by stand-ins on the PATH.
"""
import os
import pathlib
import shutil
import subprocess
import tempfile

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
REAL = 'bash sh cat cksum dirname env flock mkdir printf rm sed tail true cp'.split()
PYTHON = '''#!/bin/sh
# Stands in for a Python 3.7: makes environments of itself, and notes what it is asked to install.
case "$*" in
    *sys.executable*) echo "$0" ;;
    '-m venv --clear '*) mkdir -p "$4/bin" && cp "$0" "$4/bin/python" && echo venv >>"$CALLS"
        echo "VIRTUAL_ENV=\\"$(pwd -P)/$4\\"" >"$4/bin/activate" ;;
    '-m pip install --no-deps '*) echo pip >>"$CALLS"; [ ! -e "$FAIL_PIP" ] ;;
    '-m pip uninstall '*) echo uninstall >>"$CALLS" ;;
    *mujoco_py*) echo compile >>"$CALLS" ;;
esac
'''


class Machine:
    """A checkout in a folder, and a PATH of chosen commands."""

    def __init__(self, folder):
        self.root, self.bin = folder / 'checkout', folder / 'bin'
        self.calls, self.fail_pip = folder / 'calls', folder / 'fail_pip'
        for name in ('tools/setup.sh', 'requirements.txt', 'spinningup/setup.py'):
            target = self.root / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(os.path.join(ROOT, name), str(target))
        self.bin.mkdir()
        for name in REAL:
            if shutil.which(name):
                os.symlink(shutil.which(name), str(self.bin / name))
        self.command('uname', '#!/bin/sh\necho Linux x86_64\n')
        self.command('id', '#!/bin/sh\necho 1000\n')
        self.command('gcc', '#!/bin/sh\nexit 0\n')
        self.command('patchelf', '#!/bin/sh\nexit 0\n')

    def command(self, name, text):
        path = self.bin / name
        path.write_text(text)
        path.chmod(0o755)

    def setup(self, user=None, **extra):
        """
        (exit code, output, what the Python was asked for since the last time); as a user without
        rights where its number is given.
        """
        self.calls.write_text('')
        self.calls.chmod(0o666)
        env = dict(PATH=str(self.bin), HOME=str(self.root / 'home'), CALLS=str(self.calls),
                   FAIL_PIP=str(self.fail_pip), **extra)
        done = subprocess.run(['bash', str(self.root / 'tools' / 'setup.sh')], env=env,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              universal_newlines=True,
                              preexec_fn=user and (lambda: os.setuid(user)))
        return done.returncode, done.stdout, self.calls.read_text().split()

    def complete(self):
        return (self.root / '.venv' / 'complete').exists()


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)


def test_without_a_python_that_runs_it_says_what_to_install(machine):
    machine.command('python3.7', '#!/bin/sh\necho "pyenv: python3.7: not found"\nexit 127\n')
    code, out, _ = machine.setup()
    assert code == 2 and out.count('\n') == 1 and 'Python 3.7' in out
    assert all(word in out for word in ('pyenv install', 'uv python install', 'conda create'))
    assert not (machine.root / '.venv').exists()


@pytest.mark.parametrize('place', ['.pyenv/versions/3.7.16', 'miniconda3/envs/py37',
                                   '.local/share/uv/python/cpython-3.7.9-linux'])
def test_it_finds_a_python_off_the_path(machine, place):
    machine.command('python3.7', '#!/bin/sh\nexit 127\n')
    machine.command('found', PYTHON)
    folder = machine.root / 'home' / place / 'bin'
    folder.mkdir(parents=True)
    os.rename(str(machine.bin / 'found'), str(folder / 'python3.7'))
    code, out, calls = machine.setup()
    assert code == 0 and place in out and calls == ['venv', 'pip', 'compile'] and machine.complete()


def test_a_complete_setup_does_nothing_until_its_recipe_changes(machine):
    machine.command('python3', PYTHON)
    assert machine.setup()[2] == ['venv', 'pip', 'compile']
    assert machine.setup() == (0, '', [])
    with (machine.root / 'requirements.txt').open('a') as file:
        file.write('# changed\n')
    assert machine.setup()[2] == ['pip', 'compile']


def test_an_interrupted_setup_goes_on(machine):
    machine.command('python3', PYTHON)
    machine.fail_pip.write_text('')
    code, out, calls = machine.setup()
    assert code == 2 and 'could not install' in out and calls == ['venv', 'pip']
    assert not machine.complete()
    machine.fail_pip.unlink()
    assert machine.setup()[2] == ['pip', 'compile'] and machine.complete()


@pytest.mark.parametrize('how', [shutil.copytree, shutil.move])
def test_elsewhere_a_venv_is_made_anew(machine, how):
    machine.command('python3', PYTHON)
    machine.setup()
    first, machine.root = machine.root, machine.root.parent / 'else where'
    how(str(first), str(machine.root))
    (machine.root / '.venv' / 'bin' / 'pytest').write_text('#!{}/.venv/bin/python'.format(first))
    code, out, calls = machine.setup()
    assert code == 0 and calls == ['venv', 'pip', 'compile']
    assert '.venv was made in {}/.venv, and is made anew here'.format(first) in out
    assert str(machine.root) in (machine.root / '.venv' / 'bin' / 'activate').read_text()
    assert machine.setup() == (0, '', [])


def test_by_another_path_to_the_same_folder_it_is_complete(machine):
    machine.command('python3', PYTHON)
    machine.setup()
    (machine.root.parent / 'link').symlink_to(machine.root)
    machine.root = machine.root.parent / 'link'
    assert machine.setup() == (0, '', [])


@pytest.mark.skipif(os.getuid() != 0, reason='becomes another user')
def test_a_venv_that_one_may_only_read():
    with tempfile.TemporaryDirectory(dir='/var/tmp') as folder:     # pytest's own is closed
        os.chmod(folder, 0o755)
        machine = Machine(pathlib.Path(folder))
        machine.command('python3', PYTHON)
        code, out, calls = machine.setup(user=65534)
        assert (code, calls) == (2, []) and out.count('\n') == 1 and 'cannot be written' in out
        assert not (machine.root / '.venv').exists()
        assert machine.setup()[0] == 0
        assert machine.setup(user=65534) == (0, '', []), 'what is complete can be used'
        with (machine.root / 'requirements.txt').open('a') as file:
            file.write('# changed\n')
        code, out, calls = machine.setup(user=65534)
        assert (code, calls) == (2, []) and out.count('\n') == 1
        assert '{}/.venv is not complete, and .venv cannot be written'.format(machine.root) in out


def test_missing_libraries_without_root_prints_the_command(machine):
    machine.command('python3', PYTHON)
    machine.command('gcc', '#!/bin/sh\nexit 1\n')
    machine.command('apt-get', '#!/bin/sh\necho "apt $1" >>"$CALLS"\n')
    code, out, calls = machine.setup()
    assert code == 2 and 'run: sudo ' in out and 'libosmesa6-dev' in out and calls == ['venv']

    machine.command('sudo', '#!/bin/sh\nshift\nexec "$@"\n')
    code, out, calls = machine.setup()
    assert code == 0, out
    assert calls == ['apt', 'update', 'apt', 'install', 'pip', 'compile']


def test_missing_libraries_with_root_are_installed(machine):
    machine.command('python3', PYTHON)
    (machine.bin / 'patchelf').unlink()
    machine.command('id', '#!/bin/sh\necho 0\n')
    machine.command('apt-get', '#!/bin/sh\necho "apt $1" >>"$CALLS"\n')
    code, out, calls = machine.setup()
    assert code == 0 and calls == ['venv', 'apt', 'update', 'apt', 'install', 'pip', 'compile']


def test_another_tensorflow_replaces_ours_and_stays(machine):
    machine.command('python3', PYTHON)
    machine.setup()
    installed = machine.root / '.venv' / 'requirements.txt'
    assert '\ntensorflow==1.15\n' in installed.read_text()
    intel = dict(TENSORFLOW='intel-tensorflow==1.15.2')
    assert machine.setup(**intel)[2] == ['uninstall', 'pip', 'compile']
    assert machine.setup() == machine.setup(**intel) == machine.setup(TENSORFLOW='') == (0, '', [])
    assert '\nintel-tensorflow==1.15.2\n' in installed.read_text()
    assert '\ntensorflow==1.15\n' not in installed.read_text()
    assert machine.setup(TENSORFLOW='tensorflow==1.15')[2] == ['uninstall', 'pip', 'compile']
    code, out, _ = machine.setup(TENSORFLOW='tensorflow==2.4')
    assert code == 2 and 'TENSORFLOW=tensorflow==2.4: expected' in out
