"""The systems that DA-GAN is compared with, one file each."""
