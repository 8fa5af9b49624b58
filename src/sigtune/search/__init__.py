"""A search over one experiment: set-up, the loop, and how runs reach a launcher."""
