"""A thread's numbers, turn by turn."""
