#!/usr/bin/env bash
# Deletes a job with its text, and shows that it is gone; then generates a text that is not kept at all.
set -euo pipefail
: "${BASE_URL:=http://127.0.0.1:8000}"

generate() {
  curl -sS --fail "$BASE_URL/generate" -H 'Content-Type: application/json' -d "$1"
}

text=$(generate '{"prompt": "The old king", "max_new_tokens": 20}')
job=$(sed -E 's/.*"job_id":"([^"]+)".*/\1/' <<<"$text")
curl -sS --fail -X DELETE "$BASE_URL/jobs/$job"
curl -sS "$BASE_URL/jobs/$job" # 410: the job was deleted
echo

generate '{"prompt": "The old king", "max_new_tokens": 20, "store": false}'
