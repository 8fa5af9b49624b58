"""How runs reach the user's launcher: one executor for each kind."""
