/** Numbers and times in words. The formatters are made once: one for each row makes long lists slow. */

const locale = 'en';
const whole = new Intl.NumberFormat(locale, { maximumFractionDigits: 0 });
const oneDigit = new Intl.NumberFormat(locale, { maximumFractionDigits: 1 });
const clock = new Intl.DateTimeFormat(locale, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
const dayAndClock = new Intl.DateTimeFormat(locale, {
  day: 'numeric',
  month: 'short',
  hour: '2-digit',
  minute: '2-digit',
  hourCycle: 'h23',
});
const exact = new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'medium', hourCycle: 'h23' });

const second = 1_000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

/** The sign of a value that is not known. */
export const none = '–';

export const formatCount = (count: number): string => whole.format(count);

/** `1 job`, `2 jobs`. */
export const formatPlural = (count: number, one: string, many = `${one}s`): string =>
  `${formatCount(count)} ${count === 1 ? one : many}`;

/** A duration with about two significant digits: `4 ms`, `1.2 s`, `3 min`, `2.5 h`. */
export function formatMs(ms: number | null): string {
  if (ms === null) return none;
  if (ms < second) return `${whole.format(ms)} ms`;
  if (ms < 10 * second) return `${oneDigit.format(ms / second)} s`;
  if (ms < minute) return `${whole.format(ms / second)} s`;
  if (ms < hour) return `${whole.format(ms / minute)} min`;
  return ms < 2 * day ? `${oneDigit.format(ms / hour)} h` : `${whole.format(ms / day)} days`;
}

/** `206/s`. */
export const formatSpeed = (tokensPerSecond: number | null): string =>
  tokensPerSecond === null ? none : `${(tokensPerSecond < 10 ? oneDigit : whole).format(tokensPerSecond)}/s`;

/** A time seen from `nowMs`: `now`, `12 s ago`, `5 min ago`, `12:50`, `3 Nov, 12:50`. */
export function formatAgo(time: string, nowMs: number): string {
  const date = new Date(time);
  const ago = nowMs - date.getTime();
  if (ago < second) return 'now';
  if (ago < minute) return `${Math.floor(ago / second)} s ago`;
  if (ago < hour) return `${Math.floor(ago / minute)} min ago`;
  return ago < 12 * hour ? clock.format(date) : dayAndClock.format(date);
}

/** A time of the future as a wait: `soon`, `in about 12 s`. */
export function formatWait(time: string | null, nowMs: number): string {
  if (time === null) return '';
  return isAhead(time, nowMs) ? `in about ${formatMs(Date.parse(time) - nowMs)}` : 'soon';
}

/** Whether a time is far enough in the future to wait for it. */
export const isAhead = (time: string | null, nowMs: number): boolean =>
  time !== null && Date.parse(time) - nowMs >= second;

/** `29 Nov 2026, 12:50:26`, in the time zone of the reader. */
export const formatTime = (time: string): string => exact.format(new Date(time));
export const formatClock = (time: string): string => clock.format(new Date(time));

/** The place of a job in the queue. */
export const formatPlace = (ahead: number): string => (ahead === 0 ? 'next' : `${formatCount(ahead)} ahead`);
