#!/usr/bin/env bash
# Generates a text, and shows that its job gives the same text again.
set -euo pipefail
: "${BASE_URL:=http://127.0.0.1:8000}"

text=$(curl -sS --fail "$BASE_URL/generate" -H 'Content-Type: application/json' \
  -d '{"prompt": "The old king", "max_new_tokens": 40}')
job=$(sed -E 's/.*"job_id":"([^"]+)".*/\1/' <<<"$text")
curl -sS --fail -X POST "$BASE_URL/jobs/$job/verify"
