"""Bytes that only who knows the secret can read."""

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NONCE_BYTES = 12


def seal(secret: bytes, value: bytes) -> bytes:
    """Return `value`, encrypted and signed by AES-GCM with a secret of 32 bytes."""
    nonce = os.urandom(NONCE_BYTES)
    return nonce + AESGCM(secret).encrypt(nonce, value, None)


def unseal(secret: bytes, sealed: bytes) -> bytes | None:
    """Return what was sealed; None if it is not what was sealed with this secret."""
    try:
        return AESGCM(secret).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], None)
    except (InvalidTag, ValueError):
        return None
