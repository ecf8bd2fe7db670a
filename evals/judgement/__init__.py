"""How good a value is, what it is good for, and whether it can be fooled."""
