"""A model file: how its networks are shaped, saving, verifying and loading it, and what it says of itself."""
