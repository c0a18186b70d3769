"""Words found in all sessions."""
