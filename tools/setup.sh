#!/usr/bin/env bash
# setup.sh: put all that training and the tests need into .venv/, and where there is no Python 3.7,
# one into .python/. The Makefile calls it before each command; where nothing is missing it is done
# at once. It can be interrupted and run again; `make clean` removes what it made.
# TENSORFLOW, such as intel-tensorflow==1.15.2, replaces tensorflow==1.15, and stays until another.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
unset PYTHONPATH PYTHONHOME     # others' packages, which pip would count as installed
export PIP_USER=0

venv=.venv
python=$venv/bin/python
fetched=.python     # not in .venv, which is made anew
uv=0.6.17           # the last one that lists a CPython 3.7 for Linux
debian_packages='gcc libc6-dev libosmesa6-dev libgl1-mesa-dev libglew-dev patchelf'

say() { echo "setup: $*"; }
fail() { echo "setup: error: $*" >&2; exit 2; }
logged() {      # run a command, its output in the log; where it fails, its last lines and $1
    local advice=$1
    shift
    "$@" >>$venv/setup.log 2>&1 || { tail -n 5 $venv/setup.log >&2; fail "$advice"; }
}

tensorflow=${TENSORFLOW:-$(cat $venv/tensorflow 2>/dev/null || true)}
tensorflow=${tensorflow:-tensorflow==1.15}

# What a complete .venv was made from.
recipe() { { pwd -P; echo "$tensorflow"; cat requirements.txt tools/setup.sh spinningup/setup.py; } |
           cksum; }
complete() { [ "$(cat $venv/complete 2>/dev/null)" = "$(recipe)" ] && runs_37 $python; }

# Where a .venv was made. It cannot be moved: its commands and its activate have that in them.
made_in() { sed -n "s/^VIRTUAL_ENV=[\"']\?\([^\"']*\).*/\1/p" $venv/bin/activate 2>/dev/null; }

runs() {        # whether $1 is a 64-bit Python that can make environments, of a version that is $2
    "$1" -c "import sys, ctypes, ensurepip, ssl, venv
sys.exit(not sys.version_info[:2] $2 or sys.maxsize < 2 ** 32)" >/dev/null 2>&1
}
runs_37() { runs "$1" '== (3, 7)'; }

candidates() {      # commands that may be the Python $1: on the PATH, of pyenv, uv, conda, and ours
    local base
    printf '%s\n' "$1" python3 python "${PYENV_ROOT:-$HOME/.pyenv}"/versions/*/bin/"$1"
    command -v uv >/dev/null && UV_PYTHON_DOWNLOADS=never uv python find "${1#python}" 2>/dev/null
    printf '%s\n' "${UV_PYTHON_INSTALL_DIR:-$HOME/.local/share/uv/python}"/*/bin/"$1"
    for base in "${CONDA_PREFIX:-/opt/conda}" \
                "$(conda info --base 2>/dev/null || echo /opt/conda)" \
                "$HOME"/{.conda,miniconda3,anaconda3,miniforge3,mambaforge,micromamba} \
                /opt/{miniconda3,anaconda3,miniforge3}; do
        printf '%s\n' "$base"/bin/"$1" "$base"/envs/*/bin/"$1"
    done
    printf '%s\n' "$PWD/$fetched"/*/bin/"$1"
}

find_python() {     # the first of the commands on stdin that is a Python of a version that is $1
    local candidate
    while read -r candidate; do
        if runs "$candidate" "$1"; then
            "$candidate" -c 'import sys; print(sys.executable)'
            return
        fi
    done
}

no_python() {       # $1: why none can be fetched
    fail 'no Python 3.7, the last one that TensorFlow 1.15 supports, and none can be fetched' \
        "($1); install it with one of: pyenv install 3.7.16 | uvx uv@$uv python install 3.7 |" \
        'conda create -n py37 python=3.7'
}

fetch_python() {    # with a uv that is thrown away; it reads UV_PYTHON_INSTALL_MIRROR
    local later said
    later=$(find_python '>= (3, 8)' < <(printf '%s\n' python3.{8..14}; candidates python3))
    [ -n "$later" ] || no_python 'that takes a Python 3.8 or later with venv'
    say "fetching a Python 3.7 into $fetched"
    trap 'rm -rf $fetched 2>/dev/null || true' EXIT
    said=$({ rm -rf $fetched && "$later" -m venv $fetched/uv &&
             $fetched/uv/bin/python -m pip install -q --disable-pip-version-check \
                 --only-binary :all: uv==$uv &&
             $fetched/uv/bin/uv python install --no-cache --install-dir $fetched 3.7; } 2>&1) ||
        no_python "$(sed -n '$s/^ *\(Caused by: \)\?//p' <<<"$said")"
    found=$(find_python '== (3, 7)' < <(printf '%s\n' "$PWD/$fetched"/*/bin/python3.7))
    [ -n "$found" ] || no_python 'what was fetched does not run here'
    rm -rf $fetched/uv
    trap - EXIT
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
[[ $tensorflow =~ ^(intel-)?tensorflow==1\.15(\.[0-9]+)?$ ]] || fail "TENSORFLOW=$tensorflow: expected" \
    "tensorflow==1.15 or intel-tensorflow==1.15.2"
[ "$(uname -sm)" = 'Linux x86_64' ] || fail "TensorFlow 1.15 and MuJoCo 2.1 are made for Linux on" \
    "x86_64; this is $(uname -sm)"
folder=$venv
[ -e $venv ] || folder=.
[ -w $folder ] || fail "$PWD/$venv is not complete, and $folder cannot be written: expected" \
    'a folder that you may write, such as a copy of this one'
# One set-up at a time; another waits, and finds all done. (NFS locks what may be written alone.)
{ exec 9<>tools/setup.sh; } 2>/dev/null || exec 9<tools/setup.sh
flock -n 9 || { [ $? != 1 ] || say 'another set-up is at work here; waiting for it'; flock 9; }
if complete; then
    exit 0
fi

place=$(made_in || true)
if [ -n "$place" ] && [ "$place" != "$(pwd -P)/$venv" ]; then
    say "$venv was made in $place, and is made anew here"
elif runs_37 $python && $python -m pip --version >/dev/null 2>&1; then
    found=$python
fi
if [ "${found:-}" != $python ]; then
    found=$(find_python '== (3, 7)' < <(candidates python3.7))
    [ -n "$found" ] || fetch_python
    say "making $venv with $found"
    "$found" -m venv --clear $venv
fi
rm -f $venv/complete

have_libraries || install_libraries

say 'installing Python packages (about 600 MB to fetch)'
advice='could not install the Python packages; run it again when the network is back'
# Since 60, setuptools loads all of itself into each process that imports distutils, as gym does.
logged "$advice" $python -m pip install 'pip==23.3.2' 'setuptools==59.8.0' 'wheel==0.42.0'
if [ "$(cat $venv/tensorflow 2>/dev/null || echo "$tensorflow")" != "$tensorflow" ]; then
    logged "$advice" $python -m pip uninstall -y tensorflow intel-tensorflow    # they share files
fi
echo "$tensorflow" >$venv/tensorflow
sed "s/^tensorflow==1.15$/$tensorflow/" requirements.txt >$venv/requirements.txt
# All is pinned, so nothing is left to resolve: --no-deps, then a check that nothing is missing.
# TensorFlow, which takes half of the time, comes beside the rest.
install="$python -m pip install --no-deps --no-compile"
setsid $install "$tensorflow" >>$venv/setup.log 2>&1 9>&- &
beside=$!
trap "kill -- -$beside 2>/dev/null || true" EXIT
logged "$advice" $install -r <(sed "/^$tensorflow$/d" $venv/requirements.txt)
logged "$advice" wait $beside
# pip would compile all of it, on one core; this is done beside the rest. Some packages hold files
# that are no Python 3.7.
setsid $python -m compileall -q -j 0 -x /tests/ $venv/lib >>$venv/setup.log 2>&1 9>&- &
trap "kill -- -$! 2>/dev/null || true" EXIT
logged 'requirements.txt lacks a package that another one needs' $python -m pip check

say 'compiling mujoco-py, which takes about a minute'
# It only passes calls on to MuJoCo: -O1 -g0 has the speed of -O3 -g, in less than half the time. A
# Python that uv fetched would compile as it was made itself, with clang and flags for that.
logged "mujoco-py did not compile; all it said is in $venv/setup.log" \
    env MUJOCO_PY_FORCE_CPU=1 CC=gcc LDSHARED='gcc -shared' CFLAGS='-O1 -g0' $python -c 'import mujoco_py'
# Its import locks a file, whoever imports it.
chmod a+w $venv/lib/*/site-packages/mujoco_py/generated/mujocopy-buildlock 2>/dev/null || true

wait
trap - EXIT
recipe >$venv/complete
command -v xvfb-run >/dev/null ||
    say 'films of the classic tasks, such as Pendulum-v0, need the Debian package xvfb, too'
say "complete. To use it directly: source $venv/bin/activate"
