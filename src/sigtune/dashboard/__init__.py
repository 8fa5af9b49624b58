"""SigOpt's pages over whichever SigOpt there is: what `sigtune dashboard` shows, and `sigtune server` too."""
