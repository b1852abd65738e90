"""What a trial runs: the file with its marked places asking for values, line for line."""
