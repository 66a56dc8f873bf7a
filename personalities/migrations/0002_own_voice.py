import django.db.models.deletion
from django.db import migrations, models

# The voice that is made for a personality is its own tenant's, and no stock voice.
OWN = """
    CREATE OR REPLACE FUNCTION personalities_voice_is_own() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM 1 FROM voices_voice v
          WHERE v.id IN (NEW.voice_id, NEW.fallback_voice_id) AND v.tenant_id <> NEW.tenant_id
             OR v.id = NEW.own_voice_id AND v.tenant_id IS DISTINCT FROM NEW.tenant_id;
        IF FOUND THEN
            RAISE EXCEPTION 'this voice is another tenant''s' USING ERRCODE = 'check_violation';
        END IF;
        RETURN NEW;
    END $$;
    DROP TRIGGER personality_voice_is_own ON personalities_personality;
    CREATE TRIGGER personality_voice_is_own
        BEFORE INSERT OR UPDATE OF tenant_id, voice_id, fallback_voice_id, own_voice_id
        ON personalities_personality
        FOR EACH ROW EXECUTE FUNCTION personalities_voice_is_own()"""
BEFORE = """
    CREATE OR REPLACE FUNCTION personalities_voice_is_own() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM 1 FROM voices_voice v
          WHERE v.id IN (NEW.voice_id, NEW.fallback_voice_id) AND v.tenant_id <> NEW.tenant_id;
        IF FOUND THEN
            RAISE EXCEPTION 'this voice is another tenant''s' USING ERRCODE = 'check_violation';
        END IF;
        RETURN NEW;
    END $$;
    DROP TRIGGER personality_voice_is_own ON personalities_personality;
    CREATE TRIGGER personality_voice_is_own
        BEFORE INSERT OR UPDATE OF tenant_id, voice_id, fallback_voice_id ON personalities_personality
        FOR EACH ROW EXECUTE FUNCTION personalities_voice_is_own()"""


class Migration(migrations.Migration):

    dependencies = [
        ('personalities', '0001_initial'),
        ('voices', '0005_owning'),
    ]

    operations = [
        migrations.AddField(
            model_name='personality',
            name='own_voice',
            field=models.ForeignKey(blank=True, editable=False, help_text='Made for it through its addresses; what it speaks with is `voice`.', null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='voices.voice'),
        ),
        migrations.RunSQL(OWN, BEFORE),
    ]
