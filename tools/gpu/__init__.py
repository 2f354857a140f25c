"""`make gpu`: on a machine with a CUDA GPU, is all of it right there, how fast is it, and what does it make?

Nine minutes at most. `right.py`, `fast.py` and `real.py` hold the parts; each runs in a process of its own with its own
time limit, so a hang or a crash costs that part alone. Results are written as they come, and the next run goes on with
the parts that are missing.
"""
