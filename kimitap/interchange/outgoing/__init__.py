"""Values as texts that other tools read; nothing here masks, and nothing writes a file.

What comes in has been redacted already.
"""
