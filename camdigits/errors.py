"""Every error that camdigits raises on purpose; each message names the cause and the cure.

CamdigitsError
├── PictureError   a picture or the bytes of one cannot be read
├── SourceError    a camera, video, folder or address cannot be opened, or was lost
├── ModelError     a model file is missing, broken or breaks the contract
├── WindowError    no window can be opened, or it is gone
├── SettingsError  a file of settings cannot be read, or names what is none
├── SinkError      an output (recording, events, table) cannot be written
└── ServeError     the page cannot be served
"""


class CamdigitsError(Exception):
    """The root: `except CamdigitsError` catches all that camdigits raises on purpose."""


class PictureError(CamdigitsError):
    """A picture cannot be read."""


class SourceError(CamdigitsError):
    """A source of frames cannot be opened, or was lost."""


class ModelError(CamdigitsError):
    """A model file is missing, broken or does not keep the contract."""


class WindowError(CamdigitsError):
    """The native window cannot be opened, or is gone."""


class SettingsError(CamdigitsError):
    """A file of settings is not one."""


class SinkError(CamdigitsError):
    """An output cannot be written."""


class ServeError(CamdigitsError):
    """The page cannot be served."""
