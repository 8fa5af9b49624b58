"""How long a test waits for a process: only one that hangs reaches it, on a slow machine too."""

PATIENCE_SECONDS = 600.0
