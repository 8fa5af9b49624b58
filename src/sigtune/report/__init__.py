"""What a search leaves behind: summary table, best config, observations as CSV."""
