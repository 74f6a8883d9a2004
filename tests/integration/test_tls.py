"""TLS with an authority of one's own: checked by default, on both sides where that is asked."""

import datetime as dt
import ipaddress
import socket

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from asynq import Asynq, Worker
from asynq.exceptions import OperationalError
from tests.servers import PrivateServer, ServerError

pytestmark = pytest.mark.every_server  # one of them may be built without

_CERTIFIES = x509.KeyUsage(
    key_cert_sign=True,
    crl_sign=True,
    digital_signature=False,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    encipher_only=False,
    decipher_only=False,
)


class Authority:
    """Makes certificates, as files."""

    def __init__(self, directory):
        self.directory = directory
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "An authority of tests")])
        self.file = self._write("ca", self._sign(self.name, self.key.public_key(), None), self.key)

    def issue(self, name, *, host="127.0.0.1", days=1):
        """A certificate for a host; the paths of it and of its key, without their suffixes."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        return self._write(name, self._sign(subject, key.public_key(), host, days=days), key)

    def _sign(self, subject, public, host, *, days=1):
        end = dt.datetime.now(dt.UTC) + dt.timedelta(days=days)
        made = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(end - dt.timedelta(days=10))
            .not_valid_after(end)
            .add_extension(x509.BasicConstraints(ca=host is None, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        )
        if host is None:  # Python 3.13 is strict about what RFC 5280 wants
            made = made.add_extension(_CERTIFIES, critical=True)
        else:
            issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())
            made = made.add_extension(issuer, critical=False)
            names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(host))])
            made = made.add_extension(names, critical=False)
        return made.sign(self.key, hashes.SHA256())

    def _write(self, name, certificate, key):
        path = self.directory / name
        pem = serialization.Encoding.PEM
        path.with_suffix(".crt").write_bytes(certificate.public_bytes(pem))
        private = key.private_bytes(
            pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        path.with_suffix(".key").write_bytes(private)
        return path


@pytest.fixture
def authority(directory):
    return Authority(directory)


@pytest.fixture
def serve(kind, directory, authority):
    """Starts a server with a certificate; gives the URL without its parameters."""
    servers = []

    def start(certificate, *, clients="no"):
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = str(free.getsockname()[1])
        config = {
            "tls-port": port,
            "tls-cert-file": f"{certificate}.crt",
            "tls-key-file": f"{certificate}.key",
            "tls-ca-cert-file": f"{authority.file}.crt",
            "tls-auth-clients": clients,
        }
        servers.append(PrivateServer(kind, directory / f"server-{len(servers)}", config=config))
        try:
            servers[-1].start()
        except ServerError:
            pytest.skip(f"this {kind} server was built without TLS")
        return f"rediss://127.0.0.1:{port}/0"

    yield start
    for server in servers:
        server.kill()


async def use(url):
    app = Asynq("proj", broker=url, set_as_current=False, publish_timeout=2)

    @app.task(name="add")
    async def add(x, y):
        return x + y

    async with app, Worker(app):
        return await add.delay(2, 3).get(timeout=10)


async def test_tasks_run_over_tls_with_an_authority_of_ones_own(serve, authority):
    url = serve(authority.issue("server"))
    assert await use(f"{url}?ssl_ca_certs={authority.file}.crt") == 5


async def test_both_sides_may_show_a_certificate(serve, authority):
    url = serve(authority.issue("server"), clients="yes")
    ours = authority.issue("client")
    files = f"ssl_certfile={ours}.crt&ssl_keyfile={ours}.key"
    assert await use(f"{url}?ssl_ca_certs={authority.file}.crt&{files}") == 5


@pytest.mark.parametrize("wrong", ["unknown authority", "another host", "expired"])
async def test_a_certificate_that_does_not_hold_is_refused(serve, authority, wrong):
    options = {"another host": {"host": "10.9.8.7"}, "expired": {"days": -1}}.get(wrong, {})
    url = serve(authority.issue("server", **options))
    trusted = "" if wrong == "unknown authority" else f"?ssl_ca_certs={authority.file}.crt"
    app = Asynq("proj", broker=url + trusted, set_as_current=False, publish_timeout=1)
    async with app:
        with pytest.raises(OperationalError, match=r"(?i)certificate"):
            await app.send_task("add", (1, 2))
