"""Which photos training never sees, and what they are called once translated."""

import hashlib


def is_held_out(name: str, share: float) -> bool:
    """Whether the photo of this name is among the `share` that training never sees. Depends on nothing else."""
    digest = hashlib.blake2b(name.encode("utf-8", "surrogateescape"), digest_size=8).digest()
    return int.from_bytes(digest, "big") < share * 2**64


def held_out_name(name: str) -> str:
    """File name under which the translated held-out photo `name` is written: with .png added unless it ends so."""
    return name if name.lower().endswith(".png") else f"{name}.png"
