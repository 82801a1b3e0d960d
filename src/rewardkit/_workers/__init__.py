"""Run work in other processes: in ones that are killed at a deadline, or side by side."""
