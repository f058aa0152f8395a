# For extensions that build against this one; nothing is installed.
