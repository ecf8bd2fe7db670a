"""`python -m core.cli`, as under `accelerate launch`."""

import sys

from core.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
