"""What a search leaves behind: its report, best configs, results and observations as CSV, and its curves."""
