"""Values and seams that every package shares."""
