/** A request for a text: the same value in the API, in a stored job and in the engine. */

/** The parameters of sampling, with every default filled in. Names and meaning are Hugging Face's. */
export interface SamplingParameters {
  /** Prompt + new tokens, 10..200. Null, without `maxNewTokens`: max(50, prompt tokens + 20), also beyond 200. */
  readonly maxLength: number | null;
  /** New tokens, 1..context − prompt tokens; wins over `maxLength`. */
  readonly maxNewTokens: number | null;
  /** 0..2; 0 is greedy. */
  readonly temperature: number;
  /** Keep the k likeliest tokens, 0..1000; 0 keeps all. */
  readonly topK: number;
  /** Keep the smallest set of tokens whose probability reaches this, (0, 1]; 1 keeps all. */
  readonly topP: number;
  /** Divide positive and multiply negative logits of tokens already seen, (0, 10]; 1 does nothing. */
  readonly repetitionPenalty: number;
  /** Up to 4 non-empty strings; the text ends before the first that appears. */
  readonly stop: readonly string[];
}

/** Defaults for requests, and for stored jobs of versions that did not have a parameter. */
export const defaultSamplingParameters: SamplingParameters = {
  maxLength: null,
  maxNewTokens: null,
  temperature: 1,
  topK: 50,
  topP: 1,
  repetitionPenalty: 1,
  stop: [],
};

/** The text that a client asks for. */
export interface TextRequest {
  readonly prompt: string;
  readonly parameters: SamplingParameters;
  /** Unsigned 32-bit; null: the service chooses one. */
  readonly seed: number | null;
}

/** A request with its seed. Same prompt, parameters, seed and fingerprint: same text. */
export interface GenerateRequest extends TextRequest {
  readonly seed: number;
}
