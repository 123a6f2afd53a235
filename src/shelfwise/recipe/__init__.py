"""The declared configuration of a model: everything `train` decides, written down, editable, readable back."""

from shelfwise.recipe.calibration import CalibrationRecipe, ThresholdRecipe
from shelfwise.recipe.classifiers import HEADS, ClassifierRecipe
from shelfwise.recipe.files import read_values
from shelfwise.recipe.fusion import FusionRecipe
from shelfwise.recipe.inputs import InputRecipe
from shelfwise.recipe.memory import MemoryRecipe
from shelfwise.recipe.presets import PRESETS
from shelfwise.recipe.routing import RoutingRecipe
from shelfwise.recipe.target import TargetRecipe
from shelfwise.recipe.training import TrainingRecipe
from shelfwise.recipe.whole import Recipe

__all__ = [
    "HEADS",
    "PRESETS",
    "CalibrationRecipe",
    "ClassifierRecipe",
    "FusionRecipe",
    "InputRecipe",
    "MemoryRecipe",
    "Recipe",
    "RoutingRecipe",
    "TargetRecipe",
    "ThresholdRecipe",
    "TrainingRecipe",
    "read_values",
]
