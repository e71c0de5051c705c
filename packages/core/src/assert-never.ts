/** Makes a switch exhaustive: the compiler refuses a case that is not handled. */
export function assertNever(value: never): never {
  throw new TypeError(`Unexpected value: ${JSON.stringify(value)}`);
}
