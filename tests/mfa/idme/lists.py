"""What tests of the device list look at."""

from mfa.models import Device, Source


def names_of(user):
    mine = Device.objects.visible_to(user).listed().filter(source=Source.IDME)
    return sorted(mine.values_list("name", flat=True))
