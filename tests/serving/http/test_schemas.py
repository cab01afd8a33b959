"""The documented bodies are those that are sent, and take what is documented only."""

import json
from collections.abc import Callable

import pytest
from pydantic import BaseModel, ValidationError

from auricle.records import Entry
from auricle.serving.http.error_responses import STATUS
from auricle.serving.http.schemas import (
    ERRORS,
    Answer,
    FeedbackBody,
    Kept,
    PromoteBody,
    RollbackBody,
    entry_json,
    predictions_json,
)
from auricle.store.labels.feedback import FeedbackEntry


def test_every_status_of_an_error_is_documented() -> None:
    assert ERRORS.keys() == set(STATUS.values()) - {405}  # which no route gives


@pytest.mark.parametrize("changes", [{}, {"label": None, "probabilities": None, "value": 3.5, "interval": (1.0, 4.0)}])
def test_an_entry_is_sent_in_the_documented_form(make_entry: Callable[..., Entry], changes: dict[str, object]) -> None:
    entry = make_entry(audio="0" * 64, **changes)
    sent = json.loads(json.dumps(entry_json(entry, [FeedbackEntry(entry.id, label="worn", who="me")])))
    assert Kept.model_validate(sent).model_dump(exclude_unset=True) == sent
    answer = json.loads(json.dumps(predictions_json(entry)))
    assert Answer.model_validate(answer).model_dump(exclude_unset=True) == answer
    assert {name: sent[name] for name in answer} == answer
    assert (sent["has_audio"], sent["metadata"]) == (True, dict(entry.metadata))
    assert [label["label"] for label in sent["feedback"]] == ["worn"]


def test_an_entry_without_a_sound_says_so(make_entry: Callable[..., Entry]) -> None:
    assert (entry_json(make_entry())["has_audio"], entry_json(make_entry())["feedback"]) == (False, [])


@pytest.mark.parametrize(
    ("schema", "body"),
    [
        (FeedbackBody, '{"label": ""}'),
        (FeedbackBody, '{"target": 1e999}'),
        (FeedbackBody, '{"target": NaN}'),
        (FeedbackBody, '{"label": "a", "more": 1}'),
        (PromoteBody, '{"version": "' + "x" * 201 + '"}'),
        (RollbackBody, '{"why": null}'),
        (RollbackBody, "[]"),
    ],
)
def test_other_bodies_are_refused(schema: type[BaseModel], body: str) -> None:
    with pytest.raises(ValidationError):
        schema.model_validate_json(body)


def test_every_field_of_a_body_may_be_left_out() -> None:
    assert PromoteBody.model_validate_json("{}") == PromoteBody(version=None, why="")
    assert FeedbackBody.model_validate_json('{"target": 3}').target == 3.0
