"""What a pen can do over one link, in device units. Decides nothing: that is the session's work."""

from itertools import groupby
from typing import Final

import msgspec

from controller.errors import DigestMismatch, PenRefused
from controller.link.exchange import Exchange
from controller.pen.follow import Follower
from controller.pen.listener import PenListener
from controller.pen.strokes import PenStroke
from controller.pen.waiting import StatusWaiting
from protocol.codec import settings_digest
from protocol.limits import LEASE_HOST_MAX_US, STATUS_STALE_US
from protocol.messages import (
    Ack,
    Arm,
    ArmRecord,
    ArmReply,
    Cartridge,
    CertificateStored,
    Clear,
    Cleared,
    Configure,
    Configured,
    Counters,
    Disarm,
    Envelope,
    Events,
    Grant,
    GrantRefused,
    Health,
    Identity,
    Message,
    Query,
    Status,
    Stopped,
    StoreCertificate,
    StrokeSettings,
)
from protocol.words import RESULT_SENTENCES, QueryTopic, Result, StatusFlag

REQUEST_S: Final = 1.0
"""Deadline of a request: sixteen attempts, of which a line that loses 30 % each way fails all
with a probability of 2e-5 (hazards.md, H35)."""
DISARM_S: Final = 5.0
"""DISARM is answered at rest: a stroke of 0.5 Hz (design section 1) and its retraction fit."""
_STALE_S: Final = STATUS_STALE_US / 1_000_000


class Pen:
    """One link to one pen. After its loss `grant` returns False and requests raise LinkLost.

    Every request raises RequestTimeout or LinkLost when its outcome is not known.
    """

    def __init__(
        self, link: Exchange, identity: Identity, envelope: Envelope, listener: PenListener
    ) -> None:
        self._link = link
        self._listener = listener
        self._follower = Follower(link, self._on_strokes, self._on_gap)
        self._waiting = StatusWaiting(link)
        self.hello = link.hello
        self.identity = identity
        self.envelope = envelope
        self.link_id = link.link_id
        self.uid = link.hello.uid
        self.boot_id = link.hello.boot_id
        self.last_grant_refusal: GrantRefused | None = None

    @property
    def status(self) -> Status:
        """The newest status by the pen's own tick."""
        return self._link.heard.status

    @property
    def last_stop_id(self) -> int:
        """The last stop id that the pen echoed, to this host or another; 0 = none."""
        return self._link.last_stop_id

    @property
    def is_up(self) -> bool:
        """Whether the link still stands."""
        return self._link.is_up

    def status_age_s(self) -> float:
        """Seconds since the newest status was received."""
        return self._link.heard.age_s()

    async def configure(self, settings: StrokeSettings) -> int:
        """Set how strokes are made; returns the digest of what the pen decoded.

        Raises PenRefused, and DigestMismatch when the pen decoded something else.
        """
        reply = await self._link.request(Configure(0, settings), REQUEST_S, Configured)
        if reply.result is not Result.OK:
            raise PenRefused(
                f"CONFIGURE was refused: {RESULT_SENTENCES[reply.result]}.", result=reply.result
            )
        digest = settings_digest(settings)
        if reply.settings_digest != digest:
            raise DigestMismatch(
                f"The settings' digest is {digest:08x}, the pen's is {reply.settings_digest:08x}."
            )
        return digest

    async def wait_at_rest(self, deadline_s: float) -> None:
        """Return at the first status from now on that says AT_REST; raises ConditionNotReached."""
        await self._waiting.until(_is_at_rest, "at rest", deadline_s)

    async def cartridge(self) -> Cartridge:
        """The cartridge that is fitted now."""
        query = Query(0, QueryTopic.CARTRIDGE, 0)
        return await self._link.request(query, REQUEST_S, Cartridge)

    async def arm(
        self,
        arm_id: int,
        digest: int,
        cartridge_uid: int,
        certificate_id: int,
        expected: Counters,
        last_stop_id: int,
    ) -> ArmReply:
        """Ask for an arm (C4). A refusal is not raised; it stands in the reply's `result`."""
        arm = Arm(0, arm_id, digest, cartridge_uid, certificate_id, last_stop_id, expected)
        return await self._link.request(arm, REQUEST_S, ArmReply)

    async def disarm(self, arm_id: int, deadline_s: float = DISARM_S) -> ArmRecord:
        """End an arm for good, or spend its id; the pen answers at rest with its record."""
        return await self._link.request(Disarm(0, arm_id), deadline_s, ArmRecord)

    async def arm_record(self, arm_id: int) -> ArmRecord:
        """What the pen's memory holds of an arm; `arm_id` 0 asks for the highest."""
        query = Query(0, QueryTopic.ARM_RECORD, arm_id)
        return await self._link.request(query, REQUEST_S, ArmRecord)

    async def last_arm_of_host(self) -> ArmRecord:
        """The last arm that this host made on this pen; arm id 0 when it never did."""
        query = Query(0, QueryTopic.LAST_ARM_OF_HOST, 0)
        return await self._link.request(query, REQUEST_S, ArmRecord)

    async def clear_stop(self, stop_id: int) -> Cleared:
        """Unlatch this stop; a refusal stands in the reply's `result`.

        After NOT_THAT_STOP `last_stop_id` is what the pen says: a stop of which this host has heard
        no echo (a late copy of an older one, or another host's) is latched, and can be named now.
        """
        cleared = await self._link.request(Clear(0, stop_id, 0), REQUEST_S, Cleared)
        if cleared.result is Result.NOT_THAT_STOP:
            query = Query(0, QueryTopic.IDENTITY, 0)
            identity = await self._link.request(query, REQUEST_S, Identity)
            self._link.last_stop_id = identity.last_stop_id
        return cleared

    async def clear_fault(self, fault: int) -> Cleared:
        """Unlatch this fault; a refusal stands in the reply's `result`."""
        return await self._link.request(Clear(0, 0, fault), REQUEST_S, Cleared)

    async def store_certificate(self, certificate_id: int) -> CertificateStored:
        """Write a certificate id into the pen's memory; 0 removes it.

        `identity` then shows what the pen says that it stores, also after a refusal.
        """
        request = StoreCertificate(0, certificate_id)
        reply = await self._link.request(request, REQUEST_S, CertificateStored)
        stored_id = reply.certificate_id
        self.identity = msgspec.structs.replace(self.identity, certificate_id=stored_id)
        return reply

    def grant(
        self, arm_id: int, puncture_ceiling: int, step_ceiling: int, acked_index: int
    ) -> bool:
        """Raise the ceilings of an arm and renew its lease for 200 ms (C5); a datagram.

        The lease ends at the newest status' tick plus the host time since its receipt plus 200 ms.
        False, and nothing sent, while that status is older than 1 s, a stop is active or the link
        is lost.
        """
        heard = self._link.heard
        if self._link.stop_line.active or heard.age_s() > _STALE_S or not self._link.is_up:
            return False
        valid_until_ticks = heard.pen_now_ticks() + LEASE_HOST_MAX_US
        self._link.send(
            Grant(
                self.boot_id,
                arm_id,
                puncture_ceiling,
                step_ceiling,
                valid_until_ticks,
                acked_index,
            )
        )
        return True

    def ack(self, acked_index: int) -> None:
        """Tell the pen that all events below this index are committed (C8); a datagram."""
        self._link.send(Ack(self.boot_id, acked_index))

    def follow_strokes(self, next_index: int) -> None:
        """Deliver the events of this boot from `next_index` on, without gaps or repeats.

        Raises EventsRunBackwards when the pen has counted fewer events than that.
        """
        self._follower.follow(next_index)

    @property
    def is_followed(self) -> bool:
        """Whether the events of this link are being delivered."""
        return self._follower.follows

    def nudge(self) -> None:
        """Let the task that serves this pen turn once, if it rests."""
        self._follower.nudge()

    async def serve(self) -> None:
        """Tell the listener what the pen pushes, until the link ends."""
        self._link.subscribe(self._on_push)
        await self._follower.run()

    def _on_push(self, message: Message, newest: bool) -> None:
        match message:
            case Events():
                self._follower.on_events(message)
            case Health():
                self._listener.pen_health(self, message)
            case Stopped():
                self._listener.pen_stopped(self, message)
            case GrantRefused():
                self.last_grant_refusal = message
            case _:
                pass
        if newest:
            status = self.status
            self._follower.on_status(status)
            self._waiting.on_status(status)
            self._listener.pen_status(self, status)

    def _on_strokes(self, strokes: list[PenStroke]) -> None:
        for arm_id, of_arm in groupby(strokes, key=lambda stroke: stroke.arm_id):
            self._listener.pen_strokes(self, arm_id, tuple(of_arm))

    def _on_gap(self, first_missing: int, first_present: int) -> None:
        self._listener.pen_gap(self, first_missing, first_present)


def _is_at_rest(status: Status) -> bool:
    return bool(status.flags & StatusFlag.AT_REST)
