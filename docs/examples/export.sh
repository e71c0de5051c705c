#!/usr/bin/env bash
# Exports all finished texts of a search, as JSON lines, as CSV, and by a download link.
set -euo pipefail
: "${BASE_URL:=http://127.0.0.1:8000}"

curl -sS --fail "$BASE_URL/generate" -H 'Content-Type: application/json' \
  -d '{"prompt": "The old king", "max_new_tokens": 20}' >/dev/null
curl -sS --fail "$BASE_URL/history/export?q=king"
curl -sS --fail "$BASE_URL/history/export?q=king&format=csv"

# A link for a browser.
link=$(curl -sS --fail -X POST "$BASE_URL/history/export?q=king&format=csv")
path=$(sed -E 's/.*"url":"([^"]+)".*/\1/' <<<"$link")
curl -sS --fail "$BASE_URL$path"
