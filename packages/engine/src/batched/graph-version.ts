/** Raised with every change that may change a text or a graph: names stored graphs, and is part of the fingerprint. */
export const graphVersion = '5';
