"""What an audit holds against an edited photo."""

from typing import Annotated

from pydantic import Field

from sceneshift.runtime.section import Section, Share

Limit = Annotated[float, Field(ge=0)] | None


class AuditSettings(Section):
    """What an edited photo may be at most, and what at least. `null`: anything."""

    zoom: Limit = Field(
        0.005, description="Largest zoom, in or out: 0.005 moves the border of a 1,000 px photo by 2.5."
    )
    shift: Limit = Field(0.005, description="Largest shift, as a share of the shorter side.")
    residual: Limit = Field(
        0.01, description="Largest shift of the median tile that zoom and shift leave, as a share of the shorter side."
    )
    structure: Share | None = Field(0.5, description="Least structure kept, once zoom and shift are undone.")
    changed: Share | None = Field(
        None,
        description="Largest share of pixels changed by more than 10 of 255 levels, beyond what the file's encoding changes. An edit of light or weather may change all; one that should be local, .1.",
    )
    inside: Share | None = Field(
        0.9, description="Least share of the change that lies in the mask, where one is given."
    )
    crushed: Share | None = Field(0.05, description="Most pixels that turn to black in every channel.")
    blown: Share | None = Field(0.05, description="Most pixels that turn to white in every channel.")
    blocks: Limit = Field(
        1.0,
        description="Most that steps across the borders of 8 × 8 blocks may grow over other steps, in levels of 255; JPEGs of quality 75 and 50 have about 1.3 and 2.5.",
    )
    halos: Limit = Field(
        1.5, description="Most that the change may vary beside strong edges over elsewhere, in levels of 255 per pixel."
    )
    side_effect: Limit = Field(
        3.0,
        description="Largest change of another attribute by the first scorer that knows the edit's own, in standard deviations of its scores of the photos.",
    )
