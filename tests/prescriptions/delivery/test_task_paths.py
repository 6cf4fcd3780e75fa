"""Tasks that were queued by the release before run under their new names."""

import importlib

import pytest
from django.apps import apps
from django_tasks_db.models import DBTaskResult

from prescriptions.delivery import outbox
from prescriptions.records import exports

MIGRATION = importlib.import_module("prescriptions.migrations.0010_task_paths")


@pytest.mark.both_databases
@pytest.mark.django_db
@pytest.mark.parametrize(
    ("old", "task"),
    [
        ("prescriptions.transmission.send", outbox.send),
        ("prescriptions.exports.make", exports.make),
    ],
)
def test_a_task_queued_before_the_move_still_runs(old, task):
    result = task.enqueue(0)
    DBTaskResult.objects.filter(id=result.id).update(task_path=old)

    MIGRATION.follow(apps, None)

    assert DBTaskResult.objects.get(id=result.id).task == task
