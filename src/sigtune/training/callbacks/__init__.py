"""Behaviours of training that several experiments share, one Lightning callback each."""
