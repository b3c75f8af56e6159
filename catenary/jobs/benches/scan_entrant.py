"""One of ours in `benches.scan`, in a process of its own: the scan, a plain loop, or decoding.

Reads a list of image paths (JSON) a line, answers with the seconds they took and where they went.
"""

import json
import resource
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from torchvision.models import detection

from catenary.domain.image import ImageRef
from catenary.imaging import decode, tiles
from catenary.jobs.scanning import assemble
from catenary.pipeline.scan import scan
from catenary.pipeline.workers import fitting

Answer = Callable[[Sequence[Path]], dict[str, float]]  # paths to seconds by stage
TILE, OVERLAP = 640, 128  # px, as the peers'


def main() -> None:
    """Answer until there are no more lines; arguments: a key of `ENTRANTS`, device, settings."""
    answer = ENTRANTS[sys.argv[1]](sys.argv[2], *sys.argv[3:])
    for line in sys.stdin:
        started, worked = time.perf_counter(), time.process_time()
        stages = answer([Path(one) for one in json.loads(line)])
        spent = time.perf_counter() - started
        worked = time.process_time() - worked
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        told = {"seconds": spent, "processor_s": worked, "stages": stages, "peak_mib": peak}
        sys.stdout.write(json.dumps(told) + "\n")
        sys.stdout.flush()


def _scanning(device: str, *overrides: str) -> Answer:
    recipe = assemble.Recipe(device=device, overrides=overrides)
    settings, opening = recipe.settings(), assemble.opening(recipe)
    several = {"together": settings.together, "rules": settings.rule_processes}
    crew = fitting(assemble.devices(device), **several)
    # Left open: processes for rules end with this one.
    judges = assemble.with_rules(assemble.judges(recipe), crew.rules).__enter__()

    def answer(paths: Sequence[Path]) -> dict[str, float]:
        refs = [ImageRef("bench", str(one), "", str(one)) for one in paths]
        stages: Counter[str] = Counter()
        for result in scan(refs, _read, judges, crew, opening):
            stages.update(dict(result.stage_seconds))
        return dict(stages)

    return answer


def _read(ref: ImageRef) -> bytes:
    return Path(ref.file_name).read_bytes()


def _decoding(_device: str, *_: str) -> Answer:
    pool = ThreadPoolExecutor(torch.get_num_threads())

    def answer(paths: Sequence[Path]) -> dict[str, float]:
        list(pool.map(lambda one: decode.decode_gray(one.read_bytes()), paths))
        return {}

    return answer


def _plain_loop(device: str, *_: str) -> Answer:
    place = assemble.device(device)
    torch.manual_seed(0)
    network = detection.fasterrcnn_mobilenet_v3_large_320_fpn(
        weights=None, weights_backbone=None, min_size=TILE, max_size=TILE
    )
    network.eval().to(place)

    @torch.inference_mode()
    def answer(paths: Sequence[Path]) -> dict[str, float]:
        for path in paths:
            pixels = decode.decode_gray(path.read_bytes())
            height, width = pixels.shape
            for x, y in tiles.windows(height, width, TILE, OVERLAP):
                tile = pixels[y : y + TILE, x : x + TILE].astype(np.float32) / 255
                network([torch.from_numpy(tile).to(place).expand(3, -1, -1)])
        return {}

    return answer


ENTRANTS: dict[str, Callable[..., Answer]] = {
    "cascade": _scanning,
    "dense": lambda device, *own: _scanning(device, "cascade.coverage=dense", *own),
    "torchvision": _plain_loop,
    "decode": _decoding,
}


if __name__ == "__main__":
    main()
