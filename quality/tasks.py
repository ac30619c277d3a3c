"""What Celery runs for quality: a poke and nothing else; the rows decide."""
