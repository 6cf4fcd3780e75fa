from django.db import migrations

MOVED = {
    "prescriptions.transmission.send": "prescriptions.delivery.outbox.send",
    "prescriptions.exports.make": "prescriptions.records.exports.make",
}


def follow(apps, schema_editor):
    rename(apps, MOVED)


def go_back(apps, schema_editor):
    rename(apps, {new: old for old, new in MOVED.items()})


def rename(apps, paths):
    tasks = apps.get_model("django_tasks_database", "DBTaskResult").objects
    for old, new in paths.items():
        tasks.filter(task_path=old).update(task_path=new)


class Migration(migrations.Migration):
    """Tasks that were queued before their functions moved still run."""

    dependencies = [
        ("prescriptions", "0009_issued"),
        ("django_tasks_database", "0021_conditional_partial_index_ordering"),
    ]
    operations = [migrations.RunPython(follow, go_back)]
