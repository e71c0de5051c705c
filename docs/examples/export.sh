#!/usr/bin/env bash
# Exports all finished texts of a search, as JSON lines and as CSV.
set -euo pipefail
: "${BASE_URL:=http://127.0.0.1:8000}"

curl -sS --fail "$BASE_URL/generate" -H 'Content-Type: application/json' \
  -d '{"prompt": "The old king", "max_new_tokens": 20}' >/dev/null
curl -sS --fail "$BASE_URL/history/export?q=king"
curl -sS --fail "$BASE_URL/history/export?q=king&format=csv"
