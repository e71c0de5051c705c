/** Whether a text can be the id of a job or a key. Postgres refuses to compare any other text with a uuid. */
export const isUuid = (text: string): boolean => /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/i.test(text);
