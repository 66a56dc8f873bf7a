from django.apps import AppConfig


class PersonalitiesConfig(AppConfig):
    name = "personalities"
    verbose_name = "Personalities"
