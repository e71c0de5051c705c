"""The service of a tutorial, a transformers pipeline behind FastAPI: `python fastapi_server.py MODEL PORT`."""

import asyncio
import sys
from concurrent.futures import ThreadPoolExecutor

import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel
from transformers import pipeline

generator = pipeline("text-generation", model=sys.argv[1], device=-1)
generator.generation_config.pad_token_id = generator.tokenizer.eos_token_id
# FastAPI's own pool would run 32 texts at once, which is slower.
pool = ThreadPoolExecutor(max_workers=4)
app = FastAPI()


class Body(BaseModel):
    prompt: str
    new_tokens: int


def generate(body):
    [result] = generator(
        body.prompt,
        max_new_tokens=body.new_tokens,
        do_sample=True,
        top_k=50,
        temperature=1.0,
        return_tensors=True,
    )
    ids = result["generated_token_ids"]
    prompt_tokens = len(generator.tokenizer(body.prompt)["input_ids"])
    return {
        "prompt_tokens": prompt_tokens,
        "new_tokens": len(ids) - prompt_tokens,
        "text": generator.tokenizer.decode(ids),
    }


@app.post("/generate")
async def answer(body: Body):
    return await asyncio.get_running_loop().run_in_executor(pool, generate, body)


uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[2]), log_level="warning")
