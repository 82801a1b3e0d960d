"""Run work in other processes: killed at a deadline (`pool`), or side by side (`parallel`)."""
