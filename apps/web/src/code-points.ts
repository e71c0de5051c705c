/** The service counts characters as Unicode code points. */
export const countCodePoints = (text: string): number => Array.from(text).length;
