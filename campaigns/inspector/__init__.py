"""The page of one person's actor: what it says, made from the actor's own view and from what the database knows beside it."""
