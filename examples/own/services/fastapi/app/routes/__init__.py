"""One file for each resource, which main.py includes."""
