"""Four small tables: who works on which queue, the counters that tell pages that a projection has changed, what could not be
saved yet, the demo's clocks."""

from datetime import datetime, timedelta

from django.db import IntegrityError, connections, models, router, transaction
from django.db.models import F
from django.db.models.functions import Now

from temporal_worker.announcements import announce


class WorkerHeartbeat(models.Model):
    """One row for each queue of each worker process, written every 2 s and deleted on a graceful stop.

    The server's own list of pollers cannot be used: it still named a stopped worker after 253 s. All times are the
    database's, so the clocks of several machines need not agree.
    """

    queue = models.CharField(max_length=200)
    identity = models.CharField(max_length=200)
    started_at = models.DateTimeField()
    seen_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["queue", "identity"], name="one_heartbeat_per_queue_and_worker")]
        indexes = [models.Index(fields=["seen_at"])]

    def __str__(self) -> str:
        return f"{self.identity} on {self.queue}"

    @classmethod
    def beat(cls, queues: list[str], identity: str) -> None:
        """Says that the worker ``identity`` is alive on each of ``queues``."""
        for queue in queues:
            cls.objects.update_or_create(
                queue=queue,
                identity=identity,
                defaults={"seen_at": Now()},
                create_defaults={"seen_at": Now(), "started_at": Now()},
            )

    @classmethod
    def leave(cls, identity: str) -> None:
        """Removes the worker ``identity`` and, on the way, what workers that were killed have left behind."""
        cls.objects.filter(identity=identity).delete()
        cls.objects.filter(seen_at__lt=Now() - timedelta(hours=1)).delete()


class ChangeCounter(models.Model):
    """A counter per projection that grows in the very transaction that changes the projection.

    Readers compare it with the value they saw last. The row stays locked until the commit, so values become visible in
    their order; polling ``id > last`` instead loses rows on PostgreSQL when a lower id commits later.
    """

    name = models.CharField(max_length=100, unique=True)
    value = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.name}: {self.value}"

    @classmethod
    def bump(cls, name: str) -> int:
        """Adds one and returns the new value. Call it last in the transaction: whoever bumps next waits for its end.

        Raises:
            TransactionManagementError: there is no transaction, so the change and the count could part.
        """
        using = router.db_for_write(cls)
        if not connections[using].in_atomic_block:
            raise transaction.TransactionManagementError("ChangeCounter.bump() belongs into the change's transaction.")
        row = cls.objects.using(using).filter(name=name)
        # An UPDATE takes the row lock and sees the latest committed value, on every database.
        if not row.update(value=F("value") + 1):
            try:
                with transaction.atomic(using=using):
                    cls.objects.using(using).create(name=name, value=1)
            except IntegrityError:  # somebody else's first bump was faster, and has committed
                row.update(value=F("value") + 1)
        announce(using)
        return row.values_list("value", flat=True).get()

    @classmethod
    def read(cls) -> dict[str, int]:
        """The committed value of each counter, by name."""
        return dict(cls.objects.values_list("name", "value"))


class DelayedSave(models.Model):
    """A save into a projection that is being tried again. ``since`` is when it was first asked for."""

    task = models.CharField(max_length=200, unique=True)
    activity = models.CharField(max_length=100)
    since = models.DateTimeField()
    seen_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["activity", "seen_at"])]

    def __str__(self) -> str:
        return f"{self.activity} since {self.since:%Y-%m-%d %H:%M:%S}"

    @classmethod
    def note(cls, task: str, activity: str, since: datetime) -> None:
        """Says that it is being tried once more."""
        cls.objects.update_or_create(
            task=task,
            defaults={"seen_at": Now()},
            create_defaults={"activity": activity, "since": since, "seen_at": Now()},
        )

    @classmethod
    def forget(cls, task: str) -> None:
        """Removes it and, on the way, those that nobody tries any more."""
        cls.objects.filter(task=task).delete()
        cls.objects.filter(seen_at__lt=Now() - timedelta(hours=1)).delete()


class DemoClock(models.Model):
    """How far somebody has put a workflow's clock ahead, in the demo. Outside it there are no rows."""

    workflow_id = models.CharField(max_length=200, unique=True)
    ahead_seconds = models.FloatField()

    def __str__(self) -> str:
        return f"{self.workflow_id}: {self.ahead_seconds:.0f} s ahead"
