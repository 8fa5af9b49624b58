"""Searches on real clusters: Slurm, Ray and PostgreSQL, started on this machine by `make test-cluster`."""
