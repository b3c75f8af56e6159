"""Architectures by name: a head of ours on a backbone."""

from collections.abc import Mapping
from enum import StrEnum

from catenary.models.anomaly_network import AnomalyNetwork
from catenary.models.backbones import Backbone
from catenary.models.network import ComponentNetwork, ConditionNetwork
from catenary.models.refiner_network import RefinerNetwork


class DetectorArchitecture(StrEnum):
    """Detectors we can build; the name is written into the bundle."""

    CENTRE_LITE0 = "centre_lite0"
    CENTRE_EFFICIENTNET_B0 = "centre_efficientnet_b0"
    CENTRE_CONVNEXT_TINY = "centre_convnext_tiny"
    CENTRE_RESNET18 = "centre_resnet18"
    CENTRE_RESNET50 = "centre_resnet50"
    CENTRE_REGNETY_400MF = "centre_regnety_400mf"
    CENTRE_MOBILENETV3_LARGE = "centre_mobilenetv3_large"


class RefinerArchitecture(StrEnum):
    """Box refiners we can build; the name is written into the bundle."""

    SIDES_LITE0 = "sides_lite0"
    SIDES_EFFICIENTNET_B0 = "sides_efficientnet_b0"
    SIDES_CONVNEXT_TINY = "sides_convnext_tiny"
    SIDES_RESNET18 = "sides_resnet18"
    SIDES_RESNET50 = "sides_resnet50"
    SIDES_REGNETY_400MF = "sides_regnety_400mf"
    SIDES_MOBILENETV3_LARGE = "sides_mobilenetv3_large"


class ClassifierArchitecture(StrEnum):
    """Condition classifiers we can build; the name is written into the bundle."""

    POOLED_LITE0 = "pooled_lite0"
    POOLED_EFFICIENTNET_B0 = "pooled_efficientnet_b0"
    POOLED_CONVNEXT_TINY = "pooled_convnext_tiny"
    POOLED_RESNET18 = "pooled_resnet18"
    POOLED_RESNET50 = "pooled_resnet50"
    POOLED_REGNETY_400MF = "pooled_regnety_400mf"
    POOLED_MOBILENETV3_LARGE = "pooled_mobilenetv3_large"


class AnomalyArchitecture(StrEnum):
    """Anomaly scorers we can build; the name is written into the bundle."""

    PATCHES_LITE0 = "patches_lite0"  # 0.7 M parameters and the memories


Architecture = (
    DetectorArchitecture | RefinerArchitecture | ClassifierArchitecture | AnomalyArchitecture
)


def backbone_name(architecture: Architecture) -> Backbone:
    """Return the backbone of an architecture, which its name ends with."""
    return Backbone(architecture.partition("_")[2])


def detector_network(architecture: DetectorArchitecture, classes: int) -> ComponentNetwork:
    """Build a detector with random weights for ``classes`` component kinds."""
    return ComponentNetwork(backbone_name(architecture), classes, channels=64)


def refiner_network(architecture: RefinerArchitecture, classes: int) -> RefinerNetwork:
    """Build a refiner with random weights for ``classes`` component kinds."""
    return RefinerNetwork(backbone_name(architecture), classes)


def classifier_network(architecture: ClassifierArchitecture, outputs: int) -> ConditionNetwork:
    """Build a classifier with random weights for ``outputs`` (component, condition) pairs."""
    return ConditionNetwork(backbone_name(architecture), outputs)


def anomaly_network(architecture: AnomalyArchitecture, sizes: Mapping[str, int]) -> AnomalyNetwork:
    """Build an anomaly scorer with empty memories of ``sizes`` patches by component id."""
    return AnomalyNetwork(backbone_name(architecture), sizes)
