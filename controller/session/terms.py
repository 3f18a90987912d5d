"""The terms of a session, frozen when it is opened: plan, product, limits, certificate, cartridge.

They are written whole into the journal, so a restarted service treats by the same terms even when
every file in `config/` has changed since (hazard H40).
"""

import msgspec

from controller.record.events import Actor, SessionOpened
from controller.session.cartridge import CartridgeType
from controller.session.certificate import Certificate
from controller.session.limits import EffectiveLimits
from controller.session.plan import Plan
from controller.session.product import Product


class Terms(msgspec.Struct, frozen=True):
    """What was agreed. `product` and `certificate` are None without dispense."""

    plan: Plan
    product: Product | None
    limits: EffectiveLimits
    certificate: Certificate | None
    cartridge: CartridgeType
    config_digest: str
    accept_provisional: bool

    def opened(self, operator: Actor) -> SessionOpened:
        """The entry that freezes these terms."""
        return SessionOpened(
            plan_name=self.plan.name,
            plan_digest=self.plan.digest,
            patient=self.plan.patient,
            operator=operator,
            plan=self.plan.model_dump(mode="json"),
            product=self.product.model_dump(mode="json") if self.product else None,
            limits=self.limits.model_dump(mode="json"),
            certificate=self.certificate.model_dump(mode="json") if self.certificate else None,
            cartridge=self.cartridge.model_dump(mode="json"),
            config_digest=self.config_digest,
            accept_provisional=self.accept_provisional,
        )


def terms_of(opened: SessionOpened) -> Terms:
    """The terms as the journal keeps them. Raises pydantic.ValidationError for a foreign schema."""
    return Terms(
        plan=Plan.model_validate(opened.plan),
        product=Product.model_validate(opened.product) if opened.product else None,
        limits=EffectiveLimits.model_validate(opened.limits),
        certificate=Certificate.model_validate(opened.certificate) if opened.certificate else None,
        cartridge=CartridgeType.model_validate(opened.cartridge),
        config_digest=opened.config_digest,
        accept_provisional=opened.accept_provisional,
    )
