"""The hardware classes: each queue, and the worker package whose tasks it carries."""

QUEUES = {
    "cpu": "synthesis_worker",
    "net": "synthesis_worker",
    "media": "synthesis_worker",
    "gpu.xtts": "gpu_worker",
    "gpu.styletts2": "gpu_worker",
    "gpu.train": "gpu_worker",
}
