"""The next suggestion, as a pure function."""
