"""The socket that a server of ours listens on, and who can reach it."""

from __future__ import annotations

import ipaddress
import socket

from shelfwise.errors import ShelfwiseError


def listen(host: str, port: int) -> socket.socket:
    """The socket to serve on. Raises ShelfwiseError where it cannot be had."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=256)
    except (OSError, OverflowError) as error:
        raise ShelfwiseError(
            f"cannot listen on {host} port {port}: {error}; give another --port or --host"
        ) from error


def is_loopback(host: str) -> bool:
    """Whether only programs on this machine can reach an address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
