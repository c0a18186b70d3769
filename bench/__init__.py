"""What recording costs, measured against the same proxy without it: `python -m bench`."""
