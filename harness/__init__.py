"""
What makes a run trustworthy: settings, environments, checkpoints, guards, the table. It stands
below ddpg.py, and knows nothing of it. docs/house.md has a line on each file.
"""
