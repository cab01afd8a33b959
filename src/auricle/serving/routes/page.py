"""``/``: a page that says which model answers here, how it is, and where to go on."""

from html import escape
from importlib import resources
from importlib.metadata import version

from fastapi import APIRouter, Request, Response

from auricle.serving.http.dependencies import ServiceDep

__all__ = ["router"]

router = APIRouter(include_in_schema=False)


@router.get("/")
async def page(request: Request, service: ServiceDep) -> Response:
    """Return the page; it needs no key and tells no secret."""
    champion = service.active_model
    model = champion.model
    manifest = model.bundle.manifest
    values = {
        "model": model.name,
        "origin": str(request.base_url).rstrip("/"),
        "version": version("auricle"),
        "answers": ", ".join(manifest.classes) if manifest.classes else "a number, with its interval",
        "verdict": manifest.verdict or "No held-out score is told by the bundle.",
        "window": f"{manifest.spec.window_s:g} s" if manifest.spec.window_s else "the whole sound",
        "tone": "good" if champion.problem is None else "warning",
        "health": "answering" if champion.problem is None else "answering; the new champion could not be loaded",
        "header": "" if service.authenticator.is_open else '-H "Authorization: Bearer $AURICLE_KEY" ',
        "keys": "not needed on this address" if service.authenticator.is_open else "needed: Authorization: Bearer aud_…",
    }
    html = resources.files("auricle.serving.routes").joinpath("page.html").read_text(encoding="utf-8")
    for name, value in values.items():
        html = html.replace("{{ " + name + " }}", escape(value))
    return Response(html, media_type="text/html; charset=utf-8")
