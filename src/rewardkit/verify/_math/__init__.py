"""Decide whether a mathematical answer equals a reference, from LaTeX to a verdict.

The way through is one direction: `candidates` (where in a text the answer may be), `latex` (text to
tokens), `parser` (tokens to a value), `equality` (are two values equal), `decide` (the verdict).
`reading` joins the first three: a `Candidate` has its text, its span and its value. The kinds of
`values` are computed by `exact` arithmetic and its `functions`. What is open after that goes to
math-verify, in `symbolic`.
"""
