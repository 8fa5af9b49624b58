"""Mixins, one per optimiser or scheduler, that write a suggestion's assignments into the config."""
