"""`make demo`: the whole program on one machine with invented leads, as `python -m leadmirror.demo`."""
