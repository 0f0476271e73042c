"""The administration port: which models a server has, and changes of them."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self

import grpc

from bayespfl._call_errors import from_rpc_error
from bayespfl._client import settings_of
from bayespfl._connection import Connection, metadata, new_request_id
from bayespfl._settings import MIB, TLS
from bayespfl.admin.v1 import model_admin_pb2, model_admin_pb2_grpc


class ModelAdmin:
    """Changes the models of a running server. Each call is tried once: a change is not repeated behind the caller's back.

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

    def _call(self, method: str, request: Any) -> Any:
        stub = model_admin_pb2_grpc.ModelAdminServiceStub(self._connection.channel(balanced=False))  # type: ignore[no-untyped-call]
        request_id = new_request_id()
        try:
            return getattr(stub, method)(
                request, timeout=self._settings.timeout, metadata=metadata(self._settings, request_id)
            )
        except grpc.RpcError as error:
            raise from_rpc_error(error, request_id=request_id, attempts=1) from error

    def load(self, name: str) -> model_admin_pb2.Model:
        """Loads a package of the server's `model_root`, or loads it anew; returns when it serves."""
        model: model_admin_pb2.Model = self._call("LoadModel", model_admin_pb2.LoadModelRequest(name=name)).model
        return model

    def unload(self, name: str) -> None:
        """Takes a model out of service."""
        self._call("UnloadModel", model_admin_pb2.UnloadModelRequest(name=name))

    def set_default(self, name: str) -> None:
        """Lets a model answer the requests that name none."""
        self._call("SetDefaultModel", model_admin_pb2.SetDefaultModelRequest(name=name))
