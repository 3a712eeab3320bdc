"""What every package stands on: settings, database, secrets at rest, logs, jobs. Knows nothing of the product."""
