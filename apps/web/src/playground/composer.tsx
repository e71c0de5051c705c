/** The prompt, and the button that has it continued. */
import { type Signal, useComputed } from '@preact/signals';
import { copy } from '../copy.ts';
import { CopyMenu } from '../parts/copy-menu.tsx';
import { ViewHeading } from '../parts/view-heading.tsx';
import { ownSnippets } from './own-snippets.ts';
import type { Playground } from './playground.ts';
import { PromptField, type PromptFieldProps } from './prompt-field.tsx';
import { requestHref } from './shared-request.ts';
import { varieties } from './variety.ts';

interface ComposerProps extends PromptFieldProps {
  readonly playground: Playground;
  /** One of `varieties`. */
  readonly variety: Signal<string>;
  readonly onWrite: () => void;
}

export function Composer({ form, playground, check, note, variety, onWrite }: ComposerProps) {
  const copyLink = (): void => {
    const body = form.body.peek();
    if (body !== null) void copy(new URL(requestHref(body, null), location.href).href, 'Link');
  };
  const cannotWrite = useComputed(() => form.body.value === null || form.prompt.value === '');
  return (
    <section class="panel composer" aria-labelledby="view-title">
      <ViewHeading title="Playground" />
      <PromisedText playground={playground} />
      <PromptField form={form} check={check} note={note} />
      <div class="bar write-bar">
        <button type="button" class="main" aria-disabled={cannotWrite} onClick={onWrite}>
          Write <kbd>Ctrl ⏎</kbd>
        </button>
        <span class="bar count">
          <label for="samples">Samples</label>
          <select id="samples" value={variety} onChange={({ currentTarget }) => (variety.value = currentTarget.value)}>
            {varieties.map((each) => (
              <option key={each}>{each}</option>
            ))}
          </select>
        </span>
        <CopyMenu label="Copy as" items={ownSnippets(() => form.body.peek() ?? { prompt: form.prompt.peek() })} />
        <button type="button" onClick={copyLink}>
          Link
        </button>
      </div>
    </section>
  );
}

/** A link that promises a text runs nothing by itself. */
function PromisedText({ playground }: { readonly playground: Playground }) {
  const isOpen = useComputed(() => playground.promised.value !== null && playground.samples.value.length === 0);
  if (!isOpen.value) return null;
  return (
    <p class="status running" role="status">
      This link says which text it gives. Write, and it is compared, letter for letter.
    </p>
  );
}
