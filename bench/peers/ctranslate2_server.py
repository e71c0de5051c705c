"""CTranslate2 with static batches of up to 32 waiting texts: `python ctranslate2_server.py MODEL PORT`."""

import asyncio
import queue

import ctranslate2
from http_server import CORES, MODEL, serve
from tokenizers import Tokenizer

MAX_BATCH = 32
GATHER_SECONDS = 0.01
generator = ctranslate2.Generator(MODEL, device="cpu", compute_type="int8", inter_threads=1, intra_threads=CORES)
vocabulary = Tokenizer.from_file(f"{MODEL}/tokenizer.json").get_vocab()
names = {number: name for name, number in vocabulary.items()}
waiting = queue.Queue()


async def generate(body):
    loop = asyncio.get_running_loop()
    done = loop.create_future()
    waiting.put((body, lambda ids: loop.call_soon_threadsafe(done.set_result, ids)))
    return await done


def next_batch():
    batch = [waiting.get()]
    try:
        while len(batch) < MAX_BATCH:
            batch.append(waiting.get(timeout=GATHER_SECONDS))
    except queue.Empty:
        pass
    return batch


def run_batch(batch):
    lengths = [body["new_tokens"] for body, _ in batch]
    counts = [0] * len(batch)

    def is_done(step):
        # step.step also counts the tokens of the prompt.
        counts[step.batch_id] += 1
        return counts[step.batch_id] >= lengths[step.batch_id]

    results = generator.generate_batch(
        [[names[number] for number in body["prompt_ids"]] for body, _ in batch],
        max_length=max(lengths),
        min_length=max(lengths),
        sampling_topk=50,
        sampling_temperature=1.0,
        include_prompt_in_result=False,
        callback=is_done,
    )
    for (_, finish), length, result in zip(batch, lengths, results):
        finish(result.sequences_ids[0][:length])


def run_batches():
    while True:
        run_batch(next_batch())


async def run_engine():
    await asyncio.to_thread(run_batches)


serve(generate, run_engine)
