"""
figures.py: where tools leave what they make of runs, figures that are whole or not there, and the
digits of numbers in tables.
"""
import io
import os

from harness.files import write_whole
from harness.settings import BadSetting

# Below the current folder. Not beside the runs: these may be another's, or committed.
FIGURES = os.path.join('out', 'figures')


def name_of(folder):
    """The last component of a folder's path, a name for what is made of it."""
    return os.path.basename(os.path.realpath(folder)) or 'root'


def write(path, data, setting='FILE'):
    """
    Write `data` (bytes) whole; the folder is made where it is missing.

    Raises:
        BadSetting: It cannot be written; `setting` is its name.
    """
    try:
        os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
        write_whole(os.path.abspath(path), data)
    except OSError as error:
        raise BadSetting(setting, path, 'a file that can be written; '
                         + (error.strerror or str(error))) from None


def write_figure(figure, path, setting='FILE', **options):
    """The same of a figure, in the format that the name ends in; options are of savefig."""
    data = io.BytesIO()
    figure.savefig(data, format=os.path.splitext(path)[1][1:], **options)
    write(path, data.getvalue(), setting)


def decimals(like):
    """Decimals in the tables for returns of this size: one, or three where they are below 1."""
    return 3 if abs(like) < 1 else 1


def shown(value, like=None):
    """
    A return as text: an int as it is, a float with no, one, two or four decimals: the more, the
    smaller `like` is, by default the return itself.
    """
    if isinstance(value, int):
        return '{:,}'.format(value)
    size = abs(value if like is None else like)
    return '{:,.{}f}'.format(value, int(size < 500) + int(size < 15) + 2 * int(size < 0.1))
