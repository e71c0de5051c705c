import { describe, expect, it } from 'vitest';
import { hrefOf, parsePlace } from './router.ts';

describe('the address', () => {
  it.each(['', '#', '#/'])('%o is the first view', (fragment) => {
    expect(parsePlace(fragment).path).toEqual([]);
  });

  it('has a path and a query', () => {
    const { path, query } = parsePlace('#/jobs/01a2?status=queued&status=running');
    expect(path).toEqual(['jobs', '01a2']);
    expect(query.getAll('status')).toEqual(['queued', 'running']);
  });

  it('keeps any text of a prompt', () => {
    const prompt = 'a?b&c=d#e %41 + "ü"\n🦊';
    expect(parsePlace(hrefOf([], { prompt })).query.get('prompt')).toBe(prompt);
  });

  it('that was typed may have a percent sign of its own', () => {
    expect(parsePlace('#/jobs/100%').path).toEqual(['jobs', '100%']);
  });
});
