"""The engines of cards, each behind the engine contract. They know no Django and no Celery."""
