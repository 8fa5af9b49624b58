"""What an experiment is: parameters, metrics, constraints. Pure Python."""
