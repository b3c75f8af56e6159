"""A model bundle with random weights: it finds nothing sensible, but goes the whole way."""

from pathlib import Path

import torch

from catenary.models import bundle
from catenary.models.build import (
    ClassifierArchitecture,
    DetectorArchitecture,
    classifier_network,
    detector_network,
)

CLASSES = ("split_pin", "clevis")  # the quickest to judge: random weights find hundreds
CONDITIONS = {"split_pin": ("normal", "missing")}


def random_bundle(folder: Path, classes: tuple[str, ...] = CLASSES) -> Path:
    """Write a bundle whose detector fires everywhere."""
    torch.manual_seed(0)
    detector = detector_network(DetectorArchitecture.CENTRE_LITE0, len(classes))
    torch.nn.init.constant_(detector.centre.bias, 0.0)  # or it would find nothing at all
    pairs = sum(map(len, CONDITIONS.values()))
    classifier = classifier_network(ClassifierArchitecture.POOLED_LITE0, pairs)
    card = bundle.Card(
        name=folder.name,
        catenary_version="0",
        git_revision="",
        created="2026-01-01",
        detector_architecture=DetectorArchitecture.CENTRE_LITE0,
        classifier_architecture=ClassifierArchitecture.POOLED_LITE0,
        classes=classes,
        conditions=CONDITIONS,
        data=bundle.TrainingData("0", "none: random weights"),
        thresholds=dict.fromkeys(CONDITIONS, 0.3),
    )
    states = {bundle.DETECTOR: detector.state_dict(), bundle.CLASSIFIER: classifier.state_dict()}
    bundle.save(folder, card, states)
    return folder
