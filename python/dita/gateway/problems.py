"""The error responses of the gateway."""

from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from dita.gateway.access import AccessRefused
from dita.gateway.refused import SourceAway, SourceRefused, UnknownTrade


class Problem(Exception):  # noqa: N818 - it is what is answered
    """An error response: a status, one of the protocol's error codes, and a text."""

    def __init__(self, status: int, error: str, text: str) -> None:
        """Hold the status, the code and the text."""
        super().__init__(text)
        self.status, self.error, self.text = status, error, text


class TooLarge(HTTPException):
    """A body is larger than is allowed: raised from within the guards, while a body is read."""


class ProblemBody(BaseModel):
    """The body of an error response."""

    error: str
    message: str


ERRORS: Final[dict[int | str, dict[str, Any]]] = {
    code: {"model": ProblemBody} for code in (400, 401, 403, 404, 405, 413, 429, 503)
}
_NAMES: Final = {404: "not_found", 405: "not_found", 413: "too_large"}


def problem_response(status: int, error: str, text: str) -> JSONResponse:
    """Return an error response."""
    return JSONResponse({"error": error, "message": text}, status)


def add_problems(app: FastAPI) -> None:
    """Answer every error of an application in the protocol's form."""

    @app.exception_handler(Problem)
    async def problem(_request: Request, error: Problem) -> JSONResponse:
        return problem_response(error.status, error.error, error.text)

    @app.exception_handler(RequestValidationError)
    async def invalid(_request: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        kind = "bad_json" if first["type"] == "json_invalid" else "bad_params"
        where = ".".join(str(part) for part in first["loc"])
        return problem_response(400, kind, f"{where}: {first['msg']}")

    @app.exception_handler(HTTPException)
    async def other(_request: Request, error: HTTPException) -> JSONResponse:
        answer = problem_response(
            error.status_code, _NAMES.get(error.status_code, "bad_params"), str(error.detail)
        )
        answer.headers.update(error.headers or {})
        return answer

    @app.exception_handler(AccessRefused)
    async def unusable(_request: Request, error: AccessRefused) -> JSONResponse:
        return problem_response(503, "execution_unavailable", str(error))

    @app.exception_handler(SourceAway)
    async def away(_request: Request, error: SourceAway) -> JSONResponse:
        return problem_response(503, "execution_unavailable", str(error))

    @app.exception_handler(SourceRefused)
    async def refused(_request: Request, error: SourceRefused) -> JSONResponse:
        return problem_response(400, "bad_params", str(error))

    @app.exception_handler(UnknownTrade)
    async def unknown(_request: Request, error: UnknownTrade) -> JSONResponse:
        return problem_response(404, "not_found", str(error))
