"""Ways to find what is memory and to keep a student from learning it. Imports core/ only."""
