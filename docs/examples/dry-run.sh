#!/usr/bin/env bash
# Asks whether a request would be accepted, how many tokens its prompt has, and when it would start. Stores nothing.
set -euo pipefail
: "${BASE_URL:=http://127.0.0.1:8000}"

curl -sS --fail-with-body "$BASE_URL/jobs?dry_run=true" \
  -H 'Content-Type: application/json' -d '{"prompt": "The old king", "max_new_tokens": 40}'
