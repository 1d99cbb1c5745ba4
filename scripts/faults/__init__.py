"""The faults that `check_faults.py` tries. Each returns what was tried and seen, in one line."""
