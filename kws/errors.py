"""Everything that can go wrong on purpose.

KwsError                 one clear line and the next step; the command line prints it and exits with status 1
├── ArgumentError        a program gave a function an argument of the wrong type, shape or range
├── NoWorkspaceError     there is no kws.toml here
├── SpecError            a setting in kws.toml is unknown, of the wrong type or out of range
├── DataError            recordings are missing, unreadable or cannot train a model
├── DownloadError        the archive could not be fetched or is not what was asked for
├── ModelError           a network that the engine cannot run, or a run that cannot be trained
├── PlanError            a plan file that is damaged, hostile or from another version
└── DeviceError          the microphone or its library is missing, busy or gone
"""


class KwsError(Exception):
    """Base of all errors that a user can act on."""


class ArgumentError(KwsError, TypeError, ValueError):
    """An argument is of the wrong type, shape or range. Also what Python raises for such, so that either catches it."""


class NoWorkspaceError(KwsError):
    """There is no kws.toml here; one that is wrong is a SpecError."""


class SpecError(KwsError):
    """A setting is unknown, of the wrong type or out of range."""


class DataError(KwsError):
    """Recordings are missing, unreadable or cannot train a model."""


class DownloadError(KwsError):
    """An archive could not be fetched or is not what was asked for."""


class ModelError(KwsError):
    """A network that the engine cannot run, or a run that cannot be trained."""


class PlanError(KwsError):
    """A plan file that is damaged, hostile or from another version."""


class DeviceError(KwsError):
    """The microphone or its library is missing, busy or gone."""
