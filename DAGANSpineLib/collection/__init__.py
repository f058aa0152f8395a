"""A clinic's own data set, which grows by a subject at a time, in the format that training reads. Without torch."""

from .dataset import (
    LABELLED,
    TESTED,
    UNLABELLED,
    USES,
    Collection,
    CollectionError,
    Kept,
    keep,
)
from .exchange import take_back

__all__ = [
    "LABELLED",
    "TESTED",
    "UNLABELLED",
    "USES",
    "Collection",
    "CollectionError",
    "Kept",
    "keep",
    "take_back",
]
