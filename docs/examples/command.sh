#!/usr/bin/env bash
# The command line: a text, a job that waits, many texts from a file, and lists of them.
set -euo pipefail
export PROSEMILL_URL=${BASE_URL:-http://127.0.0.1:8000}

prosemill status
prosemill generate 'Once upon a time' --max-new-tokens 20 --seed 7

job=$(prosemill submit 'The old king' --max-new-tokens 20 --metadata customer:4711)
prosemill wait "$job"
prosemill verify "$job"

folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT
cat > "$folder/prompts.jsonl" <<'LINES'
"A fox"
{"prompt": "A hare", "max_new_tokens": 10, "custom_id": "hare"}
{"prompt": "A wolf", "temperature": 0, "stop": "."}
LINES
prosemill batch run "$folder/prompts.jsonl"
cat "$folder/prompts.jsonl.results.jsonl"

prosemill jobs --status succeeded --count 3
prosemill history --search 'old king' --count 2 --json
prosemill export > "$folder/texts.jsonl"
prosemill delete "$job"
