import { describe, expect, it } from 'vitest';
import { wantsPage, wantsStream } from './prefers.ts';

describe('Accept', () => {
  it.each([
    ['text/event-stream', true],
    ['text/event-stream, application/json;q=0.5', true],
    ['application/json;q=0.5, text/event-stream', true],
    ['Text/Event-Stream; charset=utf-8', true],
    ['text/event-stream, */*', true],
    ['text/*', true],
    ['*/*, text/event-stream;q=0.9', false],
    ['text/event-stream;q=0', false],
    ['text/*, text/event-stream;q=0', false],
    ['text/event-stream, application/json', false],
    ['text/event-stream;q=0.1, application/json', false],
    ['application/json, text/event-stream', false],
    ['application/json', false],
    ['*/*', false],
    ['text/html', false],
    ['', false],
    [undefined, false],
    ['nonsense;;,', false],
  ])('%o asks for a stream: %s', (accept, isStream) => {
    expect(wantsStream(accept)).toBe(isStream);
  });

  it.each([
    ['text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8', true],
    ['text/html', true],
    ['text/html;q=0.9, application/json', false],
    ['application/json', false],
    ['*/*', false],
    [undefined, false],
  ])('%o asks for a page: %s', (accept, isPage) => {
    expect(wantsPage(accept)).toBe(isPage);
  });
});
