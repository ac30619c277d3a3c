"""The person's page in the console: who they are, why they stand where they stand, what happened, and what can be done."""
