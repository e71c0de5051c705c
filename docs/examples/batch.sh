#!/usr/bin/env bash
# Submits a batch that is safe to submit again, waits for its end, and shows the texts with their names.
set -euo pipefail
: "${BASE_URL:=http://127.0.0.1:8000}"

batch=$(curl -sS --fail "$BASE_URL/batches" -H 'Content-Type: application/json' -H "Idempotency-Key: night-$$-$RANDOM" \
  -d '{"requests": [
    {"custom_id": "king", "prompt": "The old king", "max_new_tokens": 20},
    {"custom_id": "queen", "prompt": "The young queen", "max_new_tokens": 20}
  ]}')
id=$(sed -E 's/^\{"id":"([^"]+)".*/\1/' <<<"$batch")
until [[ $batch == *'"status":"ended"'* ]]; do
  batch=$(curl -sS --fail "$BASE_URL/batches/$id?wait=60")
done
curl -sS --fail "$BASE_URL/jobs?batch_id=$id" | grep -oE '"(generated_text|custom_id)":"[^"]*"'
