"""What proposes a point: one engine for each type of experiment."""
