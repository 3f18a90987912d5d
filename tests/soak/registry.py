"""Every fault of the catalogue with the class that makes it happen."""

from tests.soak.catalogue import FaultId
from tests.soak.fault import Fault
from tests.soak.faults.broker import BROKER
from tests.soak.faults.disk import DISK
from tests.soak.faults.host import HOST
from tests.soak.faults.link import LINK
from tests.soak.faults.pen import PEN

FAULTS: dict[FaultId, type[Fault]] = {**LINK, **PEN, **HOST, **DISK, **BROKER}
