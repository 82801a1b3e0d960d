"""Decide whether a mathematical answer equals a reference, from LaTeX to a verdict.

The way through is one direction: `candidates` (where in a text the answer may be), `latex` (text to
tokens), `parser` (tokens to a value; `exact` has the arithmetic, `functions` the functions),
`equality` (are two values equal), `decide` (the verdict). What is still open goes to
math-verify, in `symbolic`.
"""
