from typing import Any


def test_page_shows_the_model_and_a_first_request(served: Any, guarded: Any) -> None:
    model = served.service.active_model.model
    open_page, guarded_page = served.client.get("/").text, guarded.client.get("/").text
    assert all(text in open_page for text in (model.name, *model.classes, "http://127.0.0.1/v1/predictions"))
    assert "{{" not in open_page
    assert "Bearer" not in open_page
    assert "Authorization: Bearer $AURICLE_KEY" in guarded_page
