#!/usr/bin/env bash
# Submits a job whose end a receiver is told of, waits for the end, and shows the log of the message.
set -euo pipefail
: "${BASE_URL:=http://127.0.0.1:8000}"
: "${RECEIVER:=https://hooks.example/prosemill}"

path=$(curl -sS --fail "$BASE_URL/jobs" -o /dev/null -w '%header{location}' -H 'Content-Type: application/json' \
  -d '{"prompt": "The old king", "max_new_tokens": 20,
    "webhook_url": "'"$RECEIVER"'", "webhook_events": ["job.succeeded", "job.failed"]}')
curl -sS --fail "$BASE_URL$path?wait=30" -o /dev/null
curl -sS --fail "$BASE_URL$path/deliveries"
