"""Find and read numbers, tags, words and JSON in text, in linear time.

Users' patterns, whose time nothing bounds, are compiled with a time limit.
"""
