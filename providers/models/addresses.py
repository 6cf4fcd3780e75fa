from django.db import models

from providers import identifiers


class Address(models.Model):
    """A postal address, as long as NCPDP SCRIPT allows, so that nothing is cut off."""

    address_line_1 = models.CharField("address", max_length=40)
    address_line_2 = models.CharField("address, second line", max_length=40, blank=True)
    city = models.CharField(max_length=35)
    state = models.CharField(max_length=2, validators=[identifiers.validate_state])
    postal_code = models.CharField(
        "ZIP code", max_length=10, validators=[identifiers.validate_postal_code]
    )

    class Meta:
        abstract = True

    @property
    def address(self) -> str:
        lines = [self.address_line_1, self.address_line_2, self.city]
        street = ", ".join(line for line in lines if line)
        return f"{street}, {self.state} {self.postal_code}"
