"""SigOpt's v1 API behind a port: the handlers of backend/, for the official client and any other."""
