"""Probes, attacks and the report: did it forget, and what did it keep? Imports core/ only."""
