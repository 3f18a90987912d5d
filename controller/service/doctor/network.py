"""Broker and TLS certificates: whether telemetry will get through, and for how long.

Connects once under a name of its own, sends nothing, subscribes to nothing.
"""

import asyncio
import re
import secrets
import socket
import ssl
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from controller.clock import Clock
from controller.errors import MicropenError
from controller.record.cursor import CursorFile
from controller.record.mqtt import Broker, MqttError, connect
from controller.record.reader import JournalReader
from controller.service.doctor.line import Line, failed, green, red, unknown, warning
from controller.service.doctor.record import Record
from controller.settings import BrokerSettings

WITHIN_S: Final = 5.0
RENEW_WITHIN: Final = timedelta(days=30)
BEHIND: Final = 5_000
"""Entries: as many as an outage of the acceptance test leaves (engineering estimate)."""
_PEM: Final = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)
_TIME: Final = rb"(?:\x17\x0d%sZ|\x18\x0f%sZ)"
_VALIDITY: Final = re.compile(
    rb"\x30[\x1e\x20\x22]" + _TIME % (rb"\d{12}", rb"\d{14}") + _TIME % (rb"(\d{12})", rb"(\d{14})")
)
"""RFC 5280, 4.1.2.5: two times, each UTCTime or GeneralizedTime; it ends with the second."""
_RENEW: Final = "Renew it, and put the new one in its place."


def broker_of(settings: BrokerSettings) -> Broker:
    """The broker as telemetry would reach it. Raises BrokerAddressRefused."""
    ca_file = settings.ca_file
    if settings.tls and ca_file is None:
        ca_file = Path(ssl.get_default_verify_paths().openssl_cafile)
    address = f"{settings.host}:{settings.port}"
    return Broker.parse(address, settings.username, settings.password_file, ca_file)


def broker(settings: BrokerSettings | None) -> Line:
    """Whether the broker takes this room's login now."""
    if settings is None:
        return unknown("broker", "No broker is named; the record stays on this machine.")
    where = f"{settings.host}:{settings.port}"
    action = "Check network, broker and login. The pen does not need it: nothing is lost meanwhile."
    try:
        asyncio.run(_visit(broker_of(settings)))
    except MicropenError as error:
        return failed("broker", error)
    except (MqttError, TimeoutError, OSError) as error:
        said = f"The broker at {where} does not let us in: {str(error) or 'no answer'}."
        return warning("broker", said, action)
    return green("broker", f"The broker at {where} lets this room in.")


async def _visit(broker: Broker) -> None:
    async with asyncio.timeout(WITHIN_S):
        async with connect(broker, client_id=f"micropen-doctor-{secrets.token_hex(4)}"):
            pass


def telemetry(settings: BrokerSettings | None, record: Record, folder: Path) -> Line:
    """How far telemetry is behind the journal."""
    if settings is None or not record.exists or record.error is not None:
        return unknown("telemetry", "Nothing is sent from here.")
    position = CursorFile.of_broker(folder, settings.host, settings.port).load()
    with closing(JournalReader(record.folder)) as reader:
        head_seq, chain_id = reader.head()[0], reader.chain_id
    done = position.seq if position is not None and position.chain_id == chain_id else 0
    behind = head_seq - done
    said = f"Telemetry is {behind} entries behind the journal."
    action = "Start `micropen telemetry`; is the archive there that must acknowledge?"
    if behind > BEHIND:
        return warning("telemetry", said, action, behind=behind)
    return green("telemetry", said, behind=behind)


def tls(settings: BrokerSettings | None, own: Path | None, clock: Clock) -> Line:
    """How long the broker's certificate, its authority's, and one of this place still hold."""
    uses_tls = settings is not None and (settings.tls or settings.ca_file is not None)
    if own is None and not uses_tls:
        return unknown("tls", "No connection of this place uses TLS.")
    try:
        ends = {} if own is None else {str(own): end_of(own)}
        if settings is not None and uses_tls:
            ends |= _ends(settings)
    except (OSError, ValueError) as error:
        return red("tls", f"A certificate is not accepted: {error}.", _RENEW)
    name, end_wall = min(ends.items(), key=lambda each: each[1])
    left = end_wall - clock.now_wall().astimezone(UTC)
    said = f"The certificate of {name} holds until {end_wall:%F}."
    if left <= timedelta():
        return red("tls", said, _RENEW, days_left=left.days)
    if left < RENEW_WITHIN:
        return warning("tls", said, _RENEW, days_left=left.days)
    return green("tls", said, days_left=left.days)


def _ends(settings: BrokerSettings) -> dict[str, datetime]:
    """Raises OSError (SSLError among them) and ValueError."""
    context = ssl.create_default_context(
        cafile=None if settings.ca_file is None else str(settings.ca_file)
    )
    ends = {}
    if settings.ca_file is not None:
        for each in context.get_ca_certs():
            ends[f"the authority in {settings.ca_file}"] = _end(each.get("notAfter"))
    address = (settings.host, settings.port)
    with (
        socket.create_connection(address, WITHIN_S) as plain,
        context.wrap_socket(plain, server_hostname=settings.host) as secure,
    ):
        shown = secure.getpeercert() or {}
        ends[settings.host] = _end(shown.get("notAfter"))
    return ends


def end_of(file: Path) -> datetime:
    """When the first certificate of a PEM file ends. Raises OSError, ValueError."""
    block = _PEM.search(file.read_text("ascii"))
    if block is None:
        raise ValueError(f"{file} is no certificate")
    found = _VALIDITY.search(ssl.PEM_cert_to_DER_cert(block[0]))
    if found is None:
        raise ValueError(f"{file} does not say how long it holds")
    text = (found[1] or found[2]).decode()
    form = "%y%m%d%H%M%S" if found[1] else "%Y%m%d%H%M%S"
    return datetime.strptime(text, form).replace(tzinfo=UTC)


def _end(text: object) -> datetime:
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(str(text)), UTC)
