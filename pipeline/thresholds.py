"""Bounds above which codes between 0 and 1 count as a yes."""

PRESENT = 0.5
"""A slot whose presence is over this holds an object."""
IN_VIEW = 0.5
"""An object whose visibility is over this is in view."""
