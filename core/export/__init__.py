"""From a checkpoint to folders that other people's programs load."""
