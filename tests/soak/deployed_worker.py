"""``runworker`` with the workflows of ``deployed.py`` in the place of today's."""

import os

import django

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")
    django.setup()
    from django.core.management import call_command

    from campaigns.shard import CampaignShardWorkflow
    from campaigns.worker import AREA_WORKER
    from campaigns.workflows import CampaignWorkflow
    from tests.soak.deployed import DeployedCampaignWorkflow, DeployedShardWorkflow

    instead = {CampaignWorkflow: DeployedCampaignWorkflow, CampaignShardWorkflow: DeployedShardWorkflow}
    AREA_WORKER.workflows[:] = [instead.get(one, one) for one in AREA_WORKER.workflows]
    call_command("runworker")
