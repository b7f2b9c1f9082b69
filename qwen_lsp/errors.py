"""Every error we raise on purpose. Each message says what happened, why, and what to do next.

QwenLspError
├── SettingsError          an option is unknown or has a wrong value
├── EngineError            the engine cannot do what was asked
│   ├── EngineMissing      a library is not installed (names it)
│   ├── ModelNotFound      no model at that path or name, or its files are broken
│   ├── EngineUnavailable  still loading, stopped, or out of reach; asking later may work
│   ├── EngineBusy         the waiting line is full; nothing was queued
│   ├── PromptTooLong      more tokens than the model's window
│   ├── NotEnoughMemory    refused before the machine would swap; says the numbers
│   └── GenerationFailed   broke off in the middle
├── HostError              the shared process
│   ├── HostUnreachable    not running, or does not answer
│   └── HostMismatch       runs another version
├── ActionRefused          a code action has a reason not to go on
└── SandboxUnavailable     no way to contain generated code on this machine

An abort is not an error: it is a Finish (engine/request.py).
"""

from __future__ import annotations


class QwenLspError(Exception):
    """Base of all our errors; `str(error)` is a sentence for the user."""


class SettingsError(QwenLspError):
    """An option is unknown or has a wrong value."""


class EngineError(QwenLspError):
    """The engine cannot do what was asked."""


class EngineMissing(EngineError):
    """A library the engine needs is not installed."""


class ModelNotFound(EngineError):
    """No usable model at that path or under that name."""


class EngineUnavailable(EngineError):
    """Loading, stopped or out of reach; a later try may work."""


class EngineBusy(EngineError):
    """The waiting line is full; nothing was queued."""


class PromptTooLong(EngineError):
    """The prompt does not fit the model's window."""


class NotEnoughMemory(EngineError):
    """Refused before the machine would swap."""


class GenerationFailed(EngineError):
    """A generation broke off in the middle."""


class HostError(QwenLspError):
    """Something about the shared host process."""


class HostUnreachable(HostError):
    """The host is not running or does not answer."""


class HostMismatch(HostError):
    """The running host is of another version."""


class ActionRefused(QwenLspError):
    """A code action will not go on; the message is the reason."""


class SandboxUnavailable(QwenLspError):
    """Generated code cannot be contained on this machine."""
