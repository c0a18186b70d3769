"""What screens are made of: lists and texts that paint only what is seen, bars, fields, plots."""
