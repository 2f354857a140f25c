"""Predictor of kind `onnx`: any exported model, run by onnxruntime."""

import ast
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import AfterValidator, Field, model_validator

from sceneshift.attributes.names import as_attribute, chosen
from sceneshift.foreign.onnx_models import checked_model, metadata_of, open_session, read_onnx
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.runtime.section import IS_PATH, Positive, PositiveNumber
from sceneshift.scoring.kind import Facts, PredictorSettings

BATCH = 16
TYPES = {"tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(uint8)": np.uint8}
UINT8 = 2  # of TensorProto.DataType

Output = Literal["scores", "logits", "binary logits", "probabilities", "class ids"]


def _not_zero(value: float) -> float:
    if not value:
        raise ValueError("must not be 0")
    return value


class OnnxPredictor(PredictorSettings):
    """Any exported model through onnxruntime: scores [N, K], or logits of a segmentation [N, C, H, W], which become area fractions. `null` means: as the model's own metadata or input shape says."""

    kind: Literal["onnx"]
    model: Annotated[str, IS_PATH] = Field(
        description="The model (.onnx), with its weights inside. It is copied into the predictor's file."
    )
    names: list[str] | None = Field(
        None,
        description="Names of the model's scores or classes, in its order. `null`: `names` in its metadata, with commas between, as a list or as a dict by number.",
    )
    attributes: Literal["all"] | list[str] = Field("all", description="`all` of its names, or a list of those to keep.")
    size: Positive | tuple[Positive, Positive] | None = Field(
        None,
        description="Side, or [height, width], that pictures are resized to. `null`: its input shape, or `size` in its metadata.",
    )
    range: tuple[float, float] | None = Field(
        None,
        description="What black and white become: [0, 1], [-1, 1], [0, 255]. `null`: `range` in its metadata; of a model that takes uint8, 0 to 255.",
    )
    mean: tuple[float, float, float] | None = Field(
        None,
        description="Subtracted from R, G and B after that, such as ImageNet's [0.485, 0.456, 0.406]. `null`: `mean` in its metadata, else nothing.",
    )
    std: tuple[PositiveNumber, PositiveNumber, PositiveNumber] | None = Field(
        None,
        description="R, G and B are divided by it at last, such as ImageNet's [0.229, 0.224, 0.225]. `null`: `std` in its metadata, else nothing.",
    )

    def attribute_names(self, photos: str | None = None) -> list[str]:
        return chosen(self.attributes, self.score_names(), self.model)

    def score_names(self) -> list[str]:
        """The names of all of the model's scores, in its order: the config's, else those in the model's metadata."""
        names = self.names
        if names is None:
            names = _names(metadata_of(checked_model(read_onnx(self.model), self.model)).get("names", ""))
        names = [as_attribute(name) for name in names]
        if not names or "" in names or len(set(names)) < len(names):
            raise SceneshiftError(
                f"{self.model}: {'its metadata has' if self.names is None else 'predictors.names are'} the names"
                f" {names} for its scores; expected different ones, one a score. Set predictors.names to the right ones."
            )
        return names

    def build(self, device: str = "cpu") -> "ExportedModel":
        """What the settings leave open is read from the model. Raises SceneshiftError that says which key to set."""
        path = self.model
        content = read_onnx(path)
        model = checked_model(content, path)
        metadata = metadata_of(model)
        names, attributes = self.score_names(), self.attribute_names()
        scale = self.range or _numbers(metadata, "range", 2, path)
        if scale is None and (image := _input_of(model.graph)) and image.type.tensor_type.elem_type == UINT8:
            scale = (0, 255)
        if scale is None:
            raise SceneshiftError(
                f"{path} does not say which range its input has: set predictors.range, for example to [0, 1]."
            )
        facts = OnnxFacts(
            kind="onnx",
            attributes=attributes,
            columns=[names.index(name) for name in attributes],
            count=len(names),
            size=list(_size(self, metadata, model.graph, path)),
            range=list(scale),
            mean=list(self.mean or _numbers(metadata, "mean", 3, path) or (0, 0, 0)),
            std=list(self.std or _numbers(metadata, "std", 3, path) or (1, 1, 1)),
        )
        return ExportedModel(content, facts, where=path, device=device)

    @classmethod
    def load(cls, facts: dict[str, Any], tensors: dict[str, np.ndarray], device: str) -> "ExportedModel":
        read = OnnxFacts.model_validate(facts)
        return ExportedModel(tensors["model"].tobytes(), read, where="the predictor's onnx model", device=device)


Number = int | float
Side = Annotated[int, Field(ge=1, le=8192)]
NotZero = Annotated[Number, AfterValidator(_not_zero)]


class OnnxFacts(Facts):
    """What a predictor file records of an exported model."""

    columns: list[Annotated[int, Field(ge=0)]]  # those of the model's `count` scores that are kept
    count: Annotated[int, Field(ge=1)]
    size: Annotated[list[Side], Field(min_length=2, max_length=2)]  # height and width that pictures are resized to
    # Pixels p in [0, 1] become (low + p·(high - low) - mean) / std, the latter two for R, G and B.
    range: Annotated[list[Number], Field(min_length=2, max_length=2)]
    mean: Annotated[list[Number], Field(min_length=3, max_length=3)]
    std: Annotated[list[NotZero], Field(min_length=3, max_length=3)]
    output: Output | None = None  # what the model gives; found by running it once

    @model_validator(mode="after")
    def _consistent(self) -> "OnnxFacts":
        if len(self.columns) != len(self.attributes) or max(self.columns) >= self.count:
            raise ValueError(f"has {len(self.attributes)} attributes and columns {self.columns[:9]} of {self.count}")
        return self


class ExportedModel:
    """An ONNX model from RGB pictures to scores [N, K]; a segmentation's output becomes area fractions.

    Of several outputs, the first is taken. A segmentation [N, C, H, W] gives the mean over the picture of each class's
    probability (softmax; sigmoid if there is one class): the expected share of the picture, which, unlike the share of
    pixels that a class wins, moves with every small change. That share is what class ids give (argmax within the model).
    """

    def __init__(self, model: bytes, facts: OnnxFacts, *, where: object = "the model", device: str = "cpu") -> None:
        """where: names the model in errors."""
        self.attributes, self._model, self._facts, self._where = facts.attributes, model, facts, where
        self._session = open_session(model, where, facts.size, BATCH, device)
        self._input, self._channels_last, self._batch = self._checked_input()
        height, width = facts.size
        ramp = (np.arange(height * width * 3) % 256).astype(np.uint8).reshape(1, height, width, 3)
        if facts.output is None:
            self._facts = facts.model_copy(update={"output": self._kind_of(self._run(ramp))})
        if (found := self._all_scores(ramp).shape[1]) != facts.count:
            raise SceneshiftError(
                f"{where} gives {found} scores and has {facts.count} names: set predictors.names to {found} names."
            )

    def score(self, images: np.ndarray) -> np.ndarray:
        """uint8 [N, H, W, 3] of any size -> float32 [N, K]."""
        step = self._batch or BATCH
        parts = [self._all_scores(images[start : start + step]) for start in range(0, len(images), step)]
        return np.concatenate([np.zeros((0, self._facts.count), np.float32), *parts])[:, self._facts.columns]

    def facts(self) -> OnnxFacts:
        """What the predictor file records about it."""
        return self._facts

    def tensors(self) -> dict[str, np.ndarray]:
        """The model itself, as bytes."""
        return {"model": np.frombuffer(self._model, np.uint8)}

    def _checked_input(self) -> tuple[Any, bool, int | None]:
        """(the input, whether channels come last, its batch size or None where any will do)."""
        inputs = self._session.get_inputs()
        if len(inputs) != 1:
            raise SceneshiftError(f"{self._where} has {len(inputs)} inputs, expected one: pictures.")
        (image,) = inputs
        shape = list(image.shape)
        channels_last = len(shape) == 4 and shape[3] == 3 and shape[1] != 3
        sides = shape[1:3] if channels_last else shape[2:]
        fits = all(not isinstance(side, int) or side == own for side, own in zip(sides, self._facts.size, strict=False))
        three = len(shape) == 4 and (channels_last or not isinstance(shape[1], int) or shape[1] == 3)
        if image.type not in TYPES or not three or not fits:
            height, width = self._facts.size
            raise SceneshiftError(
                f"{self._where} takes {image.type} [{', '.join(map(str, shape))}]; expected float, float16 or uint8"
                f" [N, 3, {height}, {width}] or [N, {height}, {width}, 3] (predictors.size)."
            )
        if TYPES[image.type] is np.uint8 and (self._facts.range, set(self._facts.mean), set(self._facts.std)) != (
            [0, 255],
            {0},
            {1},
        ):
            raise SceneshiftError(
                f"{self._where} takes pixels in 0 … 255 as they are (uint8): leave predictors.range, mean and std out."
            )
        return image, channels_last, shape[0] if isinstance(shape[0], int) else None

    def _run(self, images: np.ndarray) -> np.ndarray:
        """The model's first output [n, …] for n pictures, uint8 [n, H, W, 3]; a fixed batch is filled up with the last one."""
        import torch

        from sceneshift.vision.backbone import enlarged

        (low, high), (height, width) = self._facts.range, self._facts.size
        mean, std = (torch.tensor(values)[:, None, None] for values in (self._facts.mean, self._facts.std))
        x = (low + enlarged(np.array(images), (height, width)) * (high - low) - mean) / std
        x = x.round() if TYPES[self._input.type] is np.uint8 else x
        x = (x.permute(0, 2, 3, 1) if self._channels_last else x).numpy().astype(TYPES[self._input.type])
        missing = (self._batch or len(x)) - len(x)
        x = np.ascontiguousarray(np.concatenate([x, x[-1:].repeat(missing, axis=0)]))
        try:
            output = self._session.run([self._session.get_outputs()[0].name], {self._input.name: x})[0]
        except Exception as error:  # onnxruntime's exceptions have no common class
            raise SceneshiftError(f"{self._where} failed on pictures {x.shape}: {str(error)[:300]}") from error
        if not isinstance(output, np.ndarray) or output.ndim == 0 or len(output) != len(x):
            shape = getattr(output, "shape", type(output).__name__)
            raise SceneshiftError(f"{self._where} gave {shape} for {len(x)} pictures; expected a row per picture.")
        return output[: len(images)]

    def _kind_of(self, output: np.ndarray) -> Output:
        """What the model gives, by its output for one picture, [1, …]."""
        pixels = output.ndim == 3 or (output.ndim == 4 and self._classes_first(output).shape[1] == 1)
        whole = output.dtype.kind in "iu" or np.array_equal(output, np.rint(output))
        if self._facts.count > 1 and whole and (pixels or output[0].size == 1):
            return "class ids"
        output = output.astype(np.float32)
        if output.ndim <= 2 or (output.ndim == 4 and output[0].size == max(output.shape[1:])):
            return "scores"
        if output.ndim != 4:
            raise SceneshiftError(
                f"{self._where} gives {output.shape} for a picture; expected scores [N, K] or a segmentation's"
                " logits [N, C, H, W]."
            )
        classes = self._classes_first(output)
        within = classes.min() >= 0 and classes.max() <= 1
        if within and (classes.shape[1] == 1 or np.allclose(classes.sum(1), 1, atol=1e-2)):
            return "probabilities"
        return "binary logits" if classes.shape[1] == 1 else "logits"

    def _classes_first(self, output: np.ndarray) -> np.ndarray:
        """[N, C, H, W], wherever the model has its channels."""
        return output.transpose(0, 3, 1, 2) if self._channels_last else output

    def _all_scores(self, images: np.ndarray) -> np.ndarray:
        """uint8 [n, H, W, 3] -> float32 [n, count]."""
        import torch

        output, kind = self._run(images).astype(np.float32), self._facts.output
        if kind == "scores":
            scores = output.reshape(len(output), -1)
        elif kind == "class ids":
            ids = output.reshape(len(output), -1)
            if not np.isin(ids, range(self._facts.count)).all():
                raise SceneshiftError(
                    f"{self._where} gave the class {np.setdiff1d(ids, range(self._facts.count))[0]:g} and has names for"
                    f" 0 … {self._facts.count - 1}: set predictors.names to the names of all classes, in order."
                )
            scores = np.stack([(ids == k).mean(1) for k in range(self._facts.count)], 1).astype(np.float32)
        else:
            classes = torch.from_numpy(self._classes_first(output))
            if kind == "logits":
                classes = classes.softmax(1)
            elif kind == "binary logits":
                classes = classes.sigmoid()
            scores = classes.mean((2, 3)).numpy()
        if not np.isfinite(scores).all():
            raise SceneshiftError(f"{self._where} gave scores that are not finite. Check predictors.range, mean, std.")
        return scores


def _names(text: str) -> list[str]:
    """The names that a model's metadata gives: with commas between, as a list or as a dict by number.

    JSON or Python, such as Ultralytics' `{0: 'person', 1: 'bicycle'}`; what is none of these gives none.
    """
    if text.strip()[:1] not in ("[", "{"):
        return [name for name in text.split(",") if name.strip()]
    try:
        given = ast.literal_eval(text.strip())
        if isinstance(given, dict):
            by_number = {int(number): name for number, name in given.items()}
            given = [by_number[number] for number in range(len(given))]
        return [name for name in given if isinstance(name, str)] if all(isinstance(n, str) for n in given) else []
    except (ValueError, SyntaxError, TypeError, KeyError, MemoryError, RecursionError):
        return []


def _input_of(graph: Any) -> Any | None:
    """The first input that is not a weight."""
    weights = {weight.name for weight in graph.initializer}
    return next((given for given in graph.input if given.name not in weights), None)


def _numbers(metadata: Mapping[str, str], key: str, count: int, path: str) -> tuple[float, ...] | None:
    """Numbers with commas between, from the model's metadata; None if it does not have the key."""
    if key not in metadata:
        return None
    try:
        numbers = tuple(float(number) for number in metadata[key].strip("[]() ").split(","))
    except ValueError:
        numbers = ()
    if len(numbers) != count or not np.isfinite(numbers).all():
        raise SceneshiftError(
            f"{path}: its metadata has {metadata[key]!r} as `{key}`; expected {count} numbers. Set predictors.{key}."
        )
    return numbers


def _size(settings: OnnxPredictor, metadata: Mapping[str, str], graph: Any, path: str) -> tuple[int, int]:
    """(height, width): the config's, else the input's own, else the metadata's."""
    if isinstance(settings.size, int):
        return settings.size, settings.size
    if settings.size:
        return settings.size
    image = _input_of(graph)
    sides = [side.dim_value for side in image.type.tensor_type.shape.dim][1:] if image else []
    if len(sides) == 3:
        height, width = sides[:2] if sides[2] == 3 and sides[0] != 3 else sides[1:]
        if height > 0 and width > 0:
            return height, width
    found = _numbers(metadata, "size", metadata.get("size", "").count(",") + 1, path)
    if found is None or not all(side >= 1 for side in found) or len(found) > 2:
        raise SceneshiftError(f"{path} takes pictures of any size: set predictors.size to the one that it knows.")
    return int(found[0]), int(found[-1])
