"""Campaigns as people see them: pure view models, made without queries and without Temporal."""

from campaigns.presentation.page import CampaignPage, campaign_page
from campaigns.presentation.row import CampaignRow, row_of
from campaigns.presentation.trial import Trial, trial_of

__all__ = ["CampaignPage", "CampaignRow", "Trial", "campaign_page", "row_of", "trial_of"]
