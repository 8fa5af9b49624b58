"""The command `sigtune`: a module for each subcommand."""
