"""
video.py: an environment, filmed without a display.

MuJoCo draws offscreen, through OSMesa. Environments that draw through pyglet, such as Gym's classic
tasks, want an X server: Xvfb is one that draws into memory.
"""
import atexit
import contextlib
import ctypes
import functools
import math
import os
import shutil
import signal
import subprocess
import sys
import warnings

import numpy as np

from spinup.utils.command import BadInput, described, require, writing_whole

PR_SET_PDEATHSIG = 1        # of <linux/prctl.h>


# ---- Displays -----------------------------------------------------------------------------------

def has_display():
    """Whether there is a screen to show an environment on."""
    return not sys.platform.startswith('linux') or bool(
        os.environ.get('DISPLAY') or os.environ.get('WAYLAND_DISPLAY'))


@contextlib.contextmanager
def display_in_memory():
    """Inside, DISPLAY is an Xvfb's, where there is no other display and Xvfb can be started."""
    display = start_xvfb() if not has_display() and shutil.which('Xvfb') else None
    if display:
        os.environ['DISPLAY'] = display
    try:
        yield
    finally:
        if display:
            del os.environ['DISPLAY']


@functools.lru_cache(maxsize=None)
def start_xvfb():
    """
    Starts Xvfb, once per process, and for as long: pyglet keeps its first connection, and Xlib ends
    a process whose server is gone.

    Returns:
        Its value for DISPLAY; None where it does not start.
    """
    libc = ctypes.CDLL(None)
    number_out, number_in = os.pipe()
    # In a session of its own Ctrl-C leaves it alone; where this process is killed, Linux ends it.
    server = subprocess.Popen(
        ['Xvfb', '-displayfd', str(number_in), '-screen', '0', '1280x1024x24', '-nolisten', 'tcp'],
        pass_fds=[number_in], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL, start_new_session=True,
        preexec_fn=lambda: libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM))
    os.close(number_in)
    with os.fdopen(number_out) as lines:
        number = lines.readline().strip()

    def stop():
        server.terminate()
        server.wait()
    atexit.register(stop)
    return ':' + number if number else None


# ---- Frames -------------------------------------------------------------------------------------

def draw(env):
    """
    The environment as an image: (height, width), or with a third axis of 1, 3 or 4 channels.

    Raises:
        BadInput: It cannot be drawn here, or gives no image.
    """
    try:
        # Gymnasium's environments draw in the mode that they were made with.
        in_mode = {} if getattr(env, 'render_mode', None) == 'rgb_array' else {'mode': 'rgb_array'}
        frame = env.render(**in_mode)
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')     # NumPy's, of lists that are no image
            image = np.array(frame)             # a copy: some draw all frames into one array
    except Exception as error:          # OpenGL, X and pyglet each have their own
        advice = '' if has_display() else '; where it wants a display, ' + (
            'Xvfb would be one, but does not start here' if shutil.which('Xvfb') else
            'install the Debian package xvfb')
        raise BadInput('this environment cannot be drawn here ({}){}'.format(
            described(error), advice)) from error
    is_image = image.dtype.kind in 'buif' and image.size and (
        image.ndim == 2 or image.ndim == 3 and image.shape[2] in (1, 3, 4))
    require(is_image, "this environment cannot be filmed: its render(mode='rgb_array') gives {}, "
            'expected numbers of shape (height, width, 3)'.format(
                frame if frame is None else 'an array of shape {}, {}'.format(
                    image.shape, image.dtype)))
    return image


def as_video(images):
    """
    Images of `draw` as frames (height, width, 3), uint8: grey becomes RGB, alpha is dropped. Floats
    and booleans are scaled by 255 where none in the video exceeds 1; what is not finite becomes 0,
    and all is clipped to 0 ... 255.

    Raises:
        BadInput: They have different sizes.
    """
    sizes = {image.shape[:2] for image in images}
    require(len(sizes) == 1, 'this environment cannot be filmed: its frames have different sizes, '
            + ', '.join('{} x {}'.format(*size) for size in sorted(sizes)))
    images = [np.where(np.isfinite(image), image, image.dtype.type(0)) for image in images]
    shares = all(image.dtype.kind in 'bf' and image.max() <= 1 for image in images)
    frames = []
    for image in images:
        if image.dtype != np.uint8:
            image = np.rint(np.clip(image * (255. if shares else 1.), 0, 255)).astype(np.uint8)
        image = image.reshape(image.shape[:2] + (-1,))[..., :3]
        frames.append(np.broadcast_to(image, image.shape[:2] + (3,)))
    return frames


def write_video(path, images, fps):
    """
    Write a .gif or .mp4 file, whole or not at all.

    Args:
        path (str): File.
        images (list of array): One per step of the environment, from `draw`.
        fps (float): Frames per second.

    Raises:
        BadInput: The images are no video, or the file cannot be written.
    """
    import imageio
    frames = as_video(images)
    with writing_whole(path) as partial:
        try:
            open(partial, 'wb').close()         # where it cannot be written, ffmpeg does not say so
            if path.endswith('.gif'):
                # Its clock has hundredths of a second, of which players take no fewer than two.
                every = math.ceil(fps / 50)
                frames = frames[::every]
                ends = np.rint(np.arange(len(frames) + 1) * every * 100 / fps)
                first, *others = (10 * np.diff(ends)).tolist()
                imageio.mimsave(partial, frames, loop=0,
                                duration=[first, *others] if others else first)
            else:       # MuJoCo's 500 x 500 pixels are whole blocks of 4, not of the usual 16
                imageio.mimsave(partial, frames, fps=fps, macro_block_size=4,
                                ffmpeg_log_level='error')
        except OSError:
            raise
        except Exception as error:      # of Pillow and ffmpeg, of many kinds
            raise BadInput('{}: cannot be written ({})'.format(path, described(error))) from error
    print('Wrote {} ({} frames)'.format(path, len(frames)))
