/** Part of a stored graph's name and of the fingerprint. Raise it with every change of a text or a graph. */
export const graphVersion = '5';
