"""What the campaign area asks of the worker process."""

from datetime import timedelta

from campaigns import activities, actor_activities, import_activities, reconciler, welcome_activities
from campaigns.audience_import import AudienceImportWorkflow
from campaigns.contract import TASK_QUEUE
from campaigns.gateway import imports, uploads
from campaigns.shard import CampaignShardWorkflow
from campaigns.stopping import CampaignOccurrenceWorkflow, StopEverythingWorkflow
from campaigns.user_actor import UserActorWorkflow
from campaigns.welcome import WelcomeWorkflow
from campaigns.workflows import CampaignWorkflow
from temporal_worker.registry import AreaWorker, Periodic

AREA_WORKER = AreaWorker(
    task_queue=TASK_QUEUE,
    workflows=[
        UserActorWorkflow,
        CampaignWorkflow,
        CampaignShardWorkflow,
        StopEverythingWorkflow,
        CampaignOccurrenceWorkflow,
        AudienceImportWorkflow,
        WelcomeWorkflow,
    ],
    activities=[
        actor_activities.write_down,
        activities.snapshot_audience,
        activities.ask_launch_approval,
        activities.withdraw_launch_approval,
        activities.close_gate,
        activities.send_batch,
        activities.count_recipients,
        activities.close_recipients,
        activities.save_campaign,
        activities.list_running_campaigns,
        activities.hold_campaign,
        activities.pause_recurring,
        activities.start_occurrence,
        import_activities.validate_import,
        import_activities.transform_import,
        import_activities.finalise_import,
        import_activities.greet_new_contacts,
        import_activities.tidy_import,
        import_activities.save_import,
        welcome_activities.fetch_contact_details,
        welcome_activities.fetch_contact_wishes,
        welcome_activities.send_greeting,
    ],
    # Actors, nearly all of them. One that has to be read again costs a message twice the time.
    cached_workflows=1_000,
    periodic=[
        Periodic("start launched campaigns", timedelta(seconds=5), reconciler.start_launched_campaigns),
        Periodic("note when campaigns come again", timedelta(seconds=5), reconciler.note_next_times),
        Periodic("add up what was sent", timedelta(minutes=1), reconciler.close_send_hours),
        Periodic("tell opt-outs", timedelta(seconds=5), reconciler.tell_opt_outs),
        Periodic("give slots back", timedelta(seconds=10), reconciler.give_back_slots),
        # Not more often: each costs a campaign some twenty events.
        Periodic("tell campaigns who is not waited for", timedelta(seconds=20), reconciler.tell_recounts),
        Periodic("tell settings", timedelta(seconds=5), reconciler.tell_settings),
        Periodic("start taken imports", timedelta(seconds=5), imports.finish_starting_imports),
        Periodic("forget uploads", timedelta(hours=1), uploads.forget_old_uploads),
    ],
)
