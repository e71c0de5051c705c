"""Writes gpt2-variants.json: what transformers computes for the models of src/families/gpt2/test-variants.ts.

    pip install torch==2.15.0 transformers==5.19.0
    python packages/engine/test-data/make_gpt2_variants.py

It takes some seconds, and needs the repository's node_modules, with which it writes the models. transformers 4 gives
other logits: its default attention ignores both scalings (pull request 44397), and it drops a head of the model's own
unless config.json mentions it.
"""

import json
import pathlib
import subprocess
import tempfile

import torch
import transformers

HERE = pathlib.Path(__file__).resolve().parent
NODE = HERE.parents[2] / "node_modules/.bin/node"
WRITE_VARIANTS = HERE.parent / "src/families/gpt2/test-write-variants.ts"

INPUT_IDS = [(place * 37 + 11) % 300 for place in range(40)]
# All logits are stored after the tokens at these places, and the best id after each token.
PLACES = [19, 39]
NEW_TOKENS = 24
# If the two best logits were closer, float32 might choose the other one.
SMALLEST_GAP = 1e-4


def golden_of(folder):
    # In double precision the stored digits are the same on every machine.
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float64)
    model.generation_config.eos_token_id = None
    ids = torch.tensor([INPUT_IDS])
    with torch.no_grad():
        logits = model(ids).logits[0]
    generated = model.generate(
        ids,
        attention_mask=torch.ones_like(ids),
        do_sample=False,
        max_new_tokens=NEW_TOKENS,
        pad_token_id=0,
        output_logits=True,
        return_dict_in_generate=True,
    )
    for name, rows in [("prompt", logits), ("text", torch.cat(generated.logits))]:
        best = rows.topk(2).values
        gap = (best[:, 0] - best[:, 1]).min().item()
        assert gap > SMALLEST_GAP, f"{folder.name}: two logits of the {name} differ by {gap}"
    return {
        "logits": [[round(value, 6) for value in logits[place].tolist()] for place in PLACES],
        "top_ids": logits.argmax(-1).tolist(),
        "greedy_ids": generated.sequences[0, len(INPUT_IDS) :].tolist(),
    }


def main():
    transformers.logging.set_verbosity_error()
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([NODE, WRITE_VARIANTS, folder], check=True)
        golden = {path.name: golden_of(path) for path in sorted(pathlib.Path(folder).iterdir())}
    text = json.dumps(
        {
            "note": "Computed in float64, no stop at end-of-text. Logits are those after the tokens at `places`.",
            "input_ids": INPUT_IDS,
            "places": PLACES,
            "variants": golden,
        }
    )
    # A line for each list.
    text = text.replace(", \"", ",\n\"").replace("], [", "],\n[").replace("{\"", "{\n\"")
    (HERE / "gpt2-variants.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
