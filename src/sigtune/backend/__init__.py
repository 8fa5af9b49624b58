"""An embedded SigOpt behind the official client's driver interface; usable from any Python program."""
