"""A certificate of this machine's own, for an exchange that is served with TLS. Needs the extra `venues`."""

import datetime as dt
import ipaddress
from pathlib import Path
from typing import Final

_LIFE: Final = dt.timedelta(days=30)


def write_certificate(folder: Path, host: str) -> tuple[Path, Path]:
    """Write a self-signed certificate for this machine, and its key.

    Args:
        folder: Where; it is there.
        host: The address that it is served at, beside 127.0.0.1, ::1 and localhost.

    Returns:
        The certificate's file, which clients have to trust, and its key's, which nobody else may read.

    Raises:
        ImportError: The extra `venues` is not there.
    """
    from cryptography import x509  # noqa: PLC0415 - only where it is asked for
    from cryptography.hazmat.primitives import hashes, serialization  # noqa: PLC0415 - as above
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415 - as above
    from cryptography.x509.oid import NameOID  # noqa: PLC0415 - as above

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "dita exchange")])
    now = dt.datetime.now(dt.UTC)
    addresses = dict.fromkeys(["127.0.0.1", "::1", *([host] if host != "localhost" else [])])
    names: list[x509.GeneralName] = [x509.DNSName("localhost")]
    names += [x509.IPAddress(ipaddress.ip_address(address)) for address in addresses]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(minutes=5))
        .not_valid_after(now + _LIFE)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    shown, kept = folder / "certificate.pem", folder / "key.pem"
    shown.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    kept.touch(mode=0o600)
    kept.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return shown, kept
