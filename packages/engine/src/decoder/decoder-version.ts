/** Part of a stored model's name and of the fingerprint. Raise it with every change of a text or a stored model. */
export const decoderVersion = '10';
