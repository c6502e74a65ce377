"""Torture: what a process that lives for months meets, all of it within minutes.

    PYTHONPATH=src:tests python -m torture --short             # what `nox -s torture -- --short` does
    PYTHONPATH=src:tests python -m torture --seed 7 "forks"    # the trials whose names contain a word, with what was drawn before

`table` lists the trials, each with how often it does what it does in the short and in the long form. A trial is a function of that number
and a source of random numbers; it returns what it counted, and raises if something is wrong. `__main__` runs each in a process of its own.
The numbers come from the seed that is printed, so the same seed makes the same choices. What threads and signals make of them may differ.

One thing holds throughout: data moved implies a verdict for this chain and this name. `watched` keeps account of it, at both ends.
"""
