"""What marks mean: their places, their names, their defaults, and the space that they span."""
