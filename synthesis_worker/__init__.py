"""Workers that make speech, sound and voices."""

import os

# ONNX Runtime reports its use to its makers, and keeps a record in the home folder, unless told.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
