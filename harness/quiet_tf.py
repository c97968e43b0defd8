"""
quiet_tf.py: what TensorFlow 1.15 reads from its surroundings when it is imported, and what is the
same for all of a process. Import this first.
"""
import contextlib
import gc
import os
import sys
import warnings

from harness.files import cpuinfo

if sys.flags.optimize > 1:
    print('TensorFlow 1.15 reads its own docstrings: expected Python without -OO', file=sys.stderr)
    sys.exit(2)
os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')
# For Intel's build: one thread per operation here too, and on AMD's processors the kernels that
# they are able to run (MKL takes its slowest there). The stock build reads neither.
os.environ.setdefault('OMP_NUM_THREADS', '1')
if cpuinfo().get('vendor_id') == 'AuthenticAMD':
    os.environ.setdefault('MKL_DEBUG_CPU_TYPE', '5')


@contextlib.contextmanager
def unhindered():
    """
    Inside, pandas and requests cannot be imported and no garbage is collected: TensorFlow's import
    takes a third less time. It has uses for them only in its estimators and in a Keras callback.
    """
    spared = [name for name in ('pandas', 'requests') if name not in sys.modules]
    collects = gc.isenabled()
    sys.modules.update(dict.fromkeys(spared))
    gc.disable()
    try:
        yield
    finally:
        for name in spared:
            del sys.modules[name]
        if collects:
            gc.enable()


with unhindered(), warnings.catch_warnings():
    # TensorFlow 1.15 greets every NumPy since 1.17 with a page of these.
    warnings.simplefilter('ignore', FutureWarning)
    import tensorflow as tf
    from tensorflow.python.util import deprecation
tf.compat.v1.logging.set_verbosity(tf.compat.v1.logging.ERROR)
# Deprecation warnings, which are not shown, would still take time at each operation of a graph.
deprecation._PRINT_DEPRECATION_WARNINGS = False

# The threads within operations are the process's, and its first session decides how many there are:
# one, as each operation of ours has. (A session that someone made before this import keeps its.)
# It has threads of its own: with shared ones, a forked process would hang in its first session.
tf.Session(graph=tf.Graph(), config=tf.ConfigProto(
    inter_op_parallelism_threads=1, intra_op_parallelism_threads=1, device_count={'GPU': 0},
    use_per_session_threads=True)).close()
