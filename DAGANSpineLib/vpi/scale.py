"""What the networks see of a picture: its greys, and the size that the segmenter works at."""

MEAN, DEVIATION = 75.99, 84.15  # of the published training images' grey values; networks see (x - MEAN) / DEVIATION
NETWORK_SIZE = (1024, 256)  # rows, columns that the segmenter sees (DA-GAN, section 3.1)


def normalise(pixels):
    """Grey 0 to 255 -> what the networks see; arrays and tensors alike."""
    return (pixels - MEAN) / DEVIATION


def denormalise(values):
    """The inverse of `normalise`; arrays and tensors alike."""
    return values * DEVIATION + MEAN
