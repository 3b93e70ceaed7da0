"""Measurements and hostile traffic against a running service; not shipped."""
