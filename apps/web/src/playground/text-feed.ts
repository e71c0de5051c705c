/** A text that grows: whatever comes between two frames is drawn at once, for all texts together. */
import { batch, type ReadonlySignal, signal } from '@preact/signals';

const dirty = new Set<TextFeed>();

export class TextFeed {
  readonly #drawn = signal('');
  readonly #tokens = signal(0);
  #text = '';
  #tokenCount = 0;

  /** The text as of the last frame. */
  get text(): ReadonlySignal<string> {
    return this.#drawn;
  }

  /** Its tokens as of the last frame. */
  get tokens(): ReadonlySignal<number> {
    return this.#tokens;
  }

  append(text: string, tokens: number): void {
    this.replace(this.#text + text, tokens);
  }

  replace(text: string, tokens: number): void {
    this.#text = text;
    this.#tokenCount = tokens;
    dirty.add(this);
    if (dirty.size === 1) requestAnimationFrame(drawAll);
  }

  draw(): void {
    this.#drawn.value = this.#text;
    this.#tokens.value = this.#tokenCount;
  }
}

function drawAll(): void {
  const isAtEnd = isReaderAtEnd();
  batch(() => {
    for (const feed of dirty) feed.draw();
  });
  dirty.clear();
  // Nobody's text moves under their eyes, but a reader at the very end sees the end.
  if (isAtEnd) scrollTo(0, document.documentElement.scrollHeight);
}

function isReaderAtEnd(): boolean {
  const { scrollHeight, clientHeight } = document.documentElement;
  return scrollY > 0 && scrollY + clientHeight >= scrollHeight - 1;
}
