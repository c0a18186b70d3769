"""Two turns, threads or sessions against each other."""
