"""
test_policy.py: play an exported policy, without noise.

    python -m spinup.run test_policy RUN_FOLDER [--video cheetah.mp4]

Beyond Spinning Up's: the environment is made by the id in config.json, and a pickle, which runs
code, is loaded only where that cannot be; environments may have Gymnasium's interface; it plays
without a display, where it says so, and films an episode (video.py).
"""
import contextlib
import json
import os
import sys
import tempfile
import time

import gym
import joblib
import numpy as np

from spinup.utils.command import (BadInput, Parser, command, ctrl_c_waits, described, require,
                                  whole_number)
from spinup.utils.logx import EpochLogger, import_tensorflow
from spinup.utils.video import display_in_memory, draw, has_display, write_video

# mujoco-py would want another extension where NVIDIA's driver is.
os.environ.setdefault('MUJOCO_PY_FORCE_CPU', '1')

FILMED_STEPS = 200      # without --len: ten seconds of a cheetah


# ---- What a run saved ---------------------------------------------------------------------------

def load_policy_and_env(fpath, itr='last', deterministic=False):
    """
    What a run saved.

    Args:
        fpath (str): Run folder.
        itr (int): Number of the save. 'last': the highest; where there is none, the unnumbered one.
        deterministic (bool): Use the output 'mu' where there is one (of SAC), not 'pi'.

    Returns:
        env, and get_action: observation (obs_dim,) -> action (act_dim,). env is None where none can
        be loaded; the reason goes to stderr.

    Raises:
        BadInput: There is no such export.
    """
    itr = number_of_save(fpath, itr)
    get_action = load_tf_policy(os.path.join(fpath, 'tf1_save{}'.format(itr)), deterministic)
    try:
        env = load_env(fpath, itr)
    except BadInput as error:
        print(error, file=sys.stderr)
        env = None
    return env, get_action


def number_of_save(fpath, itr='last'):
    """The number of a save, or ''; see `load_policy_and_env`. Raises BadInput where it is none."""
    names = os.listdir(fpath) if os.path.isdir(fpath) else []
    if itr == 'last':
        numbers = [int(name[8:]) for name in names
                   if name.startswith('tf1_save') and name[8:].isdigit()]
        itr = max(numbers) if numbers else ''
    folder = 'tf1_save{}'.format(itr)
    require(folder in names, '{}: expected a run folder with a {} in it'.format(fpath, folder))
    return itr


def load_tf_policy(folder, deterministic=False):
    """
    get_action of the export in a folder `tf1_save`; see `load_policy_and_env`. Its tensors are
    found by the export's own signature, not by model_info.pkl.

    Raises:
        BadInput: The export cannot be loaded, or has no 'x' and 'pi'. So does get_action, where an
            observation is not of the policy's shape.
    """
    tf = import_tensorflow()
    with tf.Graph().as_default() as graph:
        sess = tf.Session(config=tf.ConfigProto(    # as in training: a core, and no GPU
            intra_op_parallelism_threads=1, device_count={'GPU': 0}, allow_soft_placement=True))
        try:
            export = tf.saved_model.loader.load(
                sess, [tf.saved_model.tag_constants.SERVING], folder)
        except Exception as error:      # of files and of TensorFlow, of many kinds
            raise BadInput('{}: cannot be loaded ({})'.format(folder, described(error))) from error
    signature = dict(export.signature_def).get('serving_default')
    inputs, outputs = (dict(signature.inputs), dict(signature.outputs)) if signature else ({}, {})
    require('x' in inputs and 'pi' in outputs, "{}: expected a signature 'serving_default' with an "
            "input 'x' and an output 'pi'".format(folder))
    key = 'mu' if deterministic and 'mu' in outputs else 'pi'
    x, action = (graph.get_tensor_by_name(info.name) for info in (inputs['x'], outputs[key]))

    def get_action(o):
        o = np.asarray(o)
        require(x.shape[1:].is_compatible_with(o.shape), 'this policy is for observations of shape '
                '{}, the environment gives {}'.format(x.shape[1:], o.shape))
        return sess.run(action, {x: o[None]})[0]
    return get_action


def load_env(fpath, itr=''):
    """
    A run's environment: made by the id in its config.json, or else unpickled from vars<itr>.pkl.
    An environment that a function made may have had wrappers, so there the pickle comes first.

    Args:
        fpath (str): Run folder.
        itr (int): Number of the save; '' for none.

    Raises:
        BadInput: Neither gives one that works. It says why, in one line.
    """
    config = read_config(fpath)
    name, pickled = config.get('env'), os.path.join(fpath, 'vars{}.pkl'.format(itr))

    def made():
        return gym.make(name, **config.get('env_kwargs') or {})

    def unpickled():
        env = read_env(pickled)
        if name:
            try_out(env)        # the id may give one that works
        return env

    ways = [('the id in config.json', made)] if isinstance(name, str) else []
    ways.append((pickled, unpickled))
    if config.get('env_made_by') == 'function':
        ways.reverse()
    reasons = []
    for source, way in ways:
        try:
            env = way()
        except Exception as error:      # modules and environments run their own code
            reasons.append('{} gives none ({})'.format(source, described(error)))
            continue
        if reasons:
            print('Environment: {}; it comes from {}.'.format(reasons[0], source))
        return env
    raise BadInput('Environment not found! {}. Make one, and call run_policy(env, get_action) '
                   'yourself.'.format('; '.join(reasons)))


def read_config(fpath):
    """A run's config.json, a dict; an empty one where it cannot be read."""
    try:
        with open(os.path.join(fpath, 'config.json'), encoding='utf-8') as file:
            config = json.load(file)
    except (OSError, ValueError, RecursionError):
        return {}
    return config if isinstance(config, dict) else {}


def limit_of(fpath):
    """The max_ep_len of a run's config.json, None where it names none."""
    limit = read_config(fpath).get('max_ep_len')
    return limit if type(limit) is int and limit > 0 else None


def read_env(path):
    """
    The environment in a vars.pkl. THIS RUNS CODE THAT IS IN THE FILE.

    Raises:
        BadInput: There is none in it, the file is damaged, or the environment's own code raises.
        OSError: There is no such file.
    """
    size = os.path.getsize(path)
    try:
        state = joblib.load(path)
    except Exception as error:          # a damaged pickle can ask for anything
        raise BadInput('its {} bytes cannot be unpickled; {}'.format(
            size, described(error))) from error
    require(isinstance(state, dict) and state.get('env') is not None, 'it holds no env')
    return state['env']


# ---- Playing ------------------------------------------------------------------------------------

def asked(env, name, *args):
    """env.<name>(*args). Raises BadInput, in one line, where that raises anything."""
    try:
        return getattr(env, name)(*args)
    except Exception as error:          # environments run their own code
        raise BadInput('this environment cannot be played here: its {}() raises {}'.format(
            name, described(error))) from error


def observation(returned):
    """Of what a reset() gives; Gymnasium's gives (observation, info)."""
    pair = isinstance(returned, tuple) and len(returned) == 2 and isinstance(returned[1], dict)
    return returned[0] if pair else returned


def four_values(returned):
    """Of what a step() gives; Gymnasium's (observation, reward, terminated, truncated, info)."""
    if not (isinstance(returned, tuple) and len(returned) == 5):
        return returned
    o, r, terminated, truncated, info = returned
    return o, r, terminated or truncated, info


@contextlib.contextmanager
def gyms_interface(env):
    """Within it, an environment with Gymnasium's interface has Gym's, below its Gym wrappers."""
    while isinstance(env, gym.Wrapper):
        env = env.env
    if not all(hasattr(env, name) for name in ('__dict__', 'reset', 'step')):
        yield                           # what has no such interface is told when it is asked
        return
    was, running = dict(vars(env)), []

    def placed(own, of_gym):
        def method(*args, **kwargs):
            if running:                 # the environment calls its own method
                return own(*args, **kwargs)
            running.append(own)
            try:
                return of_gym(own(*args, **kwargs))
            finally:
                running.pop()
        return method

    env.reset, env.step = placed(env.reset, observation), placed(env.step, four_values)
    try:
        yield
    finally:
        for name in ('reset', 'step'):
            delattr(env, name)
            if name in was:
                setattr(env, name, was[name])


def step(env, action):
    """observation, reward and whether the episode ended."""
    returned = asked(env, 'step', action)
    require(isinstance(returned, (tuple, list)) and len(returned) == 4,
            'this environment cannot be played: its step() gives {}, expected (observation, '
            'reward, done, info)'.format(type(returned).__name__))
    o, r, done, _ = returned
    return o, r, done


def as_sent(action, space):
    """
    An action in the space's own type, if it has one: rounded for whole numbers, and clipped where
    only float32's rounding took it beyond the bounds.
    """
    dtype = getattr(space, 'dtype', None)
    if dtype is None:
        return action
    whole = np.dtype(dtype).kind in 'iu'
    if hasattr(space, 'low') and np.shape(action) == np.shape(space.low):
        within = np.clip(action, space.low, space.high)
        action = np.where(np.isclose(action, within), within, action)
    return np.asarray(np.rint(action) if whole else action, dtype)[()]


def try_out(env):
    """Raises BadInput where an environment does not work: some cannot do more than be unpickled."""
    with gyms_interface(env):
        asked(env, 'reset')
        step(env, env.action_space.sample())


def run_policy(env, get_action, max_ep_len=None, num_episodes=100, render=True, video=None,
               filmed_steps=None):
    """
    Play episodes and print their returns, then a table.

    Args:
        env: Environment, of Gym's interface or Gymnasium's.
        get_action (function): Of an observation.
        max_ep_len (int): Time limit beside the environment's own; None or 0 for none.
        num_episodes (int): Number of episodes.
        render (bool): Whether to show them.
        video (str): File, .mp4 or .gif, for the first steps of the first episode.
        filmed_steps (int): How many; None: max_ep_len, or FILMED_STEPS.

    Raises:
        BadInput: There is no environment, or it cannot be played or filmed here.
    """
    require(env is not None,
            'Environment not found! The run saved none, or one that cannot be loaded here. Make '
            'one, and call run_policy(env, get_action) yourself.')
    filmed_steps, images = filmed_steps or max_ep_len or FILMED_STEPS, []
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        stack.enter_context(gyms_interface(env))
        logger = stack.enter_context(contextlib.closing(EpochLogger(folder)))
        for episode in range(num_episodes):
            o, done, ep_ret, ep_len = asked(env, 'reset'), False, 0, 0
            while not done:
                if render:
                    asked(env, 'render')
                    time.sleep(1e-3)
                if video:
                    images.append(draw(env))
                with ctrl_c_waits():
                    o, r, done = step(env, as_sent(get_action(o), env.action_space))
                ep_ret, ep_len = ep_ret + r, ep_len + 1
                done = done or ep_len == max_ep_len
                if video and (done or ep_len == filmed_steps):
                    write_video(video, images, frames_per_second(env))
                    video = None
            logger.store(EpRet=ep_ret, EpLen=ep_len)
            print('Episode %d \t EpRet %.3f \t EpLen %d' % (episode, ep_ret, ep_len))
        logger.log_tabular('EpRet', with_min_and_max=True)
        logger.log_tabular('EpLen', average_only=True)
        logger.dump_tabular()


def frames_per_second(env):
    """What an environment says of its steps' time, in Gym's words or Gymnasium's; else 30."""
    metadata = getattr(env, 'metadata', None) or {}
    return metadata.get('video.frames_per_second') or metadata.get('render_fps') or 30


# ---- The command line ---------------------------------------------------------------------------

@command('spinup.run test_policy')
def main(argv=None):
    """
    The command line.

    Args:
        argv (list of str): See --help. None: the process's own.

    Raises:
        SystemExit: Exit code 2 where the run, its environment or a file cannot be used.
    """
    parser = Parser(
        prog='spinup.run test_policy', description='Play an exported policy, without noise.',
        epilog='PLAY ONLY RUNS THAT YOU TRUST. The environment is made by the Gym id in the '
               "run's config.json. Where Gym does not know it here, or the run got its environment "
               "from a function, or is one of OpenAI's, it is loaded from vars.pkl: a pickle, "
               'which can run any code.')
    parser.add_argument('fpath', help='run folder')
    parser.add_argument('--len', '-l', type=whole_number, default=0,
                        help="time limit of an episode in steps; 0: the run's max_ep_len, by which "
                        "its tests ended, beside the environment's own")
    parser.add_argument('--episodes', '-n', type=whole_number,
                        help='default: 100, or 1 with --video')
    parser.add_argument('--norender', '-nr', action='store_true', help='do not show them')
    parser.add_argument('--itr', '-i', type=whole_number, default=-1,
                        help='number of the save; -1, or any below 0: the last')
    parser.add_argument('--deterministic', '-d', action='store_true',
                        help="use the output 'mu' where there is one (of SAC)")
    parser.add_argument('--video', metavar='FILE', help='film the first episode, into an .mp4 or a '
                        '(much larger) .gif: the first {} steps, or --len of them; without a '
                        'display, pyglet\'s environments want Xvfb (Debian package xvfb)'.format(
                            FILMED_STEPS))
    args = parser.parse_args(argv)
    gym.logger.set_level(gym.logger.ERROR)
    episodes = args.episodes if args.episodes is not None else 1 if args.video else 100
    require(episodes >= 1, '--episodes {}: expected at least 1'.format(episodes))
    require(args.len >= 0, '--len {}: expected at least 0'.format(args.len))
    if args.video is not None:
        require(os.path.splitext(args.video)[1] in ('.mp4', '.gif')
                and not os.path.isdir(args.video),
                '--video {}: expected a file that ends in .mp4 or .gif'.format(args.video))
        require(os.access(os.path.dirname(args.video) or os.curdir, os.W_OK),
                '--video {}: expected a folder that exists and can be written'.format(args.video))
    itr = number_of_save(args.fpath, args.itr if args.itr >= 0 else 'last')
    render = not args.norender and not args.video
    with display_in_memory() if args.video else contextlib.nullcontext():
        with ctrl_c_waits():
            get_action = load_tf_policy(os.path.join(args.fpath, 'tf1_save{}'.format(itr)),
                                        args.deterministic)
            env = load_env(args.fpath, itr)
        if render and not has_display():
            print('No display: the episodes are not shown. --video FILE records one.')
            render = False
        try:
            run_policy(env, get_action, args.len or limit_of(args.fpath), episodes, render,
                       args.video, args.len or FILMED_STEPS)
        finally:
            # Its windows close while their display is there. What fails now changes nothing.
            with contextlib.suppress(Exception):
                env.close()


if __name__ == '__main__':
    main()
