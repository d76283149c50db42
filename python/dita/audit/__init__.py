"""The audit ledger: what was asked, decided and executed, as lines in a chain of hashes.

A follower writes it from a kernel's log, so it survives any crash and can be made again byte for byte.
`verify` finds what was changed, a `Head` is what to keep elsewhere, and `proof_of` shows one trade to a third
person, who checks it with `check_proof.py` and nothing of ours.
"""

from dita.audit.followed import FollowedAudit
from dita.audit.heads import Head, HeadRefused, head_of, read_head, sign, signer_of
from dita.audit.proofs import CHECKER, UnknownTrade, proof_of
from dita.audit.verifying import Verified, verify

__all__ = [
    "CHECKER",
    "FollowedAudit",
    "Head",
    "HeadRefused",
    "UnknownTrade",
    "Verified",
    "head_of",
    "proof_of",
    "read_head",
    "sign",
    "signer_of",
    "verify",
]
