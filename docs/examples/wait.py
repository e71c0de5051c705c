"""Submits a job with an Idempotency-Key, so that a repetition after a lost answer gets the same job, and waits for it."""

import json
import os
import uuid
from urllib.request import Request, urlopen

base_url = os.environ.get("BASE_URL", "http://127.0.0.1:8000")
headers = {"Content-Type": "application/json", "Idempotency-Key": str(uuid.uuid4())}
body = json.dumps({"prompt": "The old king", "max_new_tokens": 40}).encode()


def submit():
    with urlopen(Request(f"{base_url}/jobs", data=body, headers=headers)) as answer:
        return json.load(answer)


job = submit()
assert submit()["id"] == job["id"]
while job["status"] in ("queued", "running"):
    with urlopen(f"{base_url}{job['urls']['self']}?wait=30") as answer:
        job = json.load(answer)
print(job["output"]["generated_text"] if job["output"] else job["status"])
