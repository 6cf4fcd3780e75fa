from django.conf import settings
from django.db import migrations, models


def begin(apps, schema_editor):
    """Make the row of each account that has never been proven."""
    User = apps.get_model(settings.AUTH_USER_MODEL)
    UserThrottle = apps.get_model("mfa", "UserThrottle")
    without = User.objects.filter(mfa_throttle=None).values_list("pk", flat=True)
    UserThrottle.objects.bulk_create(
        [UserThrottle(user_id=pk) for pk in without], batch_size=1000
    )


class Migration(migrations.Migration):

    dependencies = [
        ('mfa', '0006_listened_to'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name='device',
            name='failed_before',
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name='userthrottle',
            name='failed_before',
            field=models.DateTimeField(null=True),
        ),
        migrations.RunPython(begin, migrations.RunPython.noop, elidable=True),
    ]
