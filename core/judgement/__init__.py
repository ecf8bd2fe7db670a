"""Judgement: how a solution that is begun will end, read from a core's hidden states."""
