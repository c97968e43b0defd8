"""
logx.py: Spinning Up's logger: a table on the screen, progress.txt, config.json, exported policies.

Columns, formats and file names are Spinning Up's, so that its tools read what this writes. Files
are replaced whole: a fault while saving leaves the last good one. docs/spinup.md has the rest.
"""
import atexit
import json
import os
import shutil
import sys
import tempfile
import time
import warnings

import joblib
import numpy as np

from spinup.utils.serialization_utils import convert_json

COLORS = dict(gray=30, red=31, green=32, yellow=33, blue=34, magenta=35, cyan=36, white=37,
              crimson=38)


def colorize(string, color, bold=False, highlight=False):
    """`string` in ANSI codes for a terminal. Raises KeyError for a color not in COLORS."""
    codes = [str(COLORS[color] + (10 if highlight else 0))] + (['1'] if bold else [])
    return '\x1b[{}m{}\x1b[0m'.format(';'.join(codes), string)


def import_tensorflow():
    """TensorFlow 1.15, where it is needed and not before: the import takes seconds."""
    if sys.flags.optimize > 1:
        print('TensorFlow 1.15 reads its own docstrings: expected Python without -OO',
              file=sys.stderr)
        sys.exit(2)
    os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')
    with warnings.catch_warnings():
        warnings.simplefilter('ignore', FutureWarning)      # of NumPy, about TensorFlow's types
        import tensorflow as tf
    tf.compat.v1.logging.set_verbosity(tf.compat.v1.logging.ERROR)
    return tf


def restore_tf_graph(sess, fpath):
    """
    Load an exported policy into a session.

    Args:
        sess (tf.Session): Of the default graph.
        fpath (str): A folder `tf1_save`.

    Returns:
        {key: tensor} of its inputs and outputs, such as 'x', 'a', 'pi', 'q'.
    """
    tf = import_tensorflow()
    tf.saved_model.loader.load(sess, [tf.saved_model.tag_constants.SERVING], fpath)
    info = joblib.load(os.path.join(fpath, 'model_info.pkl'))
    graph = tf.get_default_graph()
    return {key: graph.get_tensor_by_name(name)
            for names in (info['inputs'], info['outputs']) for key, name in names.items()}


class Logger:
    """
    A table of one row per epoch, on the screen and in a file, and a run's other files.

    Args:
        output_dir (str): The run's folder, made where it is missing. None: a temporary one.
        output_fname (str): The table's file in it.
        exp_name (str): Experiment; the plotter's legend.
    """

    def __init__(self, output_dir=None, output_fname='progress.txt', exp_name=None):
        self.output_dir = output_dir or os.path.join(
            tempfile.gettempdir(), 'experiments', str(int(time.time())))
        os.makedirs(self.output_dir, exist_ok=True)
        path = os.path.join(self.output_dir, output_fname)
        if os.path.exists(path):
            print('Warning: Log dir %s already exists! Storing info there anyway.'
                  % self.output_dir)
        self.output_file = open(path, 'w')
        atexit.register(self.output_file.close)
        self.log('Logging data to %s' % self.output_file.name)
        self.first_row = True
        self.log_headers = []
        self.log_current_row = {}
        self.exp_name = exp_name

    def log(self, msg, color='green'):
        """Print a message: bold and in color where stdout is a terminal and NO_COLOR is not set."""
        if sys.stdout and sys.stdout.isatty() and not os.environ.get('NO_COLOR'):
            msg = colorize(msg, color, bold=True)
        print(msg)

    def log_tabular(self, key, val):
        """
        Set one column of the current row. The first row decides which columns there are.

        Raises:
            AssertionError: A column that the first row did not have, or one set twice in a row.
        """
        if key in self.log_current_row:
            raise AssertionError('You already set %s this iteration. Maybe you forgot to call '
                                 'dump_tabular()' % key)
        if self.first_row:
            self.log_headers.append(key)
        elif key not in self.log_headers:
            raise AssertionError("Trying to introduce a new key %s that you didn't include in the "
                                 'first iteration' % key)
        self.log_current_row[key] = val

    def dump_tabular(self):
        """Print the current row as a table, append it to the file, and begin the next row."""
        row = [self.log_current_row.get(key, '') for key in self.log_headers]
        width = max([15] + [len(key) for key in self.log_headers])
        dashes = '-' * (22 + width)
        # First into the file's buffer: a screen that cannot be written loses no row.
        lines = [self.log_headers, row] if self.first_row else [row]
        self.output_file.write(''.join('\t'.join(map(str, line)) + '\n' for line in lines))
        self.first_row = False
        print(dashes)
        for key, val in zip(self.log_headers, row):
            shown = '%8.3g' % val if hasattr(val, '__float__') else val
            print('| %*s | %15s |' % (width, key, shown))
        print(dashes, flush=True)
        self.output_file.flush()
        self.log_current_row.clear()

    def save_config(self, config):
        """
        Print the settings and write them to config.json, with exp_name where there is one.

        Args:
            config (dict): Anything; what JSON cannot say is described (see convert_json).
        """
        config = convert_json(config)
        if self.exp_name is not None:
            config = dict(config, exp_name=self.exp_name)
        text = json.dumps(config, separators=(',', ':\t'), indent=4, sort_keys=True)
        self.log('Saving config:\n', 'cyan')
        print(text)
        path = os.path.join(self.output_dir, 'config.json')
        partial = path + '.partial'
        with open(partial, 'w') as out:
            out.write(text)
        os.replace(partial, path)

    def save_state(self, state_dict, itr=None):
        """
        Save what the player needs: `state_dict` to vars.pkl, and the policy to tf1_save/.

        Args:
            state_dict (dict): Usually {'env': env}. Where it cannot be pickled, a warning says so.
            itr (int): Number that the names carry, vars<itr>.pkl and tf1_save<itr>. None: no
                number; the last save is replaced.
        """
        number = '' if itr is None else '%d' % itr
        path = os.path.join(self.output_dir, 'vars%s.pkl' % number)
        partial = path + '.partial'
        try:
            joblib.dump(state_dict, partial)
            os.replace(partial, path)
        except Exception as error:      # pickling runs the objects' own code: anything can come
            self.log('Warning: could not pickle state_dict. (%s)' % error, color='red')
            if os.path.exists(partial):
                os.remove(partial)
        if hasattr(self, 'tf_saver_elements'):
            self._tf_simple_save(os.path.join(self.output_dir, 'tf1_save' + number))

    def close(self):
        """
        Close the table's file, which then takes no more rows; it may be closed again. The
        session of setup_tf_saver stays open: it is its owner's.

        Raises:
            OSError: What was still to be written could not be.
        """
        atexit.unregister(self.output_file.close)
        self.output_file.close()

    def setup_tf_saver(self, sess, inputs, outputs):
        """
        Say what save_state exports: call once, when the graph is complete.

        Args:
            sess (tf.Session): Its graph's variables are saved, all of them.
            inputs, outputs (dict): {key: tensor}; the player needs 'x' and 'pi'.
        """
        tf = import_tensorflow()
        self.tf_saver_elements = dict(session=sess, inputs=inputs, outputs=outputs)
        self.tf_saver_info = {
            'inputs': {key: tensor.name for key, tensor in inputs.items()},
            'outputs': {key: tensor.name for key, tensor in outputs.items()}}
        with sess.graph.as_default():
            self._tf_saver = tf.train.Saver(sharded=True, allow_empty=True)

    def _tf_simple_save(self, folder):
        tf = import_tensorflow()
        sess, inputs, outputs = (
            self.tf_saver_elements[key] for key in ('session', 'inputs', 'outputs'))
        # Players look for names with 'tf1_save' in them: the partial export has another.
        partial = os.path.join(self.output_dir, 'export.partial')
        old = os.path.join(self.output_dir, 'export.old')
        if os.path.lexists(old) and not os.path.lexists(folder):    # it was killed in between
            os.rename(old, folder)
        for leftover in (partial, old):
            remove(leftover)
        with sess.graph.as_default():
            builder = tf.saved_model.builder.SavedModelBuilder(partial)
            builder.add_meta_graph_and_variables(
                sess, [tf.saved_model.tag_constants.SERVING], clear_devices=True,
                saver=self._tf_saver, signature_def_map={
                    'serving_default': tf.saved_model.predict_signature_def(inputs, outputs)})
            builder.save()
        joblib.dump(self.tf_saver_info, os.path.join(partial, 'model_info.pkl'))
        if os.path.lexists(folder):
            os.rename(folder, old)
        os.rename(partial, folder)
        remove(old)


def remove(path):
    """Remove a folder with all that is in it, or a file, or a link; as far as it is there."""
    if os.path.islink(path) or os.path.isfile(path):
        os.remove(path)
    else:
        shutil.rmtree(path, ignore_errors=True)


class EpochLogger(Logger):
    """
    A Logger that also gathers values over an epoch, and logs their statistics.

        logger.store(EpRet=ep_ret)
        logger.log_tabular('EpRet', with_min_and_max=True)
    """

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.epoch_dict = {}

    def store(self, **kwargs):
        """Keep values of this epoch: scalars, or arrays of at least one dimension."""
        for key, val in kwargs.items():
            self.epoch_dict.setdefault(key, []).append(val)

    def log_tabular(self, key, val=None, with_min_and_max=False, average_only=False):
        """
        Set the column `key` to `val`; or, without val, columns of statistics over the values
        stored: Average<key> (or <key> alone), Std<key>, Max<key>, Min<key>. In both cases what is
        stored of `key` is cleared.

        Args:
            key (str): Name.
            val: Value of a plain column.
            with_min_and_max (bool): Whether there are maximum and minimum.
            average_only (bool): Whether the mean stands alone, as <key>.

        Raises:
            KeyError: Nothing was ever stored under `key`.
            IndexError: Nothing was stored this epoch.
        """
        if val is not None:
            super().log_tabular(key, val)
        else:
            vals = self._values(key)
            super().log_tabular(key if average_only else 'Average' + key, np.mean(vals))
            if not average_only:
                super().log_tabular('Std' + key, np.std(vals))
            if with_min_and_max:
                super().log_tabular('Max' + key, np.max(vals))
                super().log_tabular('Min' + key, np.min(vals))
        self.epoch_dict[key] = []

    def get_stats(self, key):
        """(mean, standard deviation) over this epoch's values so far, which stay."""
        vals = self._values(key)
        return np.mean(vals), np.std(vals)

    def _values(self, key):
        """This epoch's values in one float32 array."""
        vals = self.epoch_dict[key]
        if np.ndim(vals[0]) > 0:
            return np.concatenate(vals).astype(np.float32)
        return np.array(vals, np.float32)
