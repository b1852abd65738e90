"""Values and marks written into the source."""
