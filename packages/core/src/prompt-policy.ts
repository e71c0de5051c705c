/** Placeholder while the ports settle. */
export const defaultForbiddenWords: readonly string[] = ['hate', 'violence'];
