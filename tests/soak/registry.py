"""Every fault of the catalogue with the class that makes it happen."""

from tests.soak.catalogue import FaultId
from tests.soak.fault import Fault

FAULTS: dict[FaultId, type[Fault]] = {}
