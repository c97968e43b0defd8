"""Spinning Up's user settings, as far as this subset reads them."""
import os

# Where setup_logger_kwargs puts experiments that name no folder: `data` beside the package.
DEFAULT_DATA_DIR = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'data')

# Whether every run folder carries its date and time, whatever setup_logger_kwargs is told.
FORCE_DATESTAMP = False
