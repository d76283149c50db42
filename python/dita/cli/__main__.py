"""`python -m dita.cli` is `dita`."""

import sys

from dita.cli.main import main

sys.exit(main())
