"""Logging, run folders, the plotter and the player."""
