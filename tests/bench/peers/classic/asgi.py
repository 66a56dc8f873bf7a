"""The same application for uvicorn, on threads, as Voicemill serves its own."""

from a2wsgi import WSGIMiddleware

from tests.bench.peers.classic.wsgi import application

app = WSGIMiddleware(application, workers=8)
