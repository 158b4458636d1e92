"""An own service: HTTP over tables of its own. README.md says where to put what."""
