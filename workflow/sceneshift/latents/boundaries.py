"""Linear boundaries between codes that have an attribute and codes that lack it, and their files: those fitted in W
(separation.py); from elsewhere also of Z and W+.

InterFaceGAN (arXiv 1907.10786, 2005.09635), HiGAN (1911.09267) and StyleGAN2 Distillation (2003.03581).
"""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol, get_args
from zipfile import ZipFile

import numpy as np

from sceneshift.runtime.errors import SceneshiftError
from sceneshift.runtime.files import atomic_file
from sceneshift.settings import Space

FORMAT_VERSION = 1
LARGEST = 10_000_000  # bytes in a boundary's file, unpacked


@dataclass(frozen=True)
class Boundary:
    """The hyperplane normal · w + intercept = 0; `normal` points to more of the attribute."""

    normal: np.ndarray  # float32 [w_dim], of Z [z_dim], unit length; of W+ [num_ws, w_dim], rows so on average
    intercept: float  # normal · w + intercept is the signed distance to the hyperplane, in units of the space
    attribute: str  # what it is more of; for one found without labels, its name
    validation_accuracy: float  # NaN where nothing was fitted
    examples: int  # codes used, of both sides, training and validation
    selection: str  # extremes or random; imported or sefa where nothing was fitted
    store_sha256: str = ""
    resolutions: tuple[int, ...] = ()  # of the layers that it is for; none: all
    space: Space = "w"  # that the normal lies in; older files do not say it, and are of W
    remaining_accuracy: float = float("nan")  # on codes that were not selected; NaN: there are none, or not measured


def condition(normal: np.ndarray, others: np.ndarray) -> np.ndarray:
    """`normal` made orthogonal to all `others`, unit length: n - Cᵀ(C Cᵀ)⁻¹C n, renormalized (InterFaceGAN, eq. 8).

    normal: [w_dim]. others: [M, w_dim], any number, also dependent ones. Raises SceneshiftError if nothing is left.
    """
    if not len(others):
        return normal
    c = np.asarray(others, np.float64)
    left = normal - c.T @ (np.linalg.pinv(c @ c.T, hermitian=True) @ (c @ normal))
    length = np.linalg.norm(left)
    if length < 1e-4:
        raise SceneshiftError("Nothing is left of the direction: it lies in the span of those to hold. Hold fewer.")
    return (left / length).astype(np.float32)


def save_boundary(boundary: Boundary, path: Path | str) -> None:
    """Write a boundary as .npz, without pickles."""
    with atomic_file(path) as temporary, open(temporary, "wb") as file:
        np.savez(file, format_version=FORMAT_VERSION, **asdict(boundary))


def load_boundary(path: Path | str) -> Boundary:
    """Read a boundary. Raises SceneshiftError if it is missing, damaged or of another version."""
    path = Path(path)
    if not path.is_file():
        raise SceneshiftError(f"The boundary {path} does not exist. Make it with `sceneshift fit-boundary`.")
    try:
        with ZipFile(path) as archive:  # what it claims is checked before any of it is read
            if sum(record.file_size for record in archive.infolist()) > LARGEST:
                raise SceneshiftError(f"{path} claims more than {LARGEST:,} bytes, which no boundary has.")
        with np.load(path, allow_pickle=False) as file:
            fields = {name: file[name] for name in file.files}
    except SceneshiftError:
        raise
    except Exception as error:  # a damaged zip file or header fails in nearly any way
        raise SceneshiftError(f"The boundary {path} is truncated or no .npz file ({error}).") from error
    version = fields.pop("format_version", None)
    if version != FORMAT_VERSION:
        raise SceneshiftError(f"The boundary {path} has format version {version}, expected {FORMAT_VERSION}.")
    try:
        values: dict[str, Any] = {name: value if name == "normal" else value.tolist() for name, value in fields.items()}
        boundary = Boundary(**{**values, "resolutions": tuple(map(int, values.get("resolutions", ())))})
    except (TypeError, ValueError) as error:
        raise SceneshiftError(f"The boundary {path} does not have the entries of a boundary ({error}).") from error
    normal = boundary.normal
    if boundary.space not in get_args(Space):
        raise SceneshiftError(f"The boundary {path} is of the space {boundary.space!r:.20}; expected z, w or w+.")
    expected, dimensions = ("[num_ws, w_dim]", 2) if boundary.space == "w+" else (f"[{boundary.space}_dim]", 1)
    if normal.dtype != np.float32 or normal.ndim != dimensions or not np.isfinite(normal).all():
        raise SceneshiftError(
            f"The boundary {path}: its normal is {normal.dtype} {normal.shape}; expected float32 {expected}, finite."
        )
    return boundary


class TakesCodes(Protocol):
    """What a generator says of its codes."""

    z_dim: int
    w_dim: int
    num_ws: int


def check_fits(boundary: Boundary, path: Path | str, network: TakesCodes, generator: Path | str) -> None:
    """Raise SceneshiftError with both shapes unless a boundary is for codes of `network`, which `generator` holds."""
    wanted = {"z": (network.z_dim,), "w": (network.w_dim,), "w+": (network.num_ws, network.w_dim)}[boundary.space]
    found = boundary.normal.shape
    if found == wanted:
        return
    if boundary.space == "w+":
        raise SceneshiftError(
            f"The boundary {path} is for {found[0]} layers' codes of {found[1]} dimensions, but {generator} has"
            f" {wanted[0]} of {wanted[1]}."
        )
    raise SceneshiftError(
        f"The boundary {path} is for codes of {found[0]} dimensions, but {generator} has {wanted[0]}."
        " Fit the boundary on codes of this generator."
    )
