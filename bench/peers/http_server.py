"""The HTTP side of the servers that have none of their own."""

import asyncio
import os
import sys

from aiohttp import web
from tokenizers import Tokenizer

MODEL = sys.argv[1]
PORT = int(sys.argv[2])
CORES = len(os.sched_getaffinity(0))


def serve(generate, engine):
    """Answers POST /generate {prompt, prompt_ids, new_tokens, seed} with {prompt_tokens, new_tokens, text}.

    generate: an async function from the body to the ids of the new tokens.
    engine: an async function without an end that runs beside the server. If it fails, the process ends.
    """
    tokenizer = Tokenizer.from_file(f"{MODEL}/tokenizer.json")

    async def handle(request):
        body = await request.json()
        ids = await generate(body)
        counts = {"prompt_tokens": len(body["prompt_ids"]), "new_tokens": len(ids)}
        return web.json_response({**counts, "text": tokenizer.decode(ids)})

    async def start_engine(app):
        app["engine"] = asyncio.create_task(engine())
        app["engine"].add_done_callback(end)

    app = web.Application()
    app.router.add_post("/generate", handle)
    app.on_startup.append(start_engine)
    web.run_app(app, host="127.0.0.1", port=PORT, print=None, access_log=None)


def end(engine):
    print(repr(engine.exception()), file=sys.stderr, flush=True)
    os._exit(1)
