/** Decodes tokens like Hugging Face's Rust library, mostly with Hugging Face's JavaScript library. */
import type { StepJson } from './text-steps.ts';

/** The part of the library's decoder that is needed here; the library does not export its type. */
export interface LibraryDecoder {
  decode_chain(tokens: string[]): string[];
  /** The library passes these on as they are. */
  readonly added_tokens?: readonly { readonly content: string }[];
  readonly decoders?: readonly LibraryDecoder[];
}

/** A step of decoding. The results of the last step, joined, are the text of the tokens. */
type DecodeStep = (tokens: string[]) => string[];

export interface TokenDecoder {
  readonly decode: (tokens: string[]) => string;
  /** Whether the text of this token may change when more tokens follow. */
  readonly isOpen: (token: string) => boolean;
}

/** @param decoder  The library's decoder for `json`, tokenizer.json's `decoder`. Without both, tokens are words. */
export function createDecoder(json: StepJson | null, decoder: LibraryDecoder | null): TokenDecoder {
  if (json === null || decoder === null) return { decode: (tokens) => tokens.join(' '), isOpen: () => false };
  const step = stepOf(json, decoder);
  const steps = flatten(json);
  const readsBytes = steps.some(({ type }) => type === 'ByteFallback');
  const isAlwaysOpen = rewritesJoinedText(steps);
  return {
    decode: (tokens) => step(tokens).join(''),
    isOpen: (token) => isAlwaysOpen || (readsBytes && byteOf(token) !== null),
  };
}

function stepOf(json: StepJson, decoder: LibraryDecoder): DecodeStep {
  switch (json.type) {
    case 'Sequence': {
      const { decoders = [] } = decoder;
      const steps = stepsOf(json).flatMap((inner, index) => {
        const next = decoders[index];
        return next === undefined ? [] : [stepOf(inner, next)];
      });
      return (tokens) => steps.reduce((texts, step) => step(texts), tokens);
    }
    case 'ByteFallback':
      return decodeBytes;
    case 'ByteLevel':
      return byteLevelStep(decoder);
    case 'Metaspace':
      return metaspaceStep(json);
    case 'CTC':
      return ctcStep(json);
    default:
      return (tokens) => decoder.decode_chain(tokens);
  }
}

const stepsOf = ({ decoders }: StepJson): readonly StepJson[] => (decoders ?? []) as readonly StepJson[];

const flatten = (json: StepJson): readonly StepJson[] =>
  json.type === 'Sequence' ? stepsOf(json).flatMap(flatten) : [json];

/** Whether a Replace step works on the joined text: then no part of the text is final before its end. */
const rewritesJoinedText = (steps: readonly StepJson[]): boolean =>
  steps.slice(steps.findIndex(({ type }) => type === 'Fuse') + 1).some(({ type }) => type === 'Replace') &&
  steps.some(({ type }) => type === 'Fuse');

/**
 * Replaces the library's step, which replaces single invalid bytes of a run and drops a byte order mark.
 * @see byte_fallback.rs: a run is decoded as a whole; if it is not UTF-8, each of its bytes becomes U+FFFD
 */
function decodeBytes(tokens: string[]): string[] {
  const texts: string[] = [];
  let run: number[] = [];
  const endRun = (): void => {
    if (run.length > 0) texts.push(decodeRun(run));
    run = [];
  };
  for (const token of tokens) {
    const byte = byteOf(token);
    if (byte === null) {
      endRun();
      texts.push(token);
    } else {
      run.push(byte);
    }
  }
  endRun();
  return texts;
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function decodeRun(bytes: readonly number[]): string {
  try {
    return utf8.decode(Uint8Array.from(bytes));
  } catch {
    return '\uFFFD'.repeat(bytes.length);
  }
}

/** The byte of a token like <0x0A>; null for other tokens. */
function byteOf(token: string): number | null {
  const digits = /^<0x([0-9A-Fa-f]{2})>$/.exec(token)?.[1];
  return digits === undefined ? null : Number.parseInt(digits, 16);
}

/** Takes the place of the library's step, which takes four times as long, for bytes from "!" to "~" and spaces. */
function byteLevelStep(decoder: LibraryDecoder): DecodeStep {
  const hasSpaces = decoder.added_tokens?.some(({ content }) => content.includes('\u0120')) === true;
  return (tokens) => {
    const text = tokens.join('');
    const isPlain = !hasSpaces && /^[!-~\u0120]*$/.test(text);
    return isPlain ? [text.replaceAll('\u0120', ' ')] : decoder.decode_chain(tokens);
  };
}

/** Replaces the library's step, which removes a space from the first token with every scheme. @see metaspace.rs */
function metaspaceStep({ replacement, prepend_scheme: scheme, add_prefix_space: hasPrefix }: StepJson): DecodeStep {
  const space = typeof replacement === 'string' ? replacement : '\u2581';
  const isPrefixed = (scheme ?? (hasPrefix === false ? 'never' : 'always')) !== 'never';
  return (tokens) => tokens.map((token, index) => token.replaceAll(space, index === 0 && isPrefixed ? '' : ' '));
}

/** Replaces the library's step, which cleans up the whole text and so changes text already emitted. @see ctc.rs */
function ctcStep(json: StepJson): DecodeStep {
  const [pad = '', delimiter = ''] = [json['pad_token'], json['word_delimiter_token']] as (string | undefined)[];
  return (tokens) =>
    tokens
      .filter((token, index) => token !== tokens[index - 1])
      .map((token) => {
        const text = token.replaceAll(pad, '');
        return json['cleanup'] === true ? cleanUp(text).replaceAll(delimiter, ' ') : text;
      });
}

/** The order matters. @see wordpiece.rs, cleanup */
const cleanUps = [' .', ' ?', ' !', ' ,', " ' ", " n't", " 'm", ' do not', " 's", " 've", " 're"] as const;

const cleanUp = (text: string): string =>
  cleanUps.reduce((cleaned, part) => cleaned.replaceAll(part, part === ' do not' ? " don't" : part.trim()), text);
