"""Run untrusted Python under bubblewrap: `host` starts a sandbox, `guest` runs inside it."""
