#!/usr/bin/env bash
# Completes a prompt through OpenAI's API.
set -euo pipefail
: "${BASE_URL:=http://127.0.0.1:8000}"
authorization="Authorization: Bearer ${API_KEY:-none}"

# The list is empty until a worker has loaded its model.
until model=$(curl -sS --fail "$BASE_URL/v1/models" -H "$authorization" | grep -o '"id":"[^"]*"' | cut -d '"' -f 4); do
  sleep 0.5
done

curl -sS --fail "$BASE_URL/v1/completions" -H "$authorization" -H 'Content-Type: application/json' \
  -d "{\"model\": \"$model\", \"prompt\": \"Once upon a time\", \"max_tokens\": 30, \"seed\": 7}"
