/** An error as a page for people, where a browser shows it. */
import { type ErrorPresenter, errorHeaders, publicDetail } from './present-problem.ts';
import { problemTable } from './problem.ts';

/** A page without styles, since the Content-Security-Policy of errors allows none. */
export const presentErrorPage: ErrorPresenter = function presentErrorPage(error, { requestId }) {
  const { status, title } = problemTable[error.code];
  const body = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <title>${escapeHtml(title)} · Prosemill</title>
  </head>
  <body>
    <main>
      <h1>${escapeHtml(title)}</h1>
      <p>${escapeHtml(publicDetail(error))}</p>
      <p>Error ${status} <code>${error.code}</code> · request <code>${escapeHtml(requestId)}</code></p>
    </main>
  </body>
</html>
`;
  const headers = { 'Content-Type': 'text/html; charset=utf-8', ...errorHeaders(error, { status, requestId }) };
  return { status, headers, body };
};

const escapeHtml = (text: string): string =>
  text.replaceAll(/[&<>"']/g, (character) => `&#${character.codePointAt(0)};`);
