"""The embedded corpora and their probes."""
