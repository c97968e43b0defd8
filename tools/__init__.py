"""
tools: what uses runs: sweeps, summaries, diagnoses, and what is measured by hand (bench/). Each is
started from the repository's root, such as `python -m tools.sweep`.
"""
