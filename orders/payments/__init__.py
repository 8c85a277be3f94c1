"""Payment providers: the interface in ``base``, one module for each provider behind it."""
