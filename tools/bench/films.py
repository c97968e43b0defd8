"""
films.py: a small film of each committed policy, for docs/results.md.

    python -m tools.bench.films [FOLDER]

Films the exported policy of the first run of each group below FOLDER (out/benchmark), four seconds
of its environment's time at the most, into <group>.gif beside the run. (`python -m spinup.run
test_policy RUN --video FILE` films one run, in full size.) Pendulum-v0 and MountainCarContinuous-v0
want Debian's package xvfb, which the player starts by itself. Exit code: of the last group that
could not be filmed.
"""
import glob
import itertools
import math
import os
import subprocess
import sys
import tempfile

import numpy as np

from harness.command import Parser, ending
from harness.files import write_whole
from harness.settings import BadSetting

SECONDS, STEPS = 4, 500         # of the fastest environment's 125 steps per second
FRAMES_PER_SECOND, PIXELS, COLORS = 10, 200, 48


def small(frame):
    """A frame (height, width, 3) as one of PIXELS rows and of few COLORS, which GIF packs well."""
    from PIL import Image               # here: what only reads the command line does without
    image = Image.fromarray(frame)
    image = image.resize((PIXELS * image.width // image.height, PIXELS), Image.BOX)
    return np.array(image.quantize(COLORS, dither=Image.Dither.NONE).convert('RGB'))


def film(run):
    """
    Film a run's policy: the player's own film, made small.

    Args:
        run (str): Its folder, which has a tf1_save.

    Returns:
        str: The file.

    Raises:
        subprocess.CalledProcessError: The player cannot film it; it has said why.
    """
    import imageio
    group = os.path.dirname(os.path.abspath(run))
    path = os.path.join(group, os.path.basename(group) + '.gif')
    with tempfile.TemporaryDirectory() as folder:
        full = os.path.join(folder, 'full.mp4')
        subprocess.run([sys.executable, '-m', 'spinup.run', 'test_policy', run, '--len', str(STEPS),
                        '--video', full], check=True, stdout=subprocess.DEVNULL)
        with imageio.get_reader(full) as reader:
            fps = reader.get_meta_data()['fps']
            every = max(round(fps / FRAMES_PER_SECOND), 1)
            frames = [small(frame)
                      for frame in itertools.islice(reader, 0, math.ceil(SECONDS * fps), every)]
    write_whole(path, imageio.mimwrite(imageio.RETURN_BYTES, frames, format='gif', loop=0,
                                       duration=1000 * every / fps))
    return path


def main(argv=None):
    """The command line."""
    parser = Parser(prog='tools.bench.films', description=__doc__.split('\n')[1])
    parser.add_argument('folder', nargs='?', metavar='FOLDER',
                        default=os.path.join('out', 'benchmark'))
    args = parser.parse_args(argv)
    with ending(parser.prog):
        runs = sorted(map(os.path.dirname, glob.glob(
            os.path.join(args.folder, '**', 'tf1_save'), recursive=True)))
        if not runs:
            raise BadSetting('FOLDER', args.folder, 'a folder with runs that have a tf1_save')
        code = 0
        for _, (run, *_) in itertools.groupby(runs, os.path.dirname):
            try:
                print('Wrote {}'.format(film(run)), flush=True)
            except subprocess.CalledProcessError as error:
                code = error.returncode
        sys.exit(code)


if __name__ == '__main__':
    main()
