"""The migrations, in the order of what they depend on."""
