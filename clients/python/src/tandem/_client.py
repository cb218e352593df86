"""A connection to a server, and the four services behind it."""

from __future__ import annotations

import importlib.resources
import os
from pathlib import Path
from urllib.parse import urlsplit

import grpc

from tandem._calls import Calls
from tandem._tail import Tail
from tandem._writer import WINDOW, Writer
from tandem.v1 import alerts_pb2, alerts_pb2_grpc, queue_pb2_grpc, sync_pb2_grpc, table_maps_pb2, table_maps_pb2_grpc

DEFAULT_SERVER = "http://127.0.0.1:7070"
# A connection that carries calls and is silent for so long is asked whether the other end is still there.
_KEEPALIVE_MS = 30_000
_KEEPALIVE_TIMEOUT_MS = 10_000
# How long a server that was away is left alone at most before it is tried again.
_RECONNECT_MS_MAX = 5_000


class Client:
    """The services, as the stubs that grpcio generates. Their errors are `TandemError`."""

    def __init__(self, channel: grpc.Channel) -> None:
        self._channel = channel
        self.table_maps = table_maps_pb2_grpc.TableMapServiceStub(channel)
        self.sync = sync_pb2_grpc.SyncServiceStub(channel)
        self.queue = queue_pb2_grpc.QueueServiceStub(channel)
        self.alerts = alerts_pb2_grpc.AlertServiceStub(channel)

    def tail_activity(self, request: table_maps_pb2.TailActivityRequest) -> Tail:
        """Follows the activity log of one map or of all, also through breaks: no event is lost, none comes twice."""
        by_position = request.parent == "tableMaps/-"
        return Tail(self.table_maps.TailActivity, request, "position" if by_position else "sequence")

    def watch_alert_events(self, request: alerts_pb2.WatchAlertEventsRequest) -> Tail:
        """Follows the alert events in the same way."""
        return Tail(self.alerts.WatchAlertEvents, request, "sequence")

    def writer(self, window: int = WINDOW, patience: float | None = None) -> Writer:
        """Writes many changes over one stream; see `Writer`."""
        return Writer(self.sync, window, patience)

    def close(self) -> None:
        self._channel.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def connect(
    server: str | None = None,
    *,
    token: str | None = None,
    ca_file: str | os.PathLike[str] | None = None,
    cert_file: str | os.PathLike[str] | None = None,
    key_file: str | os.PathLike[str] | None = None,
    environment: bool = True,
) -> Client:
    """Prepares a connection; it comes about with the first call, and again after a break.

    What is not given is taken from the environment, unless `environment` is false: TANDEM_SERVER (`http://HOST:PORT`, or
    `https://` where the server has TLS), TANDEM_TOKEN or TANDEM_TOKEN_FILE, TANDEM_CA_FILE (the authority of the server's
    certificate; without it those that the system trusts), TANDEM_CERT_FILE with TANDEM_KEY_FILE (a certificate to show).
    """

    def given(value: str | os.PathLike[str] | None, variable: str) -> str | None:
        if value is None and environment:
            return os.environ.get(variable) or None
        return None if value is None else os.fspath(value)

    server = given(server, "TANDEM_SERVER") or DEFAULT_SERVER
    token_file = given(None, "TANDEM_TOKEN_FILE") if token is None else None
    token = Path(token_file).read_text().strip() if token_file else given(token, "TANDEM_TOKEN")
    ca, cert, key = (
        _read(given(ca_file, "TANDEM_CA_FILE")),
        _read(given(cert_file, "TANDEM_CERT_FILE")),
        _read(given(key_file, "TANDEM_KEY_FILE")),
    )
    where = urlsplit(server)
    if where.scheme not in ("http", "https") or not where.hostname:
        raise ValueError(f"{server!r} is no URL of a server: http://HOST:PORT or https://HOST:PORT")
    if (cert is None) != (key is None):
        raise ValueError("a certificate needs its key, and a key its certificate")
    options = [
        ("grpc.service_config", importlib.resources.files("tandem").joinpath("service_config.json").read_text()),
        ("grpc.keepalive_time_ms", _KEEPALIVE_MS),
        ("grpc.keepalive_timeout_ms", _KEEPALIVE_TIMEOUT_MS),
        ("grpc.initial_reconnect_backoff_ms", 100),
        ("grpc.min_reconnect_backoff_ms", 100),
        ("grpc.max_reconnect_backoff_ms", _RECONNECT_MS_MAX),
    ]
    target = f"{where.hostname}:{where.port or (443 if where.scheme == 'https' else 80)}"
    if where.scheme == "https":
        channel = grpc.secure_channel(target, grpc.ssl_channel_credentials(ca, key, cert), options)
    else:
        channel = grpc.insecure_channel(target, options)
    calls = Calls(token)
    return Client(grpc.intercept_channel(channel, calls))


def _read(path: str | None) -> bytes | None:
    return Path(path).read_bytes() if path else None
