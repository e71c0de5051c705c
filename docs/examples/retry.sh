#!/usr/bin/env bash
# Repeats a job that has ended: with its seed, so that the longer text begins like the first one.
set -euo pipefail
: "${BASE_URL:=http://127.0.0.1:8000}"

path=$(curl -sS --fail "$BASE_URL/jobs" -o /dev/null -w '%header{location}' \
  -H 'Content-Type: application/json' -d '{"prompt": "The old king", "max_new_tokens": 10}')
curl -sS --fail "$BASE_URL$path?wait=60"
again=$(curl -sS --fail "$BASE_URL$path/retry" -o /dev/null -w '%header{location}' \
  -H 'Content-Type: application/json' -d '{"seed": "same", "max_new_tokens": 40}')
curl -sS --fail "$BASE_URL$again?wait=60"
