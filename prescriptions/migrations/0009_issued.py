from django.db import migrations, models


class Migration(migrations.Migration):
    """Logs find what was issued at a practice in some days."""

    dependencies = [("prescriptions", "0008_state_rules")]
    operations = [
        migrations.AddIndex(
            model_name="prescription",
            index=models.Index(
                fields=["practice", "issued_on"], name="prescription_issued"
            ),
        ),
    ]
