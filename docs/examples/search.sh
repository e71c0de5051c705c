#!/usr/bin/env bash
# Finds jobs by the words of their prompts and texts, and by their metadata.
set -euo pipefail
: "${BASE_URL:=http://127.0.0.1:8000}"

curl -sS --fail "$BASE_URL/generate" -H 'Content-Type: application/json' \
  -d '{"prompt": "The old king of the café", "max_new_tokens": 20, "metadata": {"customer": "4711"}}' >/dev/null
search() {
  curl -sS --fail --get "$BASE_URL/jobs" --data-urlencode "limit=1" "$@"
}

search --data-urlencode 'q=CAFE king'
search --data-urlencode 'q="old king" cafe' --data-urlencode 'metadata=customer:4711' \
  --data-urlencode 'status=succeeded' --data-urlencode 'created_after=2026-01-01T00:00:00Z'
