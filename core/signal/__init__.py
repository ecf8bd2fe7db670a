"""What a student is taught: the teacher's distributions, live or cached, divergences, and the memory map."""
