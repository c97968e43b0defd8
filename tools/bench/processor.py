"""
processor.py: what a run's bits depend on of the processor.

    python -m tools.bench.processor

Prints a digest of square roots and one of matrix products, as TensorFlow computes them in an
update with the default settings on HalfCheetah-v2. Where two machines print different digests, they
train different bits. There are three reasons:

- Adam divides by a square root. TensorFlow's (Eigen's for vectors) begins with the processor's
  RSQRTPS, an approximation that each model may make in its own way, and ends with one step of
  Newton's, which leaves the last bits to it: told is the share that is not the correctly rounded
  root.
- Products are MKL-DNN's, which has other kernels for AVX-512 than for AVX2.
- Eigen cuts products into blocks by the size of the first data cache. To show that, they are done
  again with other sizes put where Eigen keeps them.
"""
import ctypes
import hashlib
import re
import sys

import numpy as np

from harness.agent import session_config
from harness.command import Parser, ending
from harness.origin import processor
from harness.quiet_tf import tf
from harness.settings import defaults_of
import core
import ddpg

BATCH = defaults_of(ddpg.ddpg)['batch_size']
FIRST, SECOND = defaults_of(core.mlp_actor_critic)['hidden_sizes']
OBS_DIM, ACT_DIM = 17, 6
LAYERS = [(OBS_DIM, FIRST), (FIRST, SECOND), (FIRST + ACT_DIM, SECOND), (SECOND, ACT_DIM),
          (SECOND, 1)]


def digest(arrays):
    """Twelve digits that tell arrays apart by their bits."""
    return hashlib.sha256(b''.join(a.tobytes() for a in arrays)).hexdigest()[:12]


def square_roots(sess):
    """The digest of the roots of all float32 from 1 to 4, and the share that is not exact."""
    bits = np.array([1, 4], np.float32).view(np.int32)
    numbers = np.arange(*bits, dtype=np.int32).view(np.float32)
    x = tf.placeholder(tf.float32, numbers.shape)
    roots = sess.run(tf.sqrt(x), {x: numbers})
    return digest([roots]), np.mean(roots != np.sqrt(numbers))


def products(sess):
    """A function without arguments: the digest of the products forwards and backwards."""
    rng = np.random.RandomState(0)
    feed, outputs = {}, []

    def matrix(*shape):
        placeholder = tf.placeholder(tf.float32, shape)
        feed[placeholder] = rng.randn(*shape)
        return placeholder

    for inputs, units in LAYERS:
        x, w, gradient = matrix(BATCH, inputs), matrix(inputs, units), matrix(BATCH, units)
        outputs += [tf.matmul(x, w), tf.matmul(x, gradient, transpose_a=True),
                    tf.matmul(gradient, w, transpose_b=True)]
    return lambda: digest(sess.run(outputs, feed))


def cache_sizes():
    """
    Eigen's own numbers, to be read and written: bytes of the first, second and last data cache.

    They have no name outside of TensorFlow's library; they are where its variables have three
    numbers in a row of which the first is right, and the others could be; after the first product.

    Raises:
        RuntimeError: There is not one such place, or the machine does not tell its first cache.
    """
    told = re.search(r'(\d+)K L1d', processor())
    if not told:
        raise RuntimeError('the size of the first data cache is not known')
    kilobytes = int(told.group(1))
    places, library = [], ''
    with open('/proc/self/maps') as maps, open('/proc/self/mem', 'rb', 0) as memory:
        for line in maps:
            addresses, rights, _, _, _, *name = line.split()
            library = name[0] if name else library
            if rights.startswith('rw') and library.endswith('_pywrap_tensorflow_internal.so'):
                begin, end = (int(address, 16) for address in addresses.split('-'))
                memory.seek(begin)
                numbers = np.frombuffer(memory.read(end - begin), np.int64)
                others = np.stack([numbers[1:-1], numbers[2:]])
                found = ((numbers[:-2] == kilobytes * 1024)
                         & ((2 ** 12 <= others) & (others <= 2 ** 30)).all(0))
                places += [begin + 8 * int(at) for at in np.flatnonzero(found)]
    if len(places) != 1:
        raise RuntimeError('found {} places in place of one'.format(len(places)))
    return (ctypes.c_int64 * 3).from_address(places[0])


@ending('tools.bench.processor')
def main(argv=None):
    """The command; it has no flags."""
    Parser(prog='tools.bench.processor', description=__doc__.split('\n')[1]).parse_args(argv)
    print('processor                {}'.format(processor()))
    with tf.Graph().as_default(), tf.Session(config=session_config(1)) as sess:
        roots, inexact = square_roots(sess)
        print('square roots             {}, {:.0%} not exact'.format(roots, inexact))
        multiply = products(sess)
        print('products                 {}'.format(multiply()))
        try:
            sizes = cache_sizes()
        except RuntimeError as why:
            sys.exit('tools.bench.processor: error: no products as if of other caches: '
                     '{}'.format(why))
        for kilobytes in 16, 32, 48, 64:
            sizes[0] = kilobytes * 1024
            print('products, as if {}K L1d  {}'.format(kilobytes, multiply()))


if __name__ == '__main__':
    main()
