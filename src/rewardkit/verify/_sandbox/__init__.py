"""Run untrusted Python under bubblewrap: `host` starts a sandbox (its command: `command`), `guest` runs in it."""
