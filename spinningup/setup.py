"""
An independent implementation of the part of Spinning Up's interface that ddpg.py meets: logger,
plotter and policy player. It is installed under the same name, so that OpenAI's own package can
replace it (`pip install -e path/to/openai/spinningup`). PyPI's `spinup` is neither: an nginx tool.
"""
from setuptools import find_packages, setup

setup(
    name='spinup',
    version='0.2.0+ddpg',       # the version of Spinning Up whose interface it is, and whose it is
    description='The logger, plotter and player of Spinning Up, independently implemented',
    packages=find_packages(),
    python_requires='>=3.6',
)
