"""Checks and hooks beside those of Schemathesis."""

import os

import requests
import schemathesis

# Errors of requests that fit their schema.
REFUSALS = {"context_length_exceeded", "idempotency_key_reused", "prompt_refused"}


def is_positive(case):
    return case.meta is not None and case.meta.generation.mode.is_positive


@schemathesis.check
def valid_request_refused_for_a_reason(ctx, response, case):
    """Completes positive_data_acceptance of schemathesis.toml, which only sees the status."""
    if not is_positive(case) or response.status_code not in (400, 422):
        return
    body = response.json()
    error = body.get("error", body)
    # No schema can express that prompts × n is bounded.
    assert error["code"] in REFUSALS or error.get("param") == "n", f"A request that fits its schema was refused: {error}"


@schemathesis.hook
def before_call(ctx, case, kwargs):
    """Keeps a case from revoking the key of all cases. Gives requests of OpenAI's the right model, and few choices."""
    if case.operation.definition.raw.get("operationId") == "createCompletion" and is_positive(case):
        case.body["model"] = "tiny-tales"
        case.body["n"] = min(case.body.get("n") or 1, 4)
    if (case.path_parameters or {}).get("id") == os.environ["PROSEMILL_KEY_ID"]:
        case.path_parameters["id"] = "00000000-0000-0000-0000-000000000000"


@schemathesis.hook
def after_call(ctx, case, response):
    """Resumes a paused queue: without it every later case that waits for a text would take 30 s."""
    if case.operation.definition.raw.get("operationId") == "pauseQueue" and response.status_code == 200:
        url = case.operation.base_url.rstrip("/") + "/admin/queue/resume"
        requests.post(url, headers={"Authorization": response.request.headers.get("Authorization")}, timeout=70)
