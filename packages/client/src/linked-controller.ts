/** A controller that ends with a signal of the caller. */

/**
 * `AbortSignal.any` would do, but its signals stay with that of the caller until a garbage collection: hundreds of
 * requests a second stop the process. Here `unlink` and `end` leave nothing behind.
 */
export class LinkedController extends AbortController {
  readonly #given: AbortSignal | undefined;
  readonly #follow = (): void => this.abort(this.#given?.reason);

  constructor(given: AbortSignal | undefined) {
    super();
    this.#given = given;
    if (given?.aborted === true) this.#follow();
    else given?.addEventListener('abort', this.#follow);
  }

  /** The signal of the caller has no effect any more. */
  unlink(): void {
    this.#given?.removeEventListener('abort', this.#follow);
  }

  /** Ends the work of its signal, if there is any left. */
  end(): void {
    this.unlink();
    this.abort();
  }
}
