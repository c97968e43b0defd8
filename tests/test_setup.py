"""
test_setup.py: tools/setup.sh on machines that lack things, played by stand-ins on the PATH.
"""
import io
import os
import pathlib
import re
import shutil
import signal
import struct
import subprocess
import sys
import tarfile
import tempfile
import zipfile

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
REAL = 'bash sh cat cksum dirname env flock mkdir printf rm sed setsid tail true cp'.split()
PYTHON = '''#!/bin/sh
# Stands in for a Python 3.7: makes environments of itself, and notes what it is asked to install.
case "$*" in
    *sys.executable*) echo "$0" ;;
    '-m venv --clear '*) mkdir -p "$4/bin" && cp "$0" "$4/bin/python" && echo venv >>"$CALLS"
        echo "VIRTUAL_ENV=\\"$(pwd -P)/$4\\"" >"$4/bin/activate" ;;
    '-m pip install --no-deps --no-compile '*tensorflow==*) [ ! -e "$FAIL_TENSORFLOW" ] ;;
    '-m pip install --no-deps '*) echo pip >>"$CALLS"; [ ! -e "$FAIL_PIP" ] ;;
    '-m pip uninstall '*) echo uninstall >>"$CALLS" ;;
    *mujoco_py*) [ "$CC, $LDSHARED" = 'gcc, gcc -shared' ] && echo compile >>"$CALLS" ;;
esac
'''
LATER = '''#!/bin/sh
# Stands in for a later Python: makes environments of itself, and installs the file $UV as uv.
case "$*" in
    *'== (3, 7)'*) exit 1 ;;
    *sys.executable*) echo "$0" ;;
    '-m venv '*) mkdir -p "$3/bin" && cp "$0" "$3/bin/python" ;;
    '-m pip install '*' uv=='*) echo uv >>"$CALLS"; cp "$UV" "${0%/*}/uv" ;;
esac
'''
# What uv 0.6.17 asks a mirror for.
ARCHIVE = '20200822/cpython-3.7.9-x86_64-unknown-linux-gnu-pgo-20200823T0036.tar.zst'


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
                              universal_newlines=True, start_new_session=True,
                              preexec_fn=user and (lambda: os.setuid(user)))
        return done.returncode, done.stdout, self.calls.read_text().split()

    def complete(self):
        return (self.root / '.venv' / 'complete').exists()


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)


def advises(line):
    return line.startswith('setup: error: no Python 3.7') and all(
        word in line for word in ('pyenv install', ' python install 3.7', 'conda create'))


def test_without_a_python_that_runs_it_says_what_to_install(machine):
    machine.command('python3.7', '#!/bin/sh\necho "pyenv: python3.7: not found"\nexit 127\n')
    code, out, _ = machine.setup()
    assert code == 2 and out.count('\n') == 1 and advises(out) and 'Python 3.8 or later' in out
    assert not (machine.root / '.venv').exists() and not (machine.root / '.python').exists()


def test_another_system_is_told_before_what_it_may_lack(machine):
    machine.command('uname', '#!/bin/sh\necho Darwin arm64\n')
    (machine.bin / 'flock').unlink()
    code, out, _ = machine.setup()
    assert code == 2 and 'made for Linux on x86_64; this is Darwin arm64' in out


@pytest.fixture(scope='module')
def uv(tmp_path_factory):
    """The uv that set-up installs, from PyPI."""
    folder = tmp_path_factory.mktemp('uv')
    with open(os.path.join(ROOT, 'tools', 'setup.sh')) as file:
        version, = re.findall(r'^uv=([\d.]+)', file.read(), re.MULTILINE)
    done = subprocess.run(
        [sys.executable, '-m', 'pip', 'download', '-q', '--no-deps', '--only-binary=:all:',
         '--python-version=3.8', '-d', str(folder), 'uv==' + version],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True)
    if done.returncode:
        pytest.skip('no uv from PyPI: ' + done.stdout)
    wheel, = folder.glob('*.whl')
    with zipfile.ZipFile(str(wheel)) as archive:
        name, = [name for name in archive.namelist() if name.endswith('/scripts/uv')]
        (folder / 'uv').write_bytes(archive.read(name))
    (folder / 'uv').chmod(0o755)
    return str(folder / 'uv')


def mirror(folder, python):
    """A URL for UV_PYTHON_INSTALL_MIRROR, of an archive whose python3.7 is a text."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode='w') as archive:
        for name, text in (
                ('bin/python3.7', python),
                ('lib/python3.7/_sysconfigdata_m_linux_x86_64-linux-gnu.py',
                 '# system configuration generated and used by the sysconfig module\n'
                 'build_time_vars = {}\n')):
            member = tarfile.TarInfo('python/install/' + name)
            member.size, member.mode = len(text), 0o755
            archive.addfile(member, io.BytesIO(text.encode()))
    data = data.getvalue()
    path = folder / ARCHIVE
    path.parent.mkdir(parents=True)
    # A Zstandard frame for a window of 1 MB; its one block is last, and not compressed.
    path.write_bytes(b'\x28\xb5\x2f\xfd\x00\x50' + struct.pack('<I', len(data) << 3 | 1)[:3] + data)
    return folder.as_uri()


def test_without_a_python_one_is_fetched_and_found_again(machine, tmp_path, uv):
    machine.command('python3', LATER)
    left = machine.root / '.python' / 'uv' / 'bin' / 'python'       # by a fetch that was killed
    left.parent.mkdir(parents=True)
    left.write_text('')
    code, out, calls = machine.setup(
        UV=uv, UV_PYTHON_INSTALL_MIRROR=mirror(tmp_path / 'a mirror', PYTHON))
    assert code == 0, out
    assert calls == ['uv', 'venv', 'pip', 'compile'] and machine.complete()
    found, = (machine.root / '.python').glob('*/bin/python3.7')
    assert 'making .venv with {}\n'.format(found) in out
    assert not (machine.root / '.python' / 'uv').exists()
    assert machine.setup() == (0, '', [])

    shutil.rmtree(str(machine.root / '.venv'))
    assert machine.setup()[2] == ['venv', 'pip', 'compile'], 'without uv and mirror'
    first, machine.root = machine.root, machine.root.parent / 'else where'
    shutil.move(str(first), str(machine.root))
    code, out, calls = machine.setup()
    assert calls == ['venv', 'pip', 'compile'] and str(machine.root / '.python') in out


@pytest.mark.parametrize('python, why', [
    (None, 'No such file or directory'), ('#!/bin/sh\nexit 127\n', 'does not run here')])
def test_a_mirror_without_a_python_that_runs(machine, tmp_path, uv, python, why):
    machine.command('python3', LATER)
    url = mirror(tmp_path / 'mirror', python) if python else 'file:///nowhere'
    code, out, calls = machine.setup(UV=uv, UV_PYTHON_INSTALL_MIRROR=url)
    first, error = out.splitlines()
    assert (code, calls, first) == (2, ['uv'], 'setup: fetching a Python 3.7 into .python')
    assert advises(error) and why in error
    assert not (machine.root / '.venv').exists() and not (machine.root / '.python').exists()


def test_a_fetch_that_fails_or_is_interrupted_leaves_nothing(machine, tmp_path):
    machine.command('python3', LATER)
    code, out, calls = machine.setup(UV='/nowhere/uv')
    error = out.splitlines()[-1]
    assert (code, calls) == (2, ['uv']) and advises(error) and '/nowhere/uv' in error
    assert not (machine.root / '.python').exists()

    stand_in = tmp_path / 'uv'
    stand_in.write_text('#!/bin/sh\nmkdir .python/half && kill -TERM 0\n')
    stand_in.chmod(0o755)
    code, out, calls = machine.setup(UV=str(stand_in))
    assert (code, calls) == (-signal.SIGTERM, ['uv']) and 'error' not in out
    assert not (machine.root / '.venv').exists() and not (machine.root / '.python').exists()


@pytest.mark.skipif(os.getuid() != 0, reason='becomes another user')
def test_a_folder_that_a_python_cannot_be_put_into():
    with tempfile.TemporaryDirectory(dir='/var/tmp') as folder:     # pytest's own is closed
        os.chmod(folder, 0o755)
        machine = Machine(pathlib.Path(folder))
        machine.command('python3', LATER)
        (machine.root / '.venv').mkdir()
        (machine.root / '.venv').chmod(0o777)
        code, out, calls = machine.setup(user=65534)
        error = out.splitlines()[-1]
        assert (code, calls) == (2, []) and advises(error) and '.python' in error


def test_clean_removes_what_setup_made_and_no_run(machine):
    shutil.copy(os.path.join(ROOT, 'Makefile'), str(machine.root))
    kept = [pathlib.Path(name) for name in (
        'out/ddpg_hopper-v2/run/progress.txt', 'out/tools/__pycache__/a', 'tests/test_a.py',
        'harness/run.py', 'docs/examples/walk.py', 'spinningup/spinup/__init__.py')]
    made = [pathlib.Path(name) for name in (
        '.venv/complete', '.python/cpython/bin/python3.7', 'spinningup/spinup.egg-info/PKG-INFO',
        '__pycache__/a', 'tests/__pycache__/a', 'docs/examples/__pycache__/a',
        'spinningup/spinup/utils/__pycache__/a')]
    for path in kept + made:
        (machine.root / path).parent.mkdir(parents=True, exist_ok=True)
        (machine.root / path).write_text('')
    for _ in range(2):
        subprocess.run(['make', '-s', 'clean'], cwd=str(machine.root), check=True)
        assert all((machine.root / path).exists() for path in kept)
        assert not any((machine.root / path).parent.exists() for path in made)


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
    no_tensorflow = machine.root.parent / 'no_tensorflow'
    no_tensorflow.write_text('')
    code, out, calls = machine.setup(FAIL_TENSORFLOW=str(no_tensorflow))
    assert code == 2 and 'could not install' in out and calls == ['pip']
    assert not machine.complete()
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
