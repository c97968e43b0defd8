"""
test_policy.py: play an exported policy, without noise.

    python -m spinup.run test_policy RUN_FOLDER [--video cheetah.gif]

Beyond Spinning Up's: it plays without a display, where it says so, and records an episode to a file
(MuJoCo draws offscreen through OSMesa; the environments that draw through pyglet want a display).
"""
import os
import sys
import tempfile
import time

import gym
import joblib
import numpy as np

from spinup.utils.command import BadInput, Parser, require, telling_bad_input
from spinup.utils.logx import EpochLogger, import_tensorflow, restore_tf_graph


def load_policy_and_env(fpath, itr='last', deterministic=False):
    """
    What a run saved.

    Args:
        fpath (str): Run folder.
        itr (int): Number of the save. 'last': the highest; where there is none, the unnumbered one.
        deterministic (bool): Use the output 'mu' where there is one (of SAC), not 'pi'.

    Returns:
        env, and get_action: observation (obs_dim,) -> action (act_dim,). env is None where it could
        not be loaded.

    Raises:
        BadInput: There is no such export.
    """
    names = os.listdir(fpath) if os.path.isdir(fpath) else []
    if itr == 'last':
        numbers = [int(name[8:]) for name in names
                   if name.startswith('tf1_save') and name[8:].isdigit()]
        itr = max(numbers) if numbers else ''
    folder = 'tf1_save{}'.format(itr)
    require(folder in names, '{}: expected a run folder with a {} in it'.format(fpath, folder))
    get_action = load_tf_policy(os.path.join(fpath, folder), deterministic)
    try:
        env = joblib.load(os.path.join(fpath, 'vars{}.pkl'.format(itr)))['env']
    except Exception as error:        # unpickling runs the objects' own code: anything can come
        print('Could not load the environment: {}'.format(error), file=sys.stderr)
        env = None
    return env, get_action


def load_tf_policy(folder, deterministic=False):
    """get_action of the export in a folder `tf1_save`; see `load_policy_and_env`."""
    tf = import_tensorflow()
    with tf.Graph().as_default():
        sess = tf.Session()
        model = restore_tf_graph(sess, folder)
    action = model['mu'] if deterministic and 'mu' in model else model['pi']
    return lambda o: sess.run(action, {model['x']: np.asarray(o)[None]})[0]


def run_policy(env, get_action, max_ep_len=None, num_episodes=100, render=True, video=None):
    """
    Play episodes and print their returns, then a table.

    Args:
        env: Environment.
        get_action (function): Of an observation.
        max_ep_len (int): Time limit beside the environment's own; None or 0 for none.
        num_episodes (int): Number of episodes.
        render (bool): Whether to show them.
        video (str): File, .gif or .mp4, for the first episode.

    Raises:
        BadInput: There is no environment.
    """
    require(env is not None,
            'Environment not found! The run saved none, or one that cannot be loaded here. Make '
            'one, and call run_policy(env, get_action) yourself.')
    with tempfile.TemporaryDirectory() as folder:
        logger = EpochLogger(folder)
        for episode in range(num_episodes):
            o, done, ep_ret, ep_len, frames = env.reset(), False, 0, 0, []
            while not (done or ep_len == max_ep_len and max_ep_len):
                if render:
                    env.render()
                    time.sleep(1e-3)
                if video and episode == 0:
                    frames.append(draw(env))
                o, r, done, _ = env.step(get_action(o))
                ep_ret, ep_len = ep_ret + r, ep_len + 1
            if frames:
                write_video(video, frames, env.metadata.get('video.frames_per_second', 30))
            logger.store(EpRet=ep_ret, EpLen=ep_len)
            print('Episode %d \t EpRet %.3f \t EpLen %d' % (episode, ep_ret, ep_len))
        logger.log_tabular('EpRet', with_min_and_max=True)
        logger.log_tabular('EpLen', average_only=True)
        logger.dump_tabular()


def draw(env):
    """
    The environment as an image (height, width, 3), uint8, drawn offscreen.

    Raises:
        BadInput: It cannot be drawn here.
    """
    try:
        return env.render(mode='rgb_array')
    except Exception as error:        # OpenGL, X and pyglet each have their own
        raise BadInput(
            'this environment cannot be drawn here ({}); if it wants a display, `xvfb-run -a '
            'python -m spinup.run test_policy ...` gives it one'.format(error)) from error


def write_video(path, frames, fps):
    """
    Write frames (height, width, 3), uint8, to a .gif or .mp4 file.

    Args:
        path (str): File.
        frames (list of array): One per step of the environment.
        fps (float): Frames per second.
    """
    import imageio
    if path.endswith('.gif'):
        imageio.mimsave(path, frames, duration=1000 / fps, loop=0)
    else:       # MuJoCo's 500 x 500 pixels are whole blocks of 4, not of the usual 16
        imageio.mimsave(path, frames, fps=fps, macro_block_size=4, ffmpeg_log_level='error')
    print('Wrote {} ({} frames)'.format(path, len(frames)))


def has_display():
    """Whether there is a screen to show an environment on."""
    return not sys.platform.startswith('linux') or bool(
        os.environ.get('DISPLAY') or os.environ.get('WAYLAND_DISPLAY'))


def main(argv=None):
    """The command line."""
    parser = Parser(prog='spinup.run test_policy',
                    description='Play an exported policy, without noise.')
    parser.add_argument('fpath', help='run folder')
    parser.add_argument('--len', '-l', type=int, default=0,
                        help='time limit of an episode in steps; 0: the environment has its own')
    parser.add_argument('--episodes', '-n', type=int, help='default: 100, or 1 with --video')
    parser.add_argument('--norender', '-nr', action='store_true', help='do not show them')
    parser.add_argument('--itr', '-i', type=int, default=-1,
                        help='number of the save; -1: the last')
    parser.add_argument('--deterministic', '-d', action='store_true',
                        help="use the output 'mu' where there is one (of SAC)")
    parser.add_argument('--video', metavar='FILE', help='write the first episode to a .gif or .mp4')
    args = parser.parse_args(argv)
    gym.logger.set_level(gym.logger.ERROR)
    render = not args.norender and not args.video
    if render and not has_display():
        print('No display: the episodes are not shown. --video FILE records one.')
        render = False
    episodes = args.episodes if args.episodes is not None else 1 if args.video else 100
    with telling_bad_input(parser.prog):
        require(episodes >= 1, '--episodes {}: expected at least 1'.format(episodes))
        require(args.len >= 0, '--len {}: expected at least 0'.format(args.len))
        require(not args.video or args.video.endswith(('.gif', '.mp4')),
                '--video {}: expected a file that ends in .gif or .mp4'.format(args.video))
        env, get_action = load_policy_and_env(
            args.fpath, args.itr if args.itr >= 0 else 'last', args.deterministic)
        run_policy(env, get_action, args.len, episodes, render, args.video)


if __name__ == '__main__':
    main()
