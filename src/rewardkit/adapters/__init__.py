"""Adapters for particular trainers; each trainer's is imported by itself."""
