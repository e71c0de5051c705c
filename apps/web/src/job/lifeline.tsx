/** The life of a job: its waits and attempts as a bar, and each event with its time. */
import { formatMs, formatTime } from '../format.ts';
import { describeLife, type JobEvent, type Life, type Moment, type Stretch } from './life.ts';

export function Lifeline({ log }: { readonly log: readonly JobEvent[] }) {
  const { moments, stretches } = describeLife(log);
  return (
    <>
      <LifeBar stretches={stretches} />
      <ol class="life-moments">
        {moments.map((moment) => (
          <LifeMoment key={moment.seq} moment={moment} />
        ))}
      </ol>
    </>
  );
}

/** A picture of the list below it. */
function LifeBar({ stretches }: Pick<Life, 'stretches'>) {
  return (
    <div class="life-bar" aria-hidden="true">
      {stretches.map((stretch) => (
        <span key={stretch.seq} class={classOf(stretch)} style={{ flexGrow: stretch.width }}>
          <span class="small">{stretch.lengthMs === null ? '…' : formatMs(stretch.lengthMs)}</span>
        </span>
      ))}
    </div>
  );
}

const classOf = ({ kind, isFault, isFolded }: Stretch): string =>
  ['life-piece', `life-${kind}`, isFault ? 'life-fault' : '', isFolded ? 'life-folded' : ''].join(' ').trim();

function LifeMoment({ moment: { at, name, tone, sentence } }: { readonly moment: Moment }) {
  return (
    <li class={`life-moment life-moment-${tone}`}>
      <time class="small muted figures" dateTime={at} title={formatTime(at)}>
        {clockOf(at)}
      </time>
      <span>
        <b>{name}</b> {sentence}
      </span>
    </li>
  );
}

const clock = new Intl.DateTimeFormat('en', {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  fractionalSecondDigits: 3,
  hourCycle: 'h23',
});
const clockOf = (at: string): string => clock.format(new Date(at));
