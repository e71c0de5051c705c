/** Whether a text is percent-encoded UTF-8: each `%` begins a byte, and the bytes are characters. */
export function isPercentEncoded(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}
