"""The marks of a file: found in its text and its code, and read by one grammar."""
