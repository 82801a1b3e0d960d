"""Run untrusted Python under bubblewrap.

`host` starts a sandbox, by the command line of `command`; `guest` runs inside it, under `limits`.
"""
