import { expect, it } from 'vitest';
import { judge, type VerdictInput } from './verdict.ts';

const healthy: VerdictInput = {
  problems: [],
  workers: [{ state: 'ready', slots: 32 }],
  isPaused: false,
  busySlots: 19,
  waiting: 0,
  oldestAgeSeconds: null,
  firstTokenP95Ms: 41,
  recent: { ended: 200, failed: 1 },
};

it('says the state of a healthy machine in one sentence', () => {
  expect(judge(healthy)).toEqual({
    tone: 'good',
    word: 'Healthy',
    sentence: 'One worker, 19 of 32 slots busy, nothing waits.',
    reasons: [],
  });
});

it('counts all workers and the waiting jobs', () => {
  const workers = [
    { state: 'ready', slots: 32 },
    { state: 'draining', slots: 1 },
  ];
  expect(judge({ ...healthy, workers, waiting: 1 }).sentence).toBe('2 workers, 19 of 33 slots busy, 1 job waits.');
});

it.each([
  [
    'the sentences of the service',
    { problems: ['The queue is paused: jobs wait.'] },
    'The queue is paused: jobs wait.',
  ],
  ['long waits', { oldestAgeSeconds: 61 }, 'The oldest job has waited for more than 60 s.'],
  ['late texts', { firstTokenP95Ms: 5_001 }, 'One text in twenty begins later than 5 s after its start.'],
  ['failures', { recent: { ended: 100, failed: 6 } }, '6 % of the jobs failed within five minutes.'],
])('warns of %s', (_, change, reason) => {
  expect(judge({ ...healthy, ...change })).toMatchObject({ tone: 'warning', word: 'Look here', reasons: [reason] });
});

it('does not warn of a failure among few jobs', () => {
  expect(judge({ ...healthy, recent: { ended: 3, failed: 1 } }).tone).toBe('good');
});

it('is red without a worker that can run jobs, and says so while one loads its model', () => {
  expect(judge({ ...healthy, workers: [] })).toMatchObject({
    tone: 'bad',
    sentence: 'No worker takes jobs. They wait and are safe.',
  });
  expect(judge({ ...healthy, workers: [{ state: 'failed', slots: 32 }] }).tone).toBe('bad');
  expect(judge({ ...healthy, workers: [{ state: 'loading', slots: 32 }] })).toMatchObject({ word: 'Loading' });
});

it('says that the queue is paused', () => {
  const problems = ['The queue is paused: jobs wait.'];

  expect(judge({ ...healthy, isPaused: true, problems })).toMatchObject({
    tone: 'warning',
    word: 'Paused',
    reasons: problems,
  });
});
