"""Write the programs that findings print, and run what was checked again in another process.

`literals` writes values, `sources` writes where an object comes from, `programs` puts both
together; `scripts` runs a script again up to its check, `child_process` repeats calls in a new
process, and `snapshots` says whether a call changed its arguments.
"""
