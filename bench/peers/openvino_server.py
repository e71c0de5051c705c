"""OpenVINO GenAI with continuous batching: `python openvino_server.py MODEL PORT`."""

import asyncio
import itertools

import numpy
import openvino
import openvino_genai
from http_server import CORES, MODEL, serve

scheduler = openvino_genai.SchedulerConfig()
scheduler.cache_size = 2
scheduler.max_num_seqs = 32
scheduler.dynamic_split_fuse = True
scheduler.enable_prefix_caching = False
pipeline = openvino_genai.ContinuousBatchingPipeline(MODEL, scheduler, "CPU", {"INFERENCE_NUM_THREADS": CORES})
numbers = itertools.count()
running = {}
arrived = asyncio.Event()


def config_of(body):
    config = openvino_genai.GenerationConfig()
    config.max_new_tokens = body["new_tokens"]
    config.ignore_eos = True
    config.do_sample = True
    config.temperature = 1.0
    config.top_k = 50
    config.top_p = 1.0
    config.rng_seed = body["seed"]
    return config


async def generate(body):
    number = next(numbers)
    ids = openvino.Tensor(numpy.array([body["prompt_ids"]], dtype=numpy.int64))
    handle = pipeline.add_request(number, ids, config_of(body))
    done = asyncio.get_running_loop().create_future()
    running[number] = (handle, [], done)
    arrived.set()
    return await done


async def run_steps():
    """Runs on the loop of the server: a step holds the interpreter's lock anyway."""
    while True:
        if not running:
            arrived.clear()
            await arrived.wait()
        pipeline.step()
        for number, (handle, ids, done) in list(running.items()):
            while handle.can_read():
                for output in handle.read().values():
                    ids += output.generated_ids
            if handle.get_status() != openvino_genai.GenerationStatus.RUNNING and not handle.can_read():
                del running[number]
                done.set_result(ids)
        # One turn for requests.
        await asyncio.sleep(0)


serve(generate, run_steps)
