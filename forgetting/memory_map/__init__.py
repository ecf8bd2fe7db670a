"""The memory map: which tokens of the corpus are memory, found without labels."""
