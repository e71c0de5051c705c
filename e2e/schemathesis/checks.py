"""Checks and hooks beside those of Schemathesis."""

import os

import requests
import schemathesis

# Errors of requests that fit their schema.
REFUSALS = {"context_length_exceeded", "idempotency_key_reused", "prompt_refused"}


@schemathesis.check
def valid_request_refused_for_a_reason(ctx, response, case):
    """Completes positive_data_acceptance of schemathesis.toml, which only sees the status."""
    if case.meta is None or not case.meta.generation.mode.is_positive or response.status_code not in (400, 422):
        return
    code = response.json()["code"]
    assert code in REFUSALS, f"A request that fits its schema was refused: {code}"


@schemathesis.hook
def before_call(ctx, case, kwargs):
    """Keeps a case from revoking the key of all cases."""
    if (case.path_parameters or {}).get("id") == os.environ["PROSEMILL_KEY_ID"]:
        case.path_parameters["id"] = "00000000-0000-0000-0000-000000000000"


@schemathesis.hook
def after_call(ctx, case, response):
    """Resumes a paused queue: without it every later case that waits for a text would take 30 s."""
    if case.operation.definition.raw.get("operationId") == "pauseQueue" and response.status_code == 200:
        url = case.operation.base_url.rstrip("/") + "/admin/queue/resume"
        requests.post(url, headers={"Authorization": response.request.headers.get("Authorization")}, timeout=70)
