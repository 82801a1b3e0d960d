"""Decide whether a mathematical answer equals a reference, from LaTeX to a verdict.

A pipeline: `candidates` (where in a text the answer may be), `tokenizer` (text to tokens), `parser`
(tokens to a value), `equality` (are two values equal), `decide` (the verdict). `parse_text` joins
the first three: a `Candidate` has its text, its span and its value. The kinds of `values` are
computed by `exact` arithmetic and its `functions`. What is undecided after that goes to
math-verify, in `symbolic`.
"""
