"""The models that propose a point."""
