"""SAHI and Ultralytics' YOLO beside ours: run by the Python of their own environment.

Reads a list of image paths (JSON) a line, answers with the seconds they took. Imports nothing of
ours, and is imported by nobody.
"""

import importlib
import json
import os
import resource
import sys
import time
from collections import Counter

TILE, OVERLAP = 640, 0.2


def main() -> None:
    """Answer until there are no more lines; the arguments: a network, as yolo11n, and a device."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # these libraries print
    network = importlib.import_module("ultralytics").YOLO(f"{sys.argv[1]}.yaml")
    detector = importlib.import_module("sahi").AutoDetectionModel.from_pretrained(
        model_type="ultralytics",
        model=network,
        confidence_threshold=0.25,
        device=sys.argv[2],
        image_size=TILE,
    )
    predict = importlib.import_module("sahi.predict").get_sliced_prediction
    for line in sys.stdin:
        stages: Counter[str] = Counter()
        started, worked = time.perf_counter(), time.process_time()
        for path in json.loads(line):
            told = predict(
                path,
                detector,
                slice_height=TILE,
                slice_width=TILE,
                overlap_height_ratio=OVERLAP,
                overlap_width_ratio=OVERLAP,
                verbose=0,
            )
            stages.update(told.durations_in_seconds)
        spent = time.perf_counter() - started
        worked = time.process_time() - worked
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        told = {"seconds": spent, "processor_s": worked, "stages": dict(stages), "peak_mib": peak}
        answers.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    main()
