"""Read numbers, tags, words, patterns and JSON out of text, each in linear time."""
