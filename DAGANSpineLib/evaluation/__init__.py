"""How good a model is on a data set. Needs the extra `train`."""
