"""Which messages are requests and which are the replies: all carry a request id."""

from protocol.messages import (
    Arm,
    ArmRecord,
    ArmReply,
    Cartridge,
    CertificateStored,
    Clear,
    Cleared,
    Configure,
    Configured,
    Disarm,
    Envelope,
    Identity,
    Query,
    Replay,
    ReplayReply,
    StoreCertificate,
)

Request = Query | Configure | Arm | Disarm | Replay | Clear | StoreCertificate
Reply = (
    Identity
    | Envelope
    | Cartridge
    | ArmRecord
    | Configured
    | ArmReply
    | Cleared
    | CertificateStored
    | ReplayReply
)
