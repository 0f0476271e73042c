"""The administration port: which models a server has, its log level, its settings, and changes of them."""

from __future__ import annotations

from datetime import timedelta
from types import TracebackType
from typing import Any, Self

import grpc
from google.protobuf import duration_pb2

from bayespfl._call_errors import from_rpc_error
from bayespfl._client import settings_of
from bayespfl._connection import Connection, metadata, new_request_id
from bayespfl._settings import MIB, TLS
from bayespfl.admin.v1 import (
    model_admin_pb2,
    model_admin_pb2_grpc,
    server_admin_pb2,
    server_admin_pb2_grpc,
)


class Admin:
    """Looks after a running server. Each call is tried once: a change is not repeated behind the caller's back.

    Raises InspectionError. Thread-safe.
    """

    def __init__(
        self,
        target: str,
        *,
        tls: TLS | None = None,
        token: str | None = None,
        allow_plaintext_token: bool = False,
        timeout: float = 600.0,
        connect_timeout: float = 5.0,
    ) -> None:
        settings = settings_of(
            target,
            tls=tls,
            token=token,
            allow_plaintext_token=allow_plaintext_token,
            timeout=timeout,
            connect_timeout=connect_timeout,
            wait_for_ready=False,
            keepalive=10.0,
            max_message_bytes=MIB,
            max_reply_bytes=MIB,
            dns_min_interval=30.0,
        )
        self._settings = settings
        self._connection = Connection(settings)

    @property
    def target(self) -> str:
        """Where the administration port is."""
        return self._settings.target

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def _call(self, new_stub: Any, method: str, request: Any) -> Any:
        stub = new_stub(self._connection.channel(balanced=False))
        request_id = new_request_id()
        try:
            return getattr(stub, method)(
                request, timeout=self._settings.timeout, metadata=metadata(self._settings, request_id)
            )
        except grpc.RpcError as error:
            raise from_rpc_error(error, request_id=request_id, attempts=1) from error

    def _models(self, method: str, request: Any) -> Any:
        return self._call(model_admin_pb2_grpc.ModelAdminServiceStub, method, request)

    def _server(self, method: str, request: Any) -> Any:
        return self._call(server_admin_pb2_grpc.ServerAdminServiceStub, method, request)

    def load(self, name: str) -> model_admin_pb2.Model:
        """Loads a package of the server's `model_root`, or loads it anew; returns when it serves."""
        model: model_admin_pb2.Model = self._models("LoadModel", model_admin_pb2.LoadModelRequest(name=name)).model
        return model

    def unload(self, name: str) -> None:
        """Takes a model out of service."""
        self._models("UnloadModel", model_admin_pb2.UnloadModelRequest(name=name))

    def set_default(self, name: str) -> None:
        """Lets a model answer the requests that name none."""
        self._models("SetDefaultModel", model_admin_pb2.SetDefaultModelRequest(name=name))

    def log_level(self) -> server_admin_pb2.LogLevel:
        """The lowest level of the lines in the server's log."""
        level: server_admin_pb2.LogLevel = self._server("GetLogLevel", server_admin_pb2.GetLogLevelRequest()).log_level
        return level

    def set_log_level(self, level: str, lasting: timedelta | None = None) -> server_admin_pb2.LogLevel:
        """Changes it; "": to the configured one, which comes back by itself after `lasting`, if that is given."""
        request = server_admin_pb2.SetLogLevelRequest(level=level)
        if lasting is not None:
            duration = duration_pb2.Duration()
            duration.FromTimedelta(lasting)
            request.duration.CopyFrom(duration)
        changed: server_admin_pb2.LogLevel = self._server("SetLogLevel", request).log_level
        return changed

    def drain(self) -> server_admin_pb2.DrainResponse:
        """Takes the server out of service without ending it, and says how far that is; returns at once."""
        progress: server_admin_pb2.DrainResponse = self._server("Drain", server_admin_pb2.DrainRequest())
        return progress

    def configuration(self) -> server_admin_pb2.GetConfigurationResponse:
        """Every setting with where its value came from, the models, certificate and tokens."""
        configuration: server_admin_pb2.GetConfigurationResponse = self._server(
            "GetConfiguration", server_admin_pb2.GetConfigurationRequest()
        )
        return configuration
