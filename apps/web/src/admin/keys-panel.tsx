/** The API keys of all owners. */
import type { KeyBody } from '@prosemill/contract';
import { useSignalEffect } from '@preact/signals';
import { useMemo } from 'preact/hooks';
import { serverNow } from '../api.ts';
import { formatTime, none } from '../format.ts';
import { confirm } from '../parts/confirm-dialog.tsx';
import { ProblemBox } from '../parts/problem-box.tsx';
import { RelativeTime } from '../parts/relative-time.tsx';
import { keysHeld } from '../session.ts';
import { KeyAdmin } from './key-admin.ts';
import { stateOf } from './key-state.ts';
import { MakeKey } from './make-key.tsx';

export function KeysPanel() {
  const admin = useMemo(() => new KeyAdmin(), []);
  useSignalEffect(() => {
    // Another key may see them.
    void keysHeld.value;
    void admin.reload();
  });
  const revoke = async (key: KeyBody): Promise<void> => {
    if (await confirm(revokeQuestion(key))) await admin.revoke(key.id);
  };
  const keys = admin.keys.value;
  const problem = admin.problem.value;
  return (
    <section class="panel" aria-labelledby="keys-title">
      <h2 id="keys-title">Keys</h2>
      <MakeKey onMade={() => void admin.reload()} />
      {problem === null ? null : <ProblemBox problem={problem} slot="admin" onRetry={() => void admin.reload()} />}
      {keys.length === 0 ? null : <KeyTable keys={keys} onRevoke={(key) => void revoke(key)} />}
      {admin.nextCursor.value === null ? null : (
        <button type="button" onClick={() => void admin.loadOlder()}>
          Load more
        </button>
      )}
    </section>
  );
}

const revokeQuestion = ({ name, owner, prefix }: KeyBody) => ({
  title: `Revoke the key ${name}?`,
  text: `Requests with the key ${prefix}… of ${owner} are refused within 20 s. This cannot be undone.`,
  action: 'Revoke',
});

interface KeyTableProps {
  readonly keys: readonly KeyBody[];
  readonly onRevoke: (key: KeyBody) => void;
}

function KeyTable({ keys, onRevoke }: KeyTableProps) {
  const columns = ['Owner', 'Name', 'Begins with', 'Scopes', 'Used', 'Ends', 'State'];
  return (
    <table class="admin-table">
      <caption class="hidden">Keys, newest first</caption>
      <thead>
        <tr>
          {columns.map((name) => (
            <th key={name} scope="col">
              {name}
            </th>
          ))}
          <th scope="col">
            <span class="hidden">Actions</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {keys.map((key) => (
          <KeyRow key={key.id} row={key} onRevoke={onRevoke} />
        ))}
      </tbody>
    </table>
  );
}

function KeyRow({ row, onRevoke }: { readonly row: KeyBody; readonly onRevoke: KeyTableProps['onRevoke'] }) {
  const state = stateOf(row, serverNow());
  return (
    <tr class={state === 'valid' ? '' : 'muted'}>
      <td data-name="Owner">{row.owner}</td>
      <th scope="row">{row.name}</th>
      <td data-name="Begins with" class="mono">
        {row.prefix}
      </td>
      <td data-name="Scopes">{row.scopes.join(' ')}</td>
      <td data-name="Used">{row.last_used_at === null ? none : <RelativeTime time={row.last_used_at} />}</td>
      <td data-name="Ends">{row.expires_at === null ? none : formatTime(row.expires_at)}</td>
      <td data-name="State">{state}</td>
      <td>
        {state === 'valid' ? (
          <button type="button" class="danger" onClick={() => onRevoke(row)}>
            Revoke…<span class="hidden"> the key {row.name}</span>
          </button>
        ) : null}
      </td>
    </tr>
  );
}
