"""A server that scores rows over HTTP, for trainers in other processes or on other machines.

`rewardkit serve` runs it; `make_app` returns it for a server of your own.
"""

from rewardkit.serve.app import make_app

__all__ = ["make_app"]
