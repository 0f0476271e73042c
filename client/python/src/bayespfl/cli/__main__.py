"""`python -m bayespfl.cli`."""

import sys

from bayespfl.cli import main

sys.exit(main())
