"""What Python services with an API have in common, from settings to start and stop."""
