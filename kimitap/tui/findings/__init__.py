"""All findings, by rule."""
