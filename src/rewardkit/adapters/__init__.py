"""Adapters for trainers, so far TRL; import each by its module."""
