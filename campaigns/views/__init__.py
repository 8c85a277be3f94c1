"""Pages of campaigns, contacts and the user actor."""
