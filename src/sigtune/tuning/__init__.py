"""SigOpt experiments: connections, experiment classes and the mixins that turn assignments into config."""
