/** Puts a gate before the asynchronous methods of a real part, so that a test can count its calls and hold them up. */

export interface GatedCalls<Part extends object> {
  /** The part, behind the gate. */
  readonly part: Part;
  /** Calls so far. */
  readonly begun: number;
  /** Calls that have not ended. */
  readonly underWay: number;
  /** Holds up every call from now on. */
  shut(): void;
  /** Lets the calls pass that were held up, and all later ones. */
  open(): void;
}

type Method = (...parameters: unknown[]) => Promise<unknown>;

export function gateCalls<Part extends object>(part: Part): GatedCalls<Part> {
  let gate: PromiseWithResolvers<void> | null = null;
  let begun = 0;
  let underWay = 0;

  const behindGate = (method: Method): Method =>
    async function pass(...parameters) {
      begun += 1;
      underWay += 1;
      try {
        await gate?.promise;
        return await method.apply(part, parameters);
      } finally {
        underWay -= 1;
      }
    };

  return {
    part: new Proxy(part, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name);
        return typeof value === 'function' ? behindGate(value as Method) : value;
      },
    }),
    get begun() {
      return begun;
    },
    get underWay() {
      return underWay;
    },
    shut() {
      gate ??= Promise.withResolvers<void>();
    },
    open() {
      gate?.resolve();
      gate = null;
    },
  };
}
