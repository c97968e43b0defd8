"""run_utils.py: where a run's files go, by Spinning Up's naming rule."""
import os
import time

from spinup import user_config


def setup_logger_kwargs(exp_name, seed=None, data_dir=None, datestamp=False):
    """
    The keyword arguments of a run's EpochLogger. Nothing is created on disk.

    Args:
        exp_name (str): Experiment.
        seed (int): The run's seed; None for an experiment of one run.
        data_dir (str): Where experiments go; None for user_config.DEFAULT_DATA_DIR.
        datestamp (bool): Whether the folders carry date and time.

    Returns:
        dict(output_dir, exp_name). Without datestamp, output_dir is data_dir/exp_name, or
        data_dir/exp_name/exp_name_s<seed>; with it, data_dir/YYYY-MM-DD_exp_name, or
        data_dir/YYYY-MM-DD_exp_name/YYYY-MM-DD_HH-MM-SS-exp_name_s<seed>.
    """
    datestamp = datestamp or user_config.FORCE_DATESTAMP
    now = time.localtime()
    date = time.strftime('%Y-%m-%d_', now) if datestamp else ''
    parts = [data_dir or user_config.DEFAULT_DATA_DIR, date + exp_name]
    if seed is not None:
        clock = time.strftime('%Y-%m-%d_%H-%M-%S-', now) if datestamp else ''
        parts.append('{}{}_s{}'.format(clock, exp_name, seed))
    return dict(output_dir=os.path.join(*parts), exp_name=exp_name)
