"""A workflow with every kind of message. As in a real area: no Django."""

from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import ApplicationError

from temporal_worker.progress import LiveWorkflow
from tests.temporal_worker.contract import EndInput, Label, Parcel, ParcelInput, Weigh


@workflow.defn
class ParcelWorkflow(LiveWorkflow):
    @workflow.init
    def __init__(self, parcel: ParcelInput) -> None:
        self.parcel_id = parcel.parcel_id
        self.grams = parcel.grams
        self.dropped: list[list[str]] = []
        self.end: EndInput | None = None
        self.gate = False

    @workflow.run
    async def run(self, parcel: ParcelInput) -> int:
        await workflow.wait_condition(lambda: self.end is not None)
        assert self.end is not None
        self.close_to_waiters()
        if self.end.linger_seconds:
            await workflow.sleep(self.end.linger_seconds)
        await self.drain()
        if self.end.continue_as_new:
            workflow.continue_as_new(ParcelInput(self.parcel_id, self.grams))
        return self.grams

    @workflow.signal
    def weigh_later(self, message: Weigh) -> None:
        self.grams = message.grams
        self.touch()

    @workflow.signal
    def break_down(self, message: Label) -> None:
        raise KeyError(message.text)

    @workflow.signal
    def finish(self, message: EndInput) -> None:
        self.end = message

    @workflow.signal
    def fail(self, message: Label) -> None:
        raise ApplicationError(message.text, type="Failed")

    @workflow.update
    def weigh(self, message: Weigh) -> Parcel:
        self.grams = message.grams
        self.touch()
        return self.parcel()

    @weigh.validator
    def validate_weigh(self, message: Weigh) -> None:
        if message.grams > 30_000:
            raise ApplicationError("Too heavy.", message.grams, type="TooHeavy")

    @workflow.update
    def unvalidated(self, message: Weigh) -> int:
        return message.grams

    @workflow.update
    def break_update(self, message: Label) -> None:
        raise ValueError("text is not what we want") if message.text == "value" else KeyError(message.text)

    @workflow.update
    async def hold(self, message: Label) -> str:
        await workflow.wait_condition(lambda: self.gate)
        return message.text

    @workflow.update
    async def pay(self, message: Label) -> str:
        return await workflow.execute_activity(
            "decline", message.text, start_to_close_timeout=timedelta(seconds=5), result_type=str
        )

    @workflow.signal
    def open_gate(self) -> None:
        self.gate = True

    @workflow.query
    def parcel(self) -> Parcel:
        return Parcel(self.version, self.grams, self.dropped)

    @workflow.query
    def times(self, factor: int) -> int:
        return self.grams * factor

    def on_dropped_signal(self, name: str, problem: str) -> None:
        self.dropped.append([name, problem])


@workflow.defn
class GateWorkflow:
    """Runs the activity ``pass_gate`` of whoever registers it."""

    @workflow.run
    async def run(self) -> str:
        return await workflow.execute_activity(
            "pass_gate", start_to_close_timeout=timedelta(seconds=60), result_type=str
        )
