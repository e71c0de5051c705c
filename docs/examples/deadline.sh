#!/usr/bin/env bash
# Submits a job that must end within two minutes, and asks for it again at the times that its answers give.
set -euo pipefail
: "${BASE_URL:=http://127.0.0.1:8000}"

path=$(curl -sS --fail "$BASE_URL/jobs" -o /dev/null -w '%header{location}' -H 'Content-Type: application/json' \
  -d '{"prompt": "The old king", "max_new_tokens": 40, "start_timeout_ms": 60000, "deadline_ms": 120000}')
while
  answer=$(curl -sS --fail "$BASE_URL$path" -w '\nRetry-After: %header{retry-after}')
  seconds=${answer##*Retry-After: }
  [ -n "$seconds" ]
do
  echo "again in $seconds s"
  sleep "$seconds"
done
echo "${answer%$'\n'*}"
