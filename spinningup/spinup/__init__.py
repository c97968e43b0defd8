"""The logger, plotter and player of Spinning Up: an independent implementation, not OpenAI's."""
