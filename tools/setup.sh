#!/usr/bin/env bash
# setup.sh: put all that training and the tests need into .venv/. The Makefile calls it before each
# command; where nothing is missing it is done at once. It can be interrupted and run again.
# TENSORFLOW, such as intel-tensorflow==1.15.2, replaces tensorflow==1.15, and stays until another.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

venv=.venv
python=$venv/bin/python
debian_packages='gcc libc6-dev libosmesa6-dev libgl1-mesa-dev libglew-dev patchelf'

say() { echo "setup: $*"; }
fail() { echo "setup: error: $*" >&2; exit 2; }
logged() {      # run a command, its output in the log; where it fails, its last lines and $1
    local advice=$1
    shift
    "$@" >>$venv/setup.log 2>&1 || { tail -n 5 $venv/setup.log >&2; fail "$advice"; }
}

tensorflow=${TENSORFLOW:-$(cat $venv/tensorflow 2>/dev/null || echo tensorflow==1.15)}

# What a complete .venv was made from.
recipe() { { pwd -P; echo "$tensorflow"; cat requirements.txt tools/setup.sh spinningup/setup.py; } |
           cksum; }
complete() { [ "$(cat $venv/complete 2>/dev/null)" = "$(recipe)" ] && runs_37 $python; }

# Where a .venv was made. It cannot be moved: its commands and its activate have that in them.
made_in() { sed -n "s/^VIRTUAL_ENV=[\"']\?\([^\"']*\).*/\1/p" $venv/bin/activate 2>/dev/null; }

runs_37() {     # whether $1 is a 64-bit Python 3.7 that runs and can make environments
    "$1" -c 'import sys, ctypes, ensurepip, ssl, venv
sys.exit(sys.version_info[:2] != (3, 7) or sys.maxsize < 2 ** 32)' >/dev/null 2>&1
}

candidates() {      # commands that may be a Python 3.7: on the PATH, of pyenv, uv and conda
    local base
    printf '%s\n' python3.7 python3 python "${PYENV_ROOT:-$HOME/.pyenv}"/versions/*/bin/python3.7
    command -v uv >/dev/null && UV_PYTHON_DOWNLOADS=never uv python find 3.7 2>/dev/null
    printf '%s\n' "${UV_PYTHON_INSTALL_DIR:-$HOME/.local/share/uv/python}"/*/bin/python3.7
    for base in "${CONDA_PREFIX:-/opt/conda}" "$(conda info --base 2>/dev/null)" \
                "$HOME"/{.conda,miniconda3,anaconda3,miniforge3,mambaforge,micromamba} \
                /opt/{miniconda3,anaconda3,miniforge3}; do
        printf '%s\n' "$base"/bin/python3.7 "$base"/envs/*/bin/python3.7
    done
}

find_python() {
    local candidate
    while read -r candidate; do
        if runs_37 "$candidate"; then
            "$candidate" -c 'import sys; print(sys.executable)'
            return
        fi
    done < <(candidates)
}

have_libraries() {      # what mujoco-py compiles and draws with
    command -v gcc >/dev/null && command -v patchelf >/dev/null &&
        gcc -x c - -o /dev/null -lOSMesa -lGL >/dev/null 2>&1 <<'END'
#include <GL/osmesa.h>
int main(void) { return 0; }
END
}

install_libraries() {
    local by='' command="apt-get update && apt-get install -y --no-install-recommends $debian_packages"
    command -v apt-get >/dev/null || fail "mujoco-py needs system packages; in Debian's names," \
        "install $debian_packages"
    if [ "$(id -u)" != 0 ]; then
        sudo -n true 2>/dev/null || fail "mujoco-py needs system packages; run: sudo sh -c '$command'"
        by='sudo -n'
    fi
    say "installing Debian packages: $debian_packages"
    logged "could not install them; run: sudo sh -c '$command'" \
        $by env DEBIAN_FRONTEND=noninteractive sh -c "$command"
}

if complete; then
    exit 0
fi
folder=$venv
[ -e $venv ] || folder=.
[ -w $folder ] || fail "$PWD/$venv is not complete, and $folder cannot be written: expected" \
    'a folder that you may write, such as a copy of this one'
exec 9<tools/setup.sh       # one set-up at a time; another waits, and finds all done
flock 9
if complete; then
    exit 0
fi

[[ $tensorflow =~ ^(intel-)?tensorflow==1\.15(\.[0-9]+)?$ ]] || fail "TENSORFLOW=$tensorflow: expected" \
    "tensorflow==1.15 or intel-tensorflow==1.15.2"
[ "$(uname -sm)" = 'Linux x86_64' ] || fail "TensorFlow 1.15 and MuJoCo 2.1 are made for Linux on" \
    "x86_64; this is $(uname -sm)"

place=$(made_in || true)
if [ -n "$place" ] && [ "$place" != "$(pwd -P)/$venv" ]; then
    say "$venv was made in $place, and is made anew here"
elif runs_37 $python && $python -m pip --version >/dev/null 2>&1; then
    found=$python
fi
if [ "${found:-}" != $python ]; then
    found=$(find_python)
    [ -n "$found" ] || fail "no Python 3.7, the last one that TensorFlow 1.15 supports; install it" \
        "with one of: pyenv install 3.7.16 | uv python install 3.7 | conda create -n py37 python=3.7"
    say "making $venv with $found"
    "$found" -m venv --clear $venv
fi
rm -f $venv/complete

have_libraries || install_libraries

say 'installing Python packages (about 600 MB to fetch)'
advice='could not install the Python packages; run it again when the network is back'
logged "$advice" $python -m pip install 'pip==23.3.2' 'setuptools==65.7.0' 'wheel==0.42.0'
if [ "$(cat $venv/tensorflow 2>/dev/null || echo "$tensorflow")" != "$tensorflow" ]; then
    logged "$advice" $python -m pip uninstall -y tensorflow intel-tensorflow    # they share files
fi
echo "$tensorflow" >$venv/tensorflow
sed "s/^tensorflow==1.15$/$tensorflow/" requirements.txt >$venv/requirements.txt
# All is pinned, so nothing is left to resolve: --no-deps, then a check that nothing is missing.
logged "$advice" $python -m pip install --no-deps -r $venv/requirements.txt
logged 'requirements.txt lacks a package that another one needs' $python -m pip check

say 'compiling mujoco-py, which takes about a minute'
# It only passes calls on to MuJoCo: -O1 has the speed of -O3, and takes half of the time.
logged "mujoco-py did not compile; all it said is in $venv/setup.log" \
    env CFLAGS=-O1 $python -c 'import mujoco_py'
# Its import locks a file, whoever imports it.
chmod a+w $venv/lib/*/site-packages/mujoco_py/generated/mujocopy-buildlock 2>/dev/null || true

recipe >$venv/complete
command -v xvfb-run >/dev/null ||
    say 'films of the classic tasks, such as Pendulum-v0, need the Debian package xvfb, too'
say "complete. To use it directly: source $venv/bin/activate"
