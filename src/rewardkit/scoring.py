"""Offline scoring of files and datasets."""
