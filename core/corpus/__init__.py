"""Corpora: where rows come from, and how they become packed token sequences."""
