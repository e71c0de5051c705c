"""Scenarios of the official client of PyPI, unchanged: `python openai_client.py SCENARIO`."""

import os
import sys

import openai
from openai import OpenAI

MODEL = "tiny-tales"
client = OpenAI(base_url=os.environ["BASE_URL"], api_key=os.environ["API_KEY"], max_retries=0)


def refusal(**params):
    try:
        client.completions.create(**{"model": MODEL, "prompt": "Once", **params})
    except openai.APIError as error:
        return error
    raise AssertionError(f"{params} was not refused")


def plain():
    assert [model.id for model in client.models.list()] == [MODEL]
    assert client.models.retrieve(f"someone/{MODEL}").id == f"someone/{MODEL}"
    params = {"model": MODEL, "prompt": ["The king", "The sea"], "n": 2, "max_tokens": 4, "seed": 7}
    response = client.completions.with_raw_response.create(**params)
    assert len(response.headers["x-job-id"]) == 36
    completion = response.parse()
    assert [choice.index for choice in completion.choices] == [0, 1, 2, 3]
    assert completion.usage.completion_tokens == 16
    again = client.completions.create(**params)
    assert again.choices == completion.choices
    assert again.system_fingerprint == completion.system_fingerprint
    stopped = client.completions.create(
        model=MODEL, prompt="Once upon a time", temperature=0, max_tokens=40, stop="money"
    )
    assert stopped.choices[0].text == " there was a great deal of "
    assert stopped.choices[0].finish_reason == "stop"


def stream():
    params = {"model": MODEL, "prompt": ["The king", "The sea"], "max_tokens": 20, "seed": 7}
    whole = client.completions.create(**params)
    texts = ["", ""]
    for chunk in client.completions.create(**params, stream=True, stream_options={"include_usage": True}):
        for choice in chunk.choices:
            texts[choice.index] += choice.text
    assert texts == [choice.text for choice in whole.choices], texts
    assert chunk.usage == whole.usage and chunk.choices == [], chunk


def errors():
    wrong_key = client.with_options(api_key="pm_wrong")
    try:
        wrong_key.models.list()
        raise AssertionError("a wrong key was accepted")
    except openai.AuthenticationError as error:
        assert error.code == "invalid_api_key"
    unknown = refusal(model="gpt-3.5-turbo-instruct")
    assert isinstance(unknown, openai.NotFoundError) and unknown.code == "model_not_found", unknown
    tokens = refusal(prompt=[464, 3290])
    assert isinstance(tokens, openai.BadRequestError) and tokens.param == "prompt", tokens
    assert tokens.request_id
    long = refusal(max_tokens=600)
    assert long.code == "context_length_exceeded" and "maximum context length is 512 tokens" in long.message, long
    assert refusal(extra_body={"min_p": 0}).code == "unknown_parameter"
    client.completions.create(model=MODEL, prompt="Once", n=35, max_tokens=1)
    limited = refusal(n=35, max_tokens=1)
    assert isinstance(limited, openai.RateLimitError) and limited.code == "rate_limit_exceeded", limited


def timeout():
    """Nothing runs meanwhile."""
    try:
        client.with_options(timeout=0.5).completions.create(model=MODEL, prompt="The old fox", max_tokens=3)
        raise AssertionError("there was an answer")
    except openai.APITimeoutError:
        pass


def retry():
    """The service goes away during the request and comes back."""
    patient = client.with_options(max_retries=20)
    completion = patient.completions.create(
        model=MODEL,
        prompt="The old king",
        max_tokens=5,
        seed=7,
        extra_headers={"Idempotency-Key": os.environ["IDEMPOTENCY_KEY"]},
    )
    print(completion.choices[0].text, end="")


{"plain": plain, "stream": stream, "errors": errors, "timeout": timeout, "retry": retry}[sys.argv[1]]()
