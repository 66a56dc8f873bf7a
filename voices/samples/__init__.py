"""Recordings of a voice of one's own: uploaded, examined, decided on, listened to, removed."""
