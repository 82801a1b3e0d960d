"""`python -m rewardkit` is the command `rewardkit`."""

import sys

from rewardkit.cli import main

sys.exit(main())
