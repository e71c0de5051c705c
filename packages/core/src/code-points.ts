/** Unicode code points of a string, which JavaScript stores in UTF-16. */

/** Linear in the length of the text. A lone surrogate counts as one. */
export const countCodePoints = (text: string): number =>
  text.length - (text.match(/[\ud800-\udbff][\udc00-\udfff]/g)?.length ?? 0);

/** @returns the length of the first `count` code points in UTF-16 units; that of the text if it has fewer */
export function unitsOf(text: string, count: number): number {
  let units = 0;
  for (let left = count; left > 0 && units < text.length; left -= 1) {
    units += (text.codePointAt(units) ?? 0) > 0xff_ff ? 2 : 1;
  }
  return units;
}
