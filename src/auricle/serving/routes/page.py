"""``/``: an HTML page with the active model, its held-out result, the state of the server and a first request."""

from html import escape
from importlib import resources
from importlib.metadata import version

from fastapi import APIRouter, Request, Response

from auricle.serving.http.dependencies import ServiceDep

__all__ = ["router"]

router = APIRouter(include_in_schema=False)


@router.get("/")
async def page(request: Request, service: ServiceDep) -> Response:
    """Return the page; it needs no key and shows no secret."""
    active_model = service.active_model
    model, is_current = active_model.model, active_model.load_error is None
    manifest = model.bundle.manifest
    values = {
        "model": model.name,
        "origin": str(request.base_url).rstrip("/"),
        "version": version("auricle"),
        "output": ", ".join(manifest.classes) if manifest.classes else "a number, with its interval",
        "verdict": manifest.verdict or "The bundle has no held-out score.",
        "window": f"{manifest.spec.window_s:g} s" if manifest.spec.window_s else "the whole sound",
        "tone": "good" if is_current else "warning",
        "health": "serving" if is_current else "serving; the new champion could not be loaded",
        "header": "" if service.authenticator.is_open else '-H "Authorization: Bearer $AURICLE_KEY" ',
        "keys": "not required" if service.authenticator.is_open else "required: Authorization: Bearer aud_…",
    }
    html = resources.files("auricle.serving.routes").joinpath("page.html").read_text(encoding="utf-8")
    for name, value in values.items():
        html = html.replace("{{ " + name + " }}", escape(value))
    return Response(html, media_type="text/html; charset=utf-8")
