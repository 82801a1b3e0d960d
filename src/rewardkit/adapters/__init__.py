"""Adapters for TRL and for systems that call rewards in other ways; import each by its module."""
