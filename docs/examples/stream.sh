#!/usr/bin/env bash
# Shows a text as it is written: -N prints each event at once.
set -euo pipefail
: "${BASE_URL:=http://127.0.0.1:8000}"

curl -N -sS --fail-with-body "$BASE_URL/generate" \
  -H 'Content-Type: application/json' -H 'Accept: text/event-stream' \
  -d '{"prompt": "Once upon a time", "max_new_tokens": 40}'
