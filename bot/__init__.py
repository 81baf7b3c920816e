"""Kickbot: see who is logged in on a host, end exactly those sessions, prove that they are gone."""

__version__ = "0.1.0"
