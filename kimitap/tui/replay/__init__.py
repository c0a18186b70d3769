"""Sending a turn again from the screens: what goes where, a yes, and then both replies."""
