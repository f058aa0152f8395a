"""Training: data sets, patches, losses, methods and the loop that drives them. Needs the extra `train`."""
