"""A recording as a person reads it: one decoded message a line, as the wiretap shows them."""

import json
import math

from controller.link.wiretap import Wiretap
from controller.service.flight.recording import Recording
from protocol.framing import Decoder, Frame


def decoded_lines(recording: Recording) -> str:
    """JSON lines with `mono_s`, way, message and fields; discards and notes in their place."""
    tap = Wiretap(entries_max=10 * len(recording.chunks) + 1, span_s=math.inf)
    decoders = {"<": Decoder(), ">": Decoder()}
    for mono_s, way, data in recording.chunks:
        if way == "!":
            tap.mark(mono_s, data.decode("utf-8", "replace"))
            continue
        for found in decoders[way].feed(data):
            if way == "<":
                tap.received(mono_s, found)
            elif isinstance(found, Frame):
                tap.sent(mono_s, found)
    return "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in tap.dump())
