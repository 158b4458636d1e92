"""What goes in and out, as Pydantic checks it. The store takes and gives the same values."""

import math
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from service.types import Line, Time


def _plain(value: object) -> object:
    """Check a value of an attribute; the union alone would tell four faults where there is one."""
    if isinstance(value, str):
        if len(value) > 1000:
            raise ValueError("has more than 1,000 characters")
    elif not isinstance(value, bool | int | float):
        raise ValueError("must be a string, a number or a boolean")
    elif not math.isfinite(value):
        raise ValueError("is too large a number")
    return value


Name = Annotated[Line, Field(max_length=200, examples=["Blue chair"])]
Key = Annotated[str, Field(min_length=1, max_length=100)]
Value = Annotated[
    Annotated[str, Field(max_length=1000)] | bool | int | float, BeforeValidator(_plain)
]


class Draft(BaseModel):
    """What callers say of an item."""

    model_config = ConfigDict(strict=True, extra="forbid")

    name: Name
    attributes: Annotated[
        dict[Key, Value], Field(max_length=50, examples=[{"colour": "blue", "legs": 4}])
    ] = {}


class Item(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID
    owner: Annotated[str, Field(examples=["anonymous"])]
    name: Name
    attributes: dict[str, str | bool | int | float]
    version: Annotated[int, Field(ge=1)]
    created_at: Time
    updated_at: Time


class ItemPage(BaseModel):
    items: list[Item]
    next: Annotated[str | None, Field(description="The `cursor` of what comes next.")]
