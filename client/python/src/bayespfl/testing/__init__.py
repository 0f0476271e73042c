"""For the tests of programs that use this package: a fake inspector, and a real server.

    from bayespfl.testing import FakeInspector, make_result

    def test_rejects_bad_parts():
        inspector = FakeInspector(make_result(verdict=Verdict.FAIL, score=0.9))
        assert sort_part(inspector, picture) == "bin"

With pytest, the fixtures `bayespfl_server` and `bayespfl_inspector` (`bayespfl_pytest`) are there by themselves.
"""

from bayespfl.testing._fake import Answer, AsyncFakeInspector, FakeCall, FakeInspector
from bayespfl.testing._samples import make_error, make_model, make_result
from bayespfl.testing._server import RunningServer, ServerNotFoundError, start_server

__all__ = [
    "Answer",
    "AsyncFakeInspector",
    "FakeCall",
    "FakeInspector",
    "RunningServer",
    "ServerNotFoundError",
    "make_error",
    "make_model",
    "make_result",
    "start_server",
]
