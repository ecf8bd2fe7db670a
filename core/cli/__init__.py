"""The command line, and a whole run: its plan, its jobs and the processes that do them."""
