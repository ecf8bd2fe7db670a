"""Configuration: overrides in, checked configuration out, and what it names is built."""
