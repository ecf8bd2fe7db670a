"""What nights do to a core: lives through the days of a world, measured each morning beside baselines."""
