#!/usr/bin/env bash
# Submits a job, which runs in the background, and waits for its end.
set -euo pipefail
: "${BASE_URL:=http://127.0.0.1:8000}"

path=$(curl -sS --fail "$BASE_URL/jobs" -o /dev/null -w '%header{location}' \
  -H 'Content-Type: application/json' -d '{"prompt": "The old king", "max_new_tokens": 40}')
until job=$(curl -sS --fail "$BASE_URL$path?wait=30") && grep -qE '"status":"(succeeded|failed|canceled|expired)"' <<<"$job"; do
  echo "$path goes on" >&2
done
echo "$job"
