"""Runs: artifacts and their places, locks, processes, cores, the console."""
