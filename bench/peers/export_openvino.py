"""Writes a model and its tokenizer for OpenVINO, with int8 weights: `python export_openvino.py MODEL FOLDER`."""

import sys

import openvino
from openvino_tokenizers import convert_tokenizer
from optimum.intel import OVModelForCausalLM, OVWeightQuantizationConfig
from transformers import AutoTokenizer

source, target = sys.argv[1:]
OVModelForCausalLM.from_pretrained(
    source, export=True, compile=False, quantization_config=OVWeightQuantizationConfig(bits=8)
).save_pretrained(target)
tokenizer = AutoTokenizer.from_pretrained(source)
tokenizer.save_pretrained(target)
for model, name in zip(convert_tokenizer(tokenizer, with_detokenizer=True), ["tokenizer", "detokenizer"]):
    openvino.save_model(model, f"{target}/openvino_{name}.xml")
