"""All sessions and their threads."""
