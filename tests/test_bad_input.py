"""
test_bad_input.py: what people type by mistake, over all commands. Each gets one line on stderr that
names it, exit code 2, nothing on stdout, and nothing on disk is touched. (What test_settings,
test_sweep, test_resume and others check of single commands is not here again.)
"""
import json
import os
import re
import shlex
import shutil
import subprocess
import sys

import pytest

import ddpg
from harness.run import Run
from kit import HERE, call, only_run, refusal, tree
from spinup import run as spinup
from tools import algorithm, diagnose, summary, sweep
from tools.bench import (benchmark, checkpoints, course, diagnosis, films, notes, paper, processor,
                         race, recipes, repeat, resume, same_bits, study, sweeps, throughput)

# {what a command line begins with: (main, words that it is given, its name in messages)}
COMMANDS = {
    'python ddpg.py': (ddpg.main, [], 'ddpg.py'),
    'python -m tools.sweep': (sweep.main, [], 'tools.sweep'),
    'python -m tools.summary': (summary.main, [], 'tools.summary'),
    'python -m tools.diagnose': (diagnose.main, [], 'tools.diagnose'),
    'python -m tools.algorithm': (algorithm.main, [], 'tools.algorithm'),
    'python -m spinup.run plot': (spinup.main, ['plot'], 'spinup.run plot'),
    'python -m spinup.run test_policy': (spinup.main, ['test_policy'], 'spinup.run test_policy'),
    'python -m spinup.run': (spinup.main, [], 'spinup.run'),
}
COMMANDS.update({'python -m ' + module.__name__: (module.main, [], module.__name__) for module in (
    benchmark, checkpoints, course, diagnosis, films, notes, paper, processor, race, recipes,
    repeat, resume, same_bits, study, sweeps, throughput)})

ODD = '''
import gym
import numpy as np
from gym.spaces import Box, Dict, Discrete, MultiBinary, MultiDiscrete, Tuple

class Odd(gym.Env):
    def __init__(self, observation_space, action_space):
        self.observation_space, self.action_space = observation_space, action_space

def box(*shape, low=-1., high=1., dtype=np.float32):
    return Box(np.full(shape, low, dtype), np.full(shape, high, dtype), dtype=dtype)

x, a = box(3), box(2)
nan, inf = float('nan'), float('inf')
for name, spaces in dict(
        Multi=(x, MultiDiscrete([2, 3])), Binary=(x, MultiBinary(3)), Pair=(x, Tuple([a, a])),
        Named=(x, Dict(arm=a)), Point=(x, box()), None_=(x, box(0)), Nan=(x, box(2, low=nan)),
        Inf=(x, box(2, high=inf)), Bool=(x, box(2, low=False, high=True, dtype=np.bool_)),
        Complex=(x, box(2, dtype=np.complex64)), Swapped=(x, box(2, low=1., high=-1.)),
        Huge=(x, box(2, low=-1e30, high=1e30)), Sequence=(Tuple([x, x]), a), Number=(box(), a),
        Nothing=(box(0), a), Grey=(box(8, 8), a), Flags=(MultiBinary(4), a),
        Truth=(box(3, low=False, high=True, dtype=np.bool_), a),
        Waves=(box(3, dtype=np.complex64), a), Missing=(x, None)).items():
    gym.register(name.strip('_') + '-v0', entry_point=lambda spaces=spaces: Odd(*spaces))
gym.register('Resets-v0', entry_point=lambda: Odd(1 / 0, a))
gym.register('NoClass-v0', entry_point='odd:NoSuchClass')
one = Odd(x, a)
gym.register('Same-v0', entry_point=lambda: one)
'''

# ---- python ddpg.py ------------------------------------------------------------------------------

VALUES = [
    ("python ddpg.py --seed ''", '--seed : expected a whole number from 0 to 4294967295'),
    ("python ddpg.py --seed=", '--seed : expected a whole number'),
    ("python ddpg.py --seed ' '", '--seed  : expected a whole number'),
    ("python ddpg.py --seed ' 5'", '--seed  5: expected a whole number'),
    ("python ddpg.py --seed 0x10", '--seed 0x10: expected a whole number'),
    ("python ddpg.py --seed 1,2", '--seed 1,2: expected a whole number'),
    ("python ddpg.py --seed None", '--seed None: expected a whole number'),
    ("python ddpg.py --seed True", '--seed True: expected a whole number'),
    ("python ddpg.py --seed -1e3", '--seed -1e3: expected a whole number'),
    ("python ddpg.py --seed 1 --seed one", '--seed one: expected a whole number'),
    ("python ddpg.py -s 4294967295.5", '--seed 4294967295.5: expected a whole number'),
    ("python ddpg.py --epochs 1_000", '--epochs 1_000: expected a whole number of at least 1'),
    ("python ddpg.py --epochs 10k", '--epochs 10k: expected a whole number'),
    ("python ddpg.py --epochs 1e400", '--epochs 1e400: expected a whole number'),
    ("python ddpg.py --epochs 1e-400", '--epochs 1e-400: expected a whole number'),
    ("python ddpg.py --epochs -0", '--epochs -0: expected a whole number of at least 1'),
    ("python ddpg.py --epochs \u0663", '--epochs \u0663: expected a whole number'),
    ("python ddpg.py --epochs \uff11\uff10", '--epochs \uff11\uff10: expected a whole number'),
    ("python ddpg.py --epochs '3 epochs'", '--epochs 3 epochs: expected a whole number'),
    ("python ddpg.py --epochs '1\n2'", r'--epochs 1\n2: expected a whole number'),
    ("python ddpg.py --epochs '\x1b[31m5'", r'--epochs \x1b[31m5: expected a whole number'),
    ("python ddpg.py --steps-per-epoch 5000steps", '--steps-per-epoch 5000steps: expected a whole'),
    ("python ddpg.py --steps-per-epoch +inf", '--steps-per-epoch +inf: expected a whole number'),
    ("python ddpg.py --steps-per-epoch 1e-3", '--steps-per-epoch 1e-3: expected a whole number'),
    ("python ddpg.py --replay-size 1e6.0", '--replay-size 1e6.0: expected a whole number'),
    ("python ddpg.py --replay-size 1GB", '--replay-size 1GB: expected a whole number'),
    ("python ddpg.py --gamma 99%", '--gamma 99%: expected a number from 0 to 1'),
    ("python ddpg.py --gamma 0,99", '--gamma 0,99: expected a number from 0 to 1'),
    ("python ddpg.py --gamma -0.0001", '--gamma -0.0001: expected a number from 0 to 1'),
    ("python ddpg.py --gamma 1.0000001", '--gamma 1.0000001: expected a number from 0 to 1'),
    ("python ddpg.py --polyak 1e400", '--polyak 1e400: expected a number from 0 to 1'),
    ("python ddpg.py --polyak 0.5.5", '--polyak 0.5.5: expected a number from 0 to 1'),
    ("python ddpg.py --pi-lr 1e-400", '--pi-lr 1e-400: expected a number above 0'),
    ("python ddpg.py --pi-lr 1e-60", '--pi-lr 1e-60: expected a number above 0'),
    ("python ddpg.py --pi-lr -0", '--pi-lr -0: expected a number above 0'),
    ("python ddpg.py --pi-lr 1e300", '--pi-lr 1e300: expected a number above 0'),
    ("python ddpg.py --pi-lr '1e-3 1e-4'", '--pi-lr 1e-3 1e-4: expected a number above 0'),
    ("python ddpg.py --q-lr 1e", '--q-lr 1e: expected a number above 0'),
    ("python ddpg.py --q-lr \u22121e-3", '--q-lr \u22121e-3: expected a number above 0'),
    ("python ddpg.py --weight-decay nan", '--weight-decay nan: expected a number of at least 0'),
    ("python ddpg.py --weight-decay 1e39", '--weight-decay 1e39: expected a number of at least 0'),
    ("python ddpg.py --noise-sigma Infinity", '--noise-sigma Infinity: expected a number'),
    ("python ddpg.py --noise-dt 1s", '--noise-dt 1s: expected a number above 0'),
    ("python ddpg.py --noise ''", '--noise : expected one of ou, gaussian'),
    ("python ddpg.py --noise 'ou '", '--noise ou : expected one of ou, gaussian'),
    ("python ddpg.py --noise ou,gaussian", '--noise ou,gaussian: expected one of ou, gaussian'),
    ("python ddpg.py --noise none", '--noise none: expected one of ou, gaussian'),
    ("python ddpg.py --decay-kind l-2", '--decay-kind l-2: expected one of times_lr, per_step, l2'),
    ("python ddpg.py --policy uniform", '--policy uniform: expected one of learned, random'),
    ("python ddpg.py --lr-decay-steps never", '--lr-decay-steps never: expected a whole number'),
    ("python ddpg.py --lr-decay-steps ''", '--lr-decay-steps : expected a whole number'),
    ("python ddpg.py --lr-decay-steps -1", '--lr-decay-steps -1: expected a whole number'),
    ("python ddpg.py --time-limit-terminal yes", '--time-limit-terminal yes: expected one of'),
    ("python ddpg.py --time-limit-terminal 1", '--time-limit-terminal 1: expected one of False'),
    ("python ddpg.py --time-limit-terminal=", '--time-limit-terminal : expected one of False'),
    ("python ddpg.py --activation ''", '--activation : expected one of relu, elu'),
    ("python ddpg.py --activation ReLU", '--activation ReLU: expected one of relu, elu'),
    ("python ddpg.py --activation tf.nn.relu", '--activation tf.nn.relu: expected one of relu'),
    ("python ddpg.py --activation softmax", '--activation softmax: expected one of relu'),
    ("python ddpg.py --init Xavier", '--init Xavier: expected one of glorot, paper, torch'),
    ("python ddpg.py --hid ''", '--hidden-sizes : expected one or more, each a whole number'),
    ("python ddpg.py --hid=", '--hidden-sizes : expected one or more'),
    ("python ddpg.py --hid 400,300", '--hidden-sizes 400,300: expected one or more'),
    ("python ddpg.py --hid '[400, 300]'", '--hidden-sizes [400, 300]: expected one or more'),
    ("python ddpg.py --hid 400x300", '--hidden-sizes 400x300: expected one or more'),
    ("python ddpg.py --hid 400 -300", '--hidden-sizes 400 -300: expected one or more'),
    ("python ddpg.py --hid 64 64.5", '--hidden-sizes 64 64.5: expected one or more'),
    ("python ddpg.py --threads two", '--threads two: expected a whole number of at least 1'),
    ("python ddpg.py --threads 65", '--threads 65: expected at most 64'),
    ("python ddpg.py --settings ''", '--settings : expected one of default, notes, paper'),
    ("python ddpg.py --settings Paper", '--settings Paper: expected one of default, notes, paper'),
    ("python ddpg.py --settings paper,notes", '--settings paper,notes: expected one of default'),
]

FLAGS = [
    ('python ddpg.py train', 'unrecognized arguments: train'),
    ('python ddpg.py Pendulum-v0',
     'unrecognized arguments: Pendulum-v0; expected a flag before each value'),
    ('python ddpg.py --seed 1 2',
     'unrecognized arguments: 2; expected a flag before each value, as in --env Pendulum-v0, and '
     'one value for each (python -m tools.sweep takes several)'),
    ('python ddpg.py --tau 0.01', '--tau 0.01; the nearest flag is --polyak'),
    ('python ddpg.py --learning_rate=1', '=1; the nearest flag is --pi-lr and --q-lr'),
    ('python ddpg.py --hid [64,64]', 'each a whole number of at least 1, with spaces between'),
    ("python ddpg.py ''", "unrecognized arguments: ''"),
    ("python ddpg.py 'a\nb'", r'unrecognized arguments: a\nb'),
    ('python ddpg.py -- --seed 1', 'unrecognized arguments'),
    ('python -m spinup.run ddpg_tf1 --env Ant-v2', 'ddpg_tf1: expected plot, test_policy or help'),
    ('python ddpg.py --act_noise 0.1', '--act-noise 0.1; the nearest flag is --noise-sigma'),
    ('python ddpg.py --l 2', '; the nearest flag is --hidden-sizes'),
    ('python ddpg.py --act tanh', '--act tanh; the nearest flag is --activation'),
    ('python ddpg.py --learning-starts 10', '; the nearest flag is --start-steps and --update-aft'),
    ('python ddpg.py --total-timesteps 1', '; the nearest flag is --epochs and --steps-per-epoch'),
    ('python ddpg.py --steps 1', '; the nearest flag is --epochs and --steps-per-epoch'),
    ('python -m tools.sweep --num_cpu 4', '--num-cpu 4; the nearest flag is --threads'),
    ('python ddpg.py --sed 1', '--sed 1; the nearest flag is --seed'),
    ('python ddpg.py --lr 1e-3', '--lr 1e-3; the nearest flag is --pi-lr and --q-lr'),
    ('python ddpg.py --hidden 64', '--hidden 64; the nearest flag is --hid'),
    ('python ddpg.py --Seed 1', '--Seed 1; the nearest flag is --seed'),
    ('python ddpg.py --batchsize=64', '--batchsize=64; the nearest flag is --batch-size'),
    ('python ddpg.py -e Pendulum-v0', 'unrecognized arguments: -e Pendulum-v0'),
    ('python ddpg.py -seed 1', '-seed'),
    ('python ddpg.py \u2013-seed 1', 'unrecognized arguments: \u2013-seed 1'),
    ('python ddpg.py --env --seed 1', '--env: expected one argument'),
    ('python ddpg.py --exp-name -x', '--exp-name: expected one argument'),
    ('python ddpg.py --pi-lr --q-lr', '--pi-lr: expected one argument'),
    ('python ddpg.py --noise-sigma -inf', '--noise-sigma: expected one argument'),
    ('python ddpg.py --hid', '--hidden-sizes/--hid: expected at least one argument'),
    ('python ddpg.py --hid --seed 1', '--hidden-sizes/--hid: expected at least one argument'),
    ('python ddpg.py --jobs 2', '--jobs 2'),
    ('python ddpg.py --address auto', '--address auto'),
]

COMBINATIONS = [
    ('python ddpg.py --batch-size 1000001', '--batch-size 1000001: expected at most the replay'),
    ('python ddpg.py --replay-size 63', '--batch-size 64: expected at most the replay size, 63'),
    ('python ddpg.py --settings spinningup --replay-size 99', '--batch-size 100: expected at most'),
    ('python ddpg.py --hid 64 --action-layer 3', '--action-layer 3: expected at most 2'),
    ('python ddpg.py --settings paper --hid 8 --action-layer 2 --init', '--init: expected one'),
    ('python ddpg.py --settings td3 --hid 8 --action-layer 9',
     '--action-layer 9: expected at most'),
    ('python ddpg.py --epochs 3 --steps-per-epoch 10 --lr-decay-steps 29',
     '--lr-decay-steps 29: expected at least 30, the steps of 3 epochs, or none; a run that has '
     'begun keeps it, and ends with epoch 2'),
    ('python ddpg.py --weight-decay 2000',
     '--weight-decay 2000.0: expected below 2000, 2 / q_lr: from'),
    ('python ddpg.py --weight-decay 2 --decay-kind per_step', '-decay 2.0: expected below 2:'),
    ('python ddpg.py --policy random --gamma 1', '--gamma 1.0: expected below 1 with --policy'),
    ('python ddpg.py --policy RANDOM --gamma 1e0', '--gamma 1.0: expected below 1 with --policy'),
    ('python ddpg.py --env Pendulum-v0 --replay-size 1e15', '--replay-size 1000000000000000: '
     'expected what fits into memory'),
    ('python ddpg.py --env Pendulum-v0 --replay-size 1e308', ' GB, and there are '),
    ('python ddpg.py --env Pendulum-v0 --hid 1e160 1e160', '--hidden-sizes 1000'),
    ('python -m tools.sweep --env Pendulum-v0 Reacher-v2 --replay-size 1e5 1e15',
     '--replay-size 1000000000000000: expected what fits into memory'),
    ('python ddpg.py --env Pendulum-v0 --hid 1e7 1e7',
     '--hidden-sizes 10000000 10000000: expected'),
    ('python ddpg.py --env Pendulum-v0 --batch-size 1e13 --replay-size 1e13', 'fits into memory'),
]

NAMES = [
    ("python ddpg.py --data-dir 'a[1]'", '--data-dir a[1]: expected a folder without * ? [ ]'),
    ("python -m tools.sweep --data-dir 'a*'", '--data-dir a*: expected a folder without * ? [ ]'),
    ('python ddpg.py --exp-name .', '--exp-name .: expected letters, digits'),
    ('python ddpg.py --exp-name ..', '--exp-name ..: expected letters, digits'),
    ('python ddpg.py --exp-name=-x', '--exp-name -x: expected letters, digits'),
    ("python ddpg.py --exp-name 'a b'", '--exp-name a b: expected letters, digits'),
    ("python ddpg.py --exp-name ' a'", '--exp-name  a: expected letters, digits'),
    ("python ddpg.py --exp-name 'a\n'", r'--exp-name a\n: expected letters, digits'),
    ("python ddpg.py --exp-name 'a\0b'", r'a\x00b: expected text in UTF-8, without NUL'),
    ("python ddpg.py --data-dir '\udcff'", r'\udcff: expected text in UTF-8, without NUL'),
    ("python ddpg.py --exp-name '$HOME'", '--exp-name $HOME: expected letters, digits'),
    ("python ddpg.py --exp-name '*'", '--exp-name *: expected letters, digits'),
    ("python ddpg.py --exp-name 'a\\b'", '--exp-name a\\b: expected letters, digits'),
    ('python ddpg.py --exp-name .hidden', '--exp-name .hidden: expected letters, digits'),
    ('python ddpg.py --exp-name ' + 201 * 'n', 'expected at most 200 bytes'),
    ('python ddpg.py --exp-name ' + 101 * '\u00fc', 'expected at most 200 bytes'),
    ("python ddpg.py --env Pendulum-v0 --data-dir ''", '--data-dir : expected a folder'),
    ("python ddpg.py --env Pendulum-v0 --data-dir=", '--data-dir : expected a folder'),
    ("python ddpg.py --env Pendulum-v0 --data-dir 'a\0b'", r'a\x00b'),
    ('python ddpg.py --env Pendulum-v0 --data-dir dangling', '--data-dir dangling: expected a '
     'folder that can be written; No such file or directory'),
    ('python ddpg.py --env Pendulum-v0 --data-dir a/' + 300 * 'b', 'expected a folder that can be '
     'written; File name too long'),
    ('python ddpg.py --env Pendulum-v0 --data-dir /proc/self/fd', '--data-dir /proc/self/fd: '
     'expected a folder that can be written'),
    ('python ddpg.py --env Pendulum-v0 --data-dir /dev/null', '--data-dir /dev/null: expected a '
     'folder that can be written; Not a directory'),
    ('python ddpg.py --env Pendulum-v0 --data-dir loop', '--data-dir loop: expected a folder that '
     'can be written; Too many levels'),
    ('python ddpg.py --env Pendulum-v0 --data-dir data --exp-name file', '--data-dir data: '
     'expected a folder that can be written; Not a directory'),
]

ENVIRONMENTS = [
    ("python ddpg.py --env ''", '--env : expected an environment that Gym knows; the nearest'),
    ("python ddpg.py --env :", '--env :: expected'),
    ("python ddpg.py --env odd:", '--env odd:: expected an environment that Gym knows'),
    ("python ddpg.py --env :Pendulum-v0", '--env :Pendulum-v0: expected a module before the :'),
    ("python ddpg.py --env odd:with:colons", '--env odd:with:colons: expected'),
    ("python ddpg.py --env no/such/module:Env-v0",
     '--env no/such/module:Env-v0: expected a module'),
    ("python ddpg.py --env odd:Same-v0",
     '--env odd:Same-v0: expected the id of an environment that is made anew each time'),
    ("python ddpg.py --env .odd:Nan-v0", '--env .odd:Nan-v0: expected a module'),
    ("python ddpg.py --env odd.py:Nan-v0", '--env odd.py:Nan-v0: expected a module'),
    ("python ddpg.py --env file:Nan-v0", '--env file:Nan-v0: expected a module'),
    ("python ddpg.py --env damaged_module:X-v0", '--env damaged_module:X-v0: expected a module '
     'before the : that can be imported; it raises SyntaxError'),
    ("python ddpg.py --env ends_python:X-v0", '--env ends_python:X-v0: expected a module before '
     'the : that can be imported; it raises SystemExit'),
    ("python ddpg.py --env pendulum-v0", 'the nearest names are Pendulum-v0'),
    ("python ddpg.py --env Pendulum-v1", 'the nearest names are Pendulum-v0'),
    ("python ddpg.py --env Pendulum", 'Pendulum-v0'),
    ("python ddpg.py --env HalfCheetah-v5", 'HalfCheetah-v2'),
    ("python ddpg.py --env half_cheetah", 'HalfCheetah-v2'),
    ("python ddpg.py --env 'Pendulum-v0 '", '--env Pendulum-v0 : expected'),
    ("python ddpg.py --env 'Pendulum-v0\n'", r'--env Pendulum-v0\n: expected'),
    ("python ddpg.py --env Pendulum-v0,Reacher-v2", '--env Pendulum-v0,Reacher-v2: expected'),
    ("python ddpg.py --env \u5012\u7acb", '--env \u5012\u7acb: expected an environment'),
    ("python ddpg.py --env 'a\0b'", r'a\x00b'),
    ("python ddpg.py --env Acrobot-v1", 'Acrobot-v1: expected an environment whose actions are a '
     'vector with finite bounds; its action space is Discrete(3)'),
    ("python ddpg.py --env FrozenLake-v0", 'its action space is Discrete(4)'),
    ("python ddpg.py --env odd:Multi-v0", 'its action space is MultiDiscrete'),
    ("python ddpg.py --env odd:Binary-v0", 'its action space is MultiBinary'),
    ("python ddpg.py --env odd:Pair-v0", 'its action space is Tuple'),
    ("python ddpg.py --env odd:Named-v0", 'its action space is Dict'),
    ("python ddpg.py --env odd:Point-v0", 'whose actions are a vector with finite bounds; its'),
    ("python ddpg.py --env odd:None-v0", 'whose actions are a vector with finite bounds; its'),
    ("python ddpg.py --env odd:Nan-v0", 'whose actions are a vector with finite bounds; its'),
    ("python ddpg.py --env odd:Inf-v0", 'whose actions are a vector with finite bounds; its'),
    ("python ddpg.py --env odd:Swapped-v0", 'whose actions are a vector with finite bounds; its'),
    ("python ddpg.py --env odd:Bool-v0", 'whose actions are a vector with finite bounds; its'),
    ("python ddpg.py --env odd:Complex-v0", 'whose actions are a vector with finite bounds; its'),
    ("python ddpg.py --env odd:Huge-v0", 'within +-1e+06: let a wrapper scale them'),
    ("python ddpg.py --env odd:Missing-v0", 'its action space is None'),
    ("python ddpg.py --env odd:Sequence-v0", 'its observation space is Tuple'),
    ("python ddpg.py --env odd:Number-v0",
     'whose observations are a vector; its observation space'),
    ("python ddpg.py --env odd:Nothing-v0", 'whose observations are a vector; its observation'),
    ("python ddpg.py --env odd:Grey-v0", 'its observation space is Box(8, 8)'),
    ("python ddpg.py --env odd:Flags-v0", 'its observation space is MultiBinary'),
    ("python ddpg.py --env odd:Truth-v0", 'whose observations are a vector; its observation space'),
    ("python ddpg.py --env odd:Waves-v0", 'whose observations are a vector; its observation space'),
    ("python ddpg.py --env odd:Resets-v0", 'can be made here; it raises ZeroDivisionError'),
    ("python ddpg.py --env odd:NoClass-v0", 'can be made here; it raises AttributeError'),
]

RESUME = [
    ("python ddpg.py --resume ''", '--resume : expected the folder of a run'),
    ("python ddpg.py --resume", '--resume: expected one argument'),
    ("python ddpg.py --resume run run", 'unrecognized arguments: run'),
    ("python ddpg.py --resume 'a[1]'", '--resume a[1]: expected a folder without * ? [ ]'),
    ("python ddpg.py --resume nowhere", '--resume nowhere: expected the folder of a run'),
    ("python ddpg.py --resume 'no\nwhere'", r'--resume no\nwhere: expected the folder of a run'),
    ("python ddpg.py --resume 'run\0'", r'run\x00'),
    ("python ddpg.py --resume dangling", '--resume dangling: expected the folder of a run'),
    ("python ddpg.py --resume " + 300 * 'r', 'expected the folder of a run'),
    ("python ddpg.py --resume empty", '--resume empty: expected the folder of a run'),
    ("python ddpg.py --resume nothing/here", 'that can go on; there is no such folder'),
    ("python ddpg.py --settings nothing/here", 'a run of ddpg.py; there is no such folder'),
    ("python ddpg.py --resume run/progress.txt",
     '--resume run/progress.txt: expected the folder of a run that can go on; it is no folder'),
    ("python ddpg.py --settings run/progress.txt", 'a run of ddpg.py; it is no folder'),
    ("python ddpg.py --resume run/checkpoints",
     '--resume run/checkpoints: expected the folder of a run that can go on; it has no folder '
     'checkpoints/; runs are run'),
    ("python ddpg.py --resume table",
     '--resume table: expected the folder of a run that can go on; '
     'it has no folder checkpoints/'),
    ("python ddpg.py --resume without", '--resume without: expected the folder of a run that can '
     'go on; it has no checkpoint'),
    ("python ddpg.py --resume damaged", '--resume damaged: expected the folder of a run that can '
     'go on; checkpoint '),
    ("python ddpg.py --resume blocked", '--resume blocked: expected the folder of a run'),
    ("python ddpg.py --resume run --env HalfCheetah-v2", '--env HalfCheetah-v2: expected Pendulum'),
    ("python ddpg.py --resume run --env pendulum-v0", '--env pendulum-v0: expected'),
    ("python ddpg.py --resume run --env ''", '--env : expected'),
    ("python ddpg.py --resume run --seed 1", '--seed 1: expected 0, as the run that is resumed'),
    ("python ddpg.py --resume run --seed ''", '--seed : expected a whole number'),
    ("python ddpg.py --resume run --settings default", '--settings default: expected nothing'),
    ("python ddpg.py --resume run --settings ''", '--settings : expected nothing beside --resume'),
    ("python ddpg.py --resume run --data-dir ''", '--data-dir : expected nothing beside --resume'),
    ("python ddpg.py --resume run --exp-name=", '--exp-name : expected nothing beside --resume'),
    ("python ddpg.py --resume run --epochs 1", '--epochs 1: expected at least 2, which the run'),
    ("python ddpg.py --resume run --epochs two", '--epochs two: expected a whole number'),
    ("python ddpg.py --resume run --hid 8", '--hidden-sizes 8: expected 8 8'),
    ("python ddpg.py --resume run --activation tanh", '--activation tanh: expected relu, as the'),
    ("python ddpg.py --resume run --time-limit-terminal",
     '--time-limit-terminal True: expected Fa'),
    ("python ddpg.py --resume run --policy random", '--p'),
    ("python ddpg.py --resume run --threads 1e3", '--threads 1000: expected at most 64'),
    ("python ddpg.py --resume run --replay-size 1e15", '--replay-size 1000000000000000: expected'),
]

# ---- Sweeps --------------------------------------------------------------------------------------

SWEEP = [
    ('python -m tools.sweep now', 'unrecognized arguments: now'),
    ('python -m tools.sweep --seeds 1 2', '--seeds 1 2; the nearest flag is --seed'),
    ("python -m tools.sweep --seed ''", '--seed : expected a whole number'),
    ('python -m tools.sweep --seed 0-4', '--seed 0-4: expected a whole number'),
    ('python -m tools.sweep --seed 0,1,2', '--seed 0,1,2: expected a whole number'),
    ('python -m tools.sweep --seed 1 1.0', '--seed 1 1: expected each value once'),
    ('python -m tools.sweep --seed 1 01', '--seed 1 1: expected each value once'),
    ('python -m tools.sweep --pi-lr 1e-3 0.001', '--pi-lr 0.001 0.001: expected each value once'),
    ('python -m tools.sweep --noise ou OU', '--noise ou ou: expected each value once'),
    ('python -m tools.sweep --time-limit-terminal true True', 'expected each value once'),
    ('python -m tools.sweep --time-limit-terminal maybe', '--time-limit-terminal maybe: expected'),
    ('python -m tools.sweep --env', '--env: expected at least one argument'),
    ("python -m tools.sweep --env ''", '--env : expected an environment'),
    ('python -m tools.sweep --env Pendulum-v0 Pendulum-v0',
     '--env Pendulum-v0 Pendulum-v0: expect'),
    ('python -m tools.sweep --env Pendulum-v0,Reacher-v2',
     '--env Pendulum-v0,Reacher-v2: expected'),
    ('python -m tools.sweep --env odd:Nan-v0', 'Nan-v0: expected an environment whose actions'),
    ('python -m tools.sweep --hid []', '--hidden-sizes'),
    ("python -m tools.sweep --hid ''", '--hidden-sizes : expected'),
    ('python -m tools.sweep --hid [64,64', '--hidden-sizes'),
    ('python -m tools.sweep --hid 64] [64', '--hidden-sizes'),
    ('python -m tools.sweep --hid [[64]]', '--hidden-sizes'),
    ('python -m tools.sweep --hid [64,,64]', '--hidden-sizes'),
    ('python -m tools.sweep --hid [64][32]', '--hidden-sizes'),
    ('python -m tools.sweep --hid [64,64] 32', '--hidden-sizes'),
    ('python -m tools.sweep --hid [8] [8]', '--hidden-sizes'),
    ('python -m tools.sweep --settings paper paper', '--settings paper paper: expected each'),
    ("python -m tools.sweep --settings ''", '--settings : expected one of default, notes'),
    ('python -m tools.sweep --jobs -1', '--jobs -1: expected a whole number of at least 1'),
    ('python -m tools.sweep --jobs x', '--jobs x: expected a whole number of at least 1'),
    ("python -m tools.sweep --jobs ''", '--jobs : expected a whole number of at least 1'),
    ('python -m tools.sweep --jobs 1.5', '--jobs 1.5: expected a whole number of at least 1'),
    ('python -m tools.sweep --jobs 1 2', 'unrecognized arguments: 2'),
    ('python -m tools.sweep --max-failures none', '--max-failures none: expected a whole number'),
    ("python -m tools.sweep --env Pendulum-v0 --address ''", '--address : expected HOST:PORT'),
    ('python -m tools.sweep --env Pendulum-v0 --address :', '--address :: expected HOST:PORT'),
    ('python -m tools.sweep --env Pendulum-v0 --address :::', '--address :::: expected HOST:PORT'),
    ('python -m tools.sweep --env Pendulum-v0 --address 127.0.0.1:port',
     '--address 127.0.0.1:port'),
    ('python -m tools.sweep --env Pendulum-v0 --address 127.0.0.1:99999', '127.0.0.1:99999: expec'),
    ('python -m tools.sweep --env Pendulum-v0 --address Auto',
     '--address Auto: expected HOST:PORT'),
    ("python -m tools.sweep --env Pendulum-v0 --address '\u00fc .:1'", 'expected HOST:PORT'),
    ("python -m tools.sweep --env Pendulum-v0 --data-dir ''", '--data-dir : expected a folder'),
    ("python -m tools.sweep --env Pendulum-v0 --exp-name ''", '--exp-name : expected letters'),
    ('python -m tools.sweep --env Pendulum-v0 --exp-name ..', '--exp-name ..: expected letters'),
    ('python -m tools.sweep --policy random --gamma 0.9 1', '--gamma 1.0: expected below 1'),
    ('python -m tools.sweep --hid [8,8] [8] --action-layer 3',
     '--action-layer 3: expected at most'),
    ('python -m tools.sweep --env Pendulum-v0 --exp-name e --pi-lr ' + ' '.join(
        '1e-{}'.format(i) for i in range(1, 4)) + ' --pi-lr 0', '--pi-lr 0: expected a number'),
    ('python -m tools.sweep --threads 65 --env Pendulum-v0', '--threads 65: expected at most 64'),
]

# ---- What looks at runs --------------------------------------------------------------------------

SUMMARY = [
    ('python -m tools.summary', 'the following arguments are required: FOLDER'),
    ("python -m tools.summary ''", ': expected a folder with runs below it'),
    ('python -m tools.summary nowhere', 'nowhere: expected a folder with runs below it'),
    ('python -m tools.summary empty', 'empty: expected a folder with runs below it'),
    ('python -m tools.summary file', 'file: expected a folder with runs below it'),
    ('python -m tools.summary dangling', 'dangling: expected a folder with runs below it'),
    ('python -m tools.summary table', 'table: expected a folder with runs below it'),
    ("python -m tools.summary 'a\0b'", r'a\x00b'),
    ("python -m tools.summary 'a\nb'", r'a\nb: expected a folder with runs below it'),
    ('python -m tools.summary others', 'others'),
    ('python -m tools.summary run run', 'FOLDER run: expected a folder apart from run'),
    ('python -m tools.summary run nowhere', 'nowhere: expected a folder with runs below it'),
    ('python -m tools.summary run other --write', '--write run other: expected one FOLDER'),
    ('python -m tools.summary run --steps', '--steps: expected one argument'),
    ('python -m tools.summary run --steps x', '--steps x: expected a whole number of at least 1'),
    ('python -m tools.summary run --steps 0', '--steps 0: expected a whole number of at least 1'),
    ("python -m tools.summary run --steps ''", '--steps : expected a whole number of at least 1'),
    ('python -m tools.summary run --steps=-5', '--steps -5: expected a whole number of at least 1'),
    ('python -m tools.summary run --steps 1.5e0', '--steps 1.5e0: expected a whole number'),
    ('python -m tools.summary run --step 5', '--step 5; the nearest flag is --steps'),
    ('python -m tools.summary run --output f.png', 'unrecognized arguments: --output f.png'),
]

DIAGNOSE = [
    ('python -m tools.diagnose', 'the following arguments are required: RUN_FOLDER'),
    ("python -m tools.diagnose ''",
     'a run folder with the config.json and progress.txt of ddpg.py'),
    ('python -m tools.diagnose empty', 'empty: expected a run folder with the config.json and'),
    ('python -m tools.diagnose file', 'file: expected a run folder with the config.json and'),
    ('python -m tools.diagnose dangling', 'dangling: expected a run folder with the config.json'),
    ('python -m tools.diagnose table', 'table: expected a run folder with the config.json'),
    ('python -m tools.diagnose others/ppo', 'others/ppo: expected a run folder with the config'),
    ('python -m tools.diagnose unexported', 'unexported: expected a run folder whose tf1_save/'),
    ('python -m tools.diagnose run nowhere', 'nowhere: expected a run folder'),
    ("python -m tools.diagnose 'a\nb'", r'a\nb: expected a run folder'),
    ("python -m tools.diagnose 'run\0'", r'run\x00'),
    ('python -m tools.diagnose run --episodes -1', '--episodes -1: expected a whole number of at'),
    ('python -m tools.diagnose run --episodes 1.5', '--episodes 1.5: expected a whole number'),
    ("python -m tools.diagnose run --episodes ''", '--episodes : expected a whole number'),
    ('python -m tools.diagnose run --episodes ten', '--episodes ten: expected a whole number'),
    ('python -m tools.diagnose run --seed -1', '--seed -1: expected a whole number from 0'),
    ('python -m tools.diagnose run --seed 2147483648',
     '--seed 2147483648: expected a whole number'),
    ('python -m tools.diagnose run --output figure', '--output figure: expected a name that ends'),
    ("python -m tools.diagnose run --output ''", '--output : expected a name that ends in'),
    ('python -m tools.diagnose run --output .png', '--output .png: expected a name that ends in'),
    ('python -m tools.diagnose run --output f.PNG', '--output f.PNG: expected a name that ends in'),
    ('python -m tools.diagnose run --output empty', '--output empty: expected a name that ends in'),
    ('python -m tools.diagnose run --output folder.png', '--output folder.png: expected a'),
    ('python -m tools.diagnose run --output missing/f.png', '--output missing/f.png: expected a'),
    ('python -m tools.diagnose run --output file/f.png', '--output file/f.png: expected a file in'),
    ("python -m tools.diagnose run --output 'mis\nsing/f.png'", r'--output mis\nsing/f.png: '),
    ('python -m tools.diagnose run --output ' + 300 * 'f' + '.png', 'expected a'),
    ('python -m tools.diagnose run --output /proc/f.png', 'expected a file that can be written'),
    ('python -m tools.diagnose run --out f.png', 'unrecognized arguments: --out f.png'),
    ('python -m tools.diagnose --env Pendulum-v0 run', 'unrecognized arguments: --env'),
]

PLAY = [
    ('python -m spinup.run test_policy', 'the following arguments are required: fpath'),
    ("python -m spinup.run test_policy ''", ': expected a run folder with a tf1_save in it'),
    ('python -m spinup.run test_policy nowhere', 'nowhere: expected a run folder with a tf1_save'),
    ('python -m spinup.run test_policy file', 'file: expected a run folder with a tf1_save in it'),
    ('python -m spinup.run test_policy empty', 'empty: expected a run folder with a tf1_save'),
    ('python -m spinup.run test_policy dangling',
     'dangling: expected a run folder with a tf1_save'),
    ('python -m spinup.run test_policy others/ppo',
     'others/ppo: expected a run folder with a tf1_'),
    ("python -m spinup.run test_policy 'a\nb'", r'a\nb: expected a run folder with a tf1_save'),
    ("python -m spinup.run test_policy 'run\0'", r'run\x00'),
    ('python -m spinup.run test_policy unexported', 'unexported/tf1_save: cannot be loaded'),
    ('python -m spinup.run test_policy homeless', 'Environment not found!'),
    ('python -m spinup.run test_policy run empty', 'unrecognized arguments: empty'),
    ('python -m spinup.run test_policy run --itr 7', 'run: expected a run folder with a tf1_save7'),
    ('python -m spinup.run test_policy run --itr last', "--itr/-i: last: expected a whole number"),
    ('python -m spinup.run test_policy run --len -1', '--len -1: expected at least 0'),
    ('python -m spinup.run test_policy run --len 1e3', "--len/-l: 1e3: expected a whole number"),
    ("python -m spinup.run test_policy run --len ''", "--len/-l: : expected a whole number"),
    ('python -m spinup.run test_policy run --episodes 0', '--episodes 0: expected at least 1'),
    ('python -m spinup.run test_policy run --episodes=-3', '--episodes -3: expected at least 1'),
    ('python -m spinup.run test_policy run -n ten', "ten: expected a whole number"),
    ('python -m spinup.run test_policy run --norender yes', 'unrecognized arguments: yes'),
    ('python -m spinup.run test_policy run --video film',
     '--video film: expected a file that ends'),
    ("python -m spinup.run test_policy run --video ''", '--video : expected a file that ends in'),
    ('python -m spinup.run test_policy run --video f.avi', '--video f.avi: expected a file that'),
    ('python -m spinup.run test_policy run --video f.MP4', '--video f.MP4: expected a file that'),
    ('python -m spinup.run test_policy run --video .gif', '--video .gif: expected a file that'),
    ('python -m spinup.run test_policy run --video missing/f.mp4',
     '--video missing/f.mp4: expected '
     'a folder that exists'),
    ('python -m spinup.run test_policy run --video film.mp4', '--video film.mp4: expected'),
    ('python -m spinup.run test_policy run --video', '--video: expected one argument'),
    ('python -m spinup.run test_policy run --seed 3', 'unrecognized arguments: --seed 3'),
]

PLOT = [
    ('python -m spinup.run plot', 'the following arguments are required: logdir'),
    ("python -m spinup.run plot ''", "'': expected a folder, or a part of the name of one"),
    ('python -m spinup.run plot nowhere', 'nowhere: expected a folder, or a part of the name of'),
    ('python -m spinup.run plot nowhere/at/all', 'nowhere/at/all: expected a folder, or a part of'),
    ('python -m spinup.run plot file', 'file: expected a folder, or a part of the name of one'),
    ('python -m spinup.run plot dangling', 'dangling: expected a folder, or a part of the name'),
    ('python -m spinup.run plot empty', 'no progress.txt with a row in it below empty'),
    ("python -m spinup.run plot 'a\nb'", r'a\nb: expected a folder, or a part of the name of one'),
    ("python -m spinup.run plot 'run\0'", r'run\x00: expected text in UTF-8, without NUL'),
    ("python -m spinup.run plot '\udcff'", r'\udcff: expected text in UTF-8, without NUL'),
    ('python -m spinup.run plot run nowhere', 'nowhere: expected a folder, or a part of the name'),
    ('python -m spinup.run plot run --legend', '--legend/-l: expected at least one argument'),
    ('python -m spinup.run plot run --legend a b', '--legend: expected one name for each of the 1 '
     'folders that are given: run'),
    ('python -m spinup.run plot run -x', '--xaxis/-x: expected one argument'),
    ('python -m spinup.run plot run -x Nowhere',
     'Performance over Nowhere: no run has both columns'),
    ("python -m spinup.run plot run -x ''",
     'Performance over : no run has both columns; there are'),
    ('python -m spinup.run plot run -y Nothing', 'Nothing over TotalEnvInteracts: no run has both'),
    ('python -m spinup.run plot run -y', '--value/-y: expected at least one argument'),
    ('python -m spinup.run plot run --smooth 0', '--smooth 0: expected at least 1'),
    ('python -m spinup.run plot run --smooth 1.5', "--smooth/-s: 1.5: expected a whole number"),
    ('python -m spinup.run plot run --smooth=', "--smooth/-s: : expected a whole number"),
    ('python -m spinup.run plot run --est mode', "--est: invalid choice: 'mode' (choose from"),
    ('python -m spinup.run plot run --select nothing', '--select and --exclude leave no folder'
     ': expected parts of run (the runs below do not count)'),
    ("python -m spinup.run plot run --exclude ''", '--select and --exclude leave no folder'),
    ('python -m spinup.run plot run --count yes', 'unrecognized arguments: yes'),
    ('python -m spinup.run plot run --output f', '--output f: expected a name that ends in one of'),
    ("python -m spinup.run plot run --output ''", '--output : expected a name that ends in one of'),
    ('python -m spinup.run plot run --output f.doc', '--output f.doc: expected a name that ends'),
    ('python -m spinup.run plot run --output f.pgf', '--output f.pgf: expected a name that ends'),
    ('python -m spinup.run plot run --output .png', '--output .png: expected a name that ends in'),
    ('python -m spinup.run plot run --output missing/f.png', '--output missing/f.png: cannot be'),
    ('python -m spinup.run plot run --output folder.png', '--output folder.png: cannot be written'),
    ('python -m spinup.run plot run --output file/f.png', '--output file/f.png: cannot be written'),
    ('python -m spinup.run plot run --log', 'unrecognized arguments: --log'),
]

OTHERS = [
    ("python -m spinup.run ''", ': expected plot, test_policy or help'),
    ('python -m spinup.run ddpg --env Pendulum-v0', 'ddpg: expected plot, test_policy or help'),
    ('python -m spinup.run Plot run', 'Plot: expected plot, test_policy or help'),
    ('python -m spinup.run --version', '--version: expected plot, test_policy or help'),
    ("python -m spinup.run 'plot\nrun'", r'plot\nrun: expected plot, test_policy or help'),
    ('python -m tools.algorithm docs', 'unrecognized arguments: docs'),
    ('python -m tools.algorithm --check=yes', "--check: ignored explicit argument 'yes'"),
    ('python -m tools.bench.race --times 1', 'expected a whole number of at least 2'),
    ('python -m tools.bench.course run --every 0', 'expected a whole number of at least 1'),
    ('python -m tools.bench.course none', 'FOLDER none: expected a folder with runs below it'),
    ('python -m tools.algorithm --chek', '--chek; the nearest flag is --check'),
    ('python -m tools.bench.notes --env Pendulum-v9', '--env Pendulum-v9: expected an environment'),
    ('python -m tools.bench.notes --seed x', '--seed x: expected a whole number'),
    ('python -m tools.bench.notes --epoch 3', '--epoch 3; the nearest flag is --epochs'),
    ('python -m tools.bench.study --epochs 0', '--epochs 0: expected a whole number of at least 1'),
    ("python -m tools.bench.study --data-dir ''", '--data-dir : expected a folder'),
    ('python -m tools.bench.paper --group default --seed 1 2', '--seed 1 2: expected 0 among them'),
    ('python -m tools.bench.paper --draw --data-dir none', '--data-dir none: expected a folder'),
    ('python -m tools.bench.paper --draw --seed 3', '--draw: expected none of --env, --group and'),
    ('python -m tools.bench.processor --seed 1', 'unrecognized arguments: --seed 1'),
    ('python -m tools.bench.benchmark --env Hopper-v2 --seed 12',
     '--seed 12: expected one of 0 to'),
    ('python -m tools.bench.benchmark --env Hopper', "--env: invalid choice: 'Hopper' (choose"),
    ('python -m tools.bench.benchmark --check', '--check: expected --tables beside it'),
    ('python -m tools.bench.benchmark --tables --seed 3', '--tables: expected none of --env, '),
    ('python -m tools.bench.recipes', 'the following arguments are required: stage'),
    ('python -m tools.bench.recipes final', '--recipe : expected 2 of gauss_w3e-3, gauss_w1e-2'),
    ('python -m tools.bench.recipes screen --recipe td3_w3e-3',
     '--recipe td3_w3e-3: expected none of gauss_w3e-3, gauss_w1e-2'),
    ('python -m tools.bench.recipes screen --scores --recipe td3_w3e-3',
     '--recipe td3_w3e-3: expected no recipe beside --scores'),
    ('python -m tools.bench.recipes all', "stage: invalid choice: 'all' (choose from"),
    ('python -m tools.bench.repeat --times 1', '--times: 1: expected a whole number of at least 2'),
    ('python -m tools.bench.repeat --times x', '--times: x: expected a whole number of at least 2'),
    ('python -m tools.bench.resume --kills -1', '--kills: -1: expected a whole number of at least'),
    ('python -m tools.bench.resume --env odd:Nan-v0', 'Nan-v0: expected an environment whose act'),
    ('python -m tools.bench.diagnosis --epochs 1.5', '--epochs: 1.5: expected a whole number'),
    ('python -m tools.bench.diagnosis --epochs 300', 'expected a whole number from 1 to 200'),
    ('python -m tools.bench.diagnosis --env Nothing-v0', '--env Nothing-v0: expected an environme'),
    ('python -m tools.bench.films none', 'FOLDER none: expected a folder with runs that have a tf'),
    ('python -m tools.bench.checkpoints --saves 1', '--saves: 1: expected a whole number from 2'),
    ('python -m tools.bench.same_bits', 'the following arguments are required: commit'),
    ('python -m tools.bench.same_bits HEAD --steps 9', '--steps: 9: expected a whole number of at'),
    ('python -m tools.bench.same_bits HEAD --seed x', '--seed: x: expected a whole number'),
    ('python -m tools.bench.same_bits no-such-commit', 'no-such-commit: expected a commit'),
    ('python -m tools.bench.sweeps --epochs none', '--epochs: none: expected a whole number'),
    ('python -m tools.bench.sweeps --env Nothing-v0', '--env Nothing-v0: expected an environment'),
    ('python -m tools.bench.throughput --rounds 0', '--rounds: 0: expected a whole number of at'),
    ('python -m tools.bench.throughput --build tf', '--build: tf: expected NAME=PYTHON'),
    ('python -m tools.bench.throughput --peer sb9=python', '--peer: sb9=python: expected'),
    ('python -m tools.bench.throughput --output missing/x', '--output: missing/x: expected'),
]

TABLE = (VALUES + FLAGS + COMBINATIONS + NAMES + ENVIRONMENTS + RESUME + SWEEP + SUMMARY + DIAGNOSE
         + PLAY + PLOT + OTHERS)
# As processes of their own, each command that is no bench among them.
PROCESSES = [row for row in TABLE if row[0] in (
    "python ddpg.py --seed ''", "python ddpg.py --epochs '1\n2'", "python ddpg.py 'a\nb'",
    "python ddpg.py --env Pendulum-v0 --data-dir ''", 'python ddpg.py --exp-name ..',
    "python ddpg.py --env ''", 'python ddpg.py --resume damaged',
    'python -m tools.sweep --hid [64,64', 'python -m tools.summary empty',
    "python -m tools.diagnose 'a\nb'", 'python -m spinup.run test_policy unexported',
    'python -m spinup.run test_policy run --itr 7', 'python -m spinup.run plot run -x Nowhere',
    "python -m spinup.run 'plot\nrun'", 'python -m tools.algorithm --chek')]


def main_and_words(line):
    """(main, words, name in messages) of a command line."""
    start = max((known for known in COMMANDS if line.startswith(known)), key=len)
    main, words, prog = COMMANDS[start]
    return main, words + shlex.split(line[len(start):]), prog


@pytest.fixture(scope='module')
def place(tmp_path_factory):
    """A folder with a run, and with what is none."""
    folder = tmp_path_factory.mktemp('place')
    here = os.getcwd()
    os.chdir(str(folder))
    try:
        ddpg.main('--env Pendulum-v0 --epochs 2 --steps-per-epoch 30 --start-steps 20 --hid 8 8 '
                  '--update-after 10 --batch-size 8 --max-ep-len 15 --replay-size 50 --save-freq 1 '
                  '--num-test-episodes 1 --data-dir made'.split())
        shutil.move(only_run('made'), 'run')
        shutil.rmtree('made')
        for name in ('damaged', 'without', 'unexported', 'homeless'):
            shutil.copytree('run', name)
        for name in os.listdir('damaged/checkpoints'):
            if name.endswith('.json'):
                (folder / 'damaged/checkpoints' / name).write_text('{"format": 2, "content')
        shutil.rmtree('without/checkpoints')
        for name in ('without/checkpoints', 'empty', 'folder.png', 'film.mp4', 'table', 'data',
                     'blocked', 'others/ppo'):
            os.makedirs(name)
        (folder / 'unexported/tf1_save/saved_model.pb').write_bytes(b'nothing')
        os.remove('homeless/vars.pkl')
        config = json.loads((folder / 'run/config.json').read_text())
        (folder / 'homeless/config.json').write_text(json.dumps(dict(config, env='Gone-v0')))
        shutil.copy('run/progress.txt', 'table')
        for name in ('file', 'data/file', 'blocked/checkpoints'):
            (folder / name).write_text('kept')
        (folder / 'others/ppo/config.json').write_text('{"exp_name": "ppo"}')
        (folder / 'others/ppo/progress.txt').write_text('Epoch\tLoss\n0\t1.5\n')
        os.symlink('nothing', 'dangling')
        os.symlink('loop', 'loop')
        (folder / 'odd.py').write_text(ODD)
        (folder / 'damaged_module.py').write_text('def')
        (folder / 'ends_python.py').write_text('import sys\nsys.exit("not so")\n')
    finally:
        os.chdir(here)
    return folder


@pytest.fixture
def in_place(place, monkeypatch):
    """In that folder; what would be accepted does not train for hours."""
    def accepted(*args, **kwargs):
        raise AssertionError('it was accepted')

    monkeypatch.chdir(place)
    # tools.bench.study adds to both.
    monkeypatch.setattr(sys, 'path', list(sys.path))
    monkeypatch.setenv('PYTHONPATH', os.environ.get('PYTHONPATH', ''))
    monkeypatch.syspath_prepend(str(place))
    monkeypatch.setattr(sys, 'dont_write_bytecode', True)
    monkeypatch.setattr(Run, 'epochs', accepted)
    monkeypatch.setattr(sweep, 'ray_on_this_machine', accepted)
    monkeypatch.delenv('DISPLAY', raising=False)
    return place


def test_the_table_is_long_and_says_nothing_twice():
    lines = [line for line, _ in TABLE]
    assert len(lines) == len(set(lines)) >= 150
    assert len(PROCESSES) == 15 and {main_and_words(line)[2] for line, _ in PROCESSES} == {
        prog for _, _, prog in COMMANDS.values() if not prog.startswith('tools.bench.')}
    assert {main_and_words(line)[2] for line in lines} == {prog for _, _, prog in COMMANDS.values()}


@pytest.mark.parametrize('line, said', TABLE, ids=[ascii(line)[1:80] for line, _ in TABLE])
def test_one_line_and_nothing_is_touched(in_place, capsys, line, said):
    main, words, prog = main_and_words(line)
    assert said in refusal(capsys, *words, main=main, prog=prog)


@pytest.mark.parametrize('words', [['--bogus'], ['--seed', 'x']])
def test_without_a_stderr_nothing_is_said(words, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, 'stderr', None)
    for main in (ddpg.main, sweep.main):
        assert call(capsys, *words, main=main) == (2, '', '')
    assert not os.listdir('.')


def test_as_processes(place):
    before = tree(str(place))
    env = dict(os.environ, PYTHONPATH=os.pathsep.join([HERE, os.path.join(HERE, 'spinningup')]),
               PYTHONDONTWRITEBYTECODE='1')
    for first in range(0, len(PROCESSES), 3):       # three at a time: each wants some memory
        started = []
        for line, said in PROCESSES[first:first + 3]:
            words = shlex.split(line.replace('python ddpg.py', 'python ' + os.path.join(
                HERE, 'ddpg.py')))[1:]
            started.append((line, said, subprocess.Popen(
                [sys.executable] + words, cwd=str(place), env=env, stdout=subprocess.PIPE,
                stderr=subprocess.PIPE, universal_newlines=True)))
        for line, said, process in started:
            out, err = process.communicate(timeout=300)
            prog = main_and_words(line)[2]
            assert (process.returncode, out) == (2, ''), (line, out, err)
            assert re.match(re.escape(prog) + ': error: ', err) and err.count('\n') == 1, err
            assert said in err
    assert tree(str(place)) == before
