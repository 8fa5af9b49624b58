"""The schema of the configs, and checks of values against it."""
