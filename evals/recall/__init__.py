"""Answering probes greedily and by likelihood."""
