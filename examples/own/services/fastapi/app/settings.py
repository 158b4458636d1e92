"""What the service needs of the environment, and which of the shared limits it uses."""

from dataclasses import dataclass

from service.database import DatabaseLimits, DatabaseSettings
from service.settings import Port, ServerSettings


class Settings(ServerSettings, DatabaseSettings):
    """Variables, in upper case. A field without a default has to be there."""

    port: Port = 8080


@dataclass(frozen=True)
class Limits(DatabaseLimits):
    """Those of contracts/limits.json that this service uses. A variable of the name overrides."""

    page_max: int
    page_size: int
