/** The choices of the reader that this device keeps. */
import { type Signal, signal } from '@preact/signals';
import { deviceStorage } from './storage.ts';

export interface Setting<Value extends string> {
  /** The first is the default. */
  readonly values: readonly [Value, ...Value[]];
  readonly current: Signal<Value>;
  readonly choose: (value: Value) => void;
}

function defineSetting<const Value extends string>(name: string, values: readonly [Value, ...Value[]]): Setting<Value> {
  const storageName = `prosemill.${name}`;
  const kept = deviceStorage().getItem(storageName);
  const current = signal<Value>(values.find((value) => value === kept) ?? values[0]);
  const choose = (value: Value): void => {
    deviceStorage().setItem(storageName, value);
    current.value = value;
  };
  return { values, current, choose };
}

export const settings = {
  theme: defineSetting('theme', ['auto', 'light', 'dark']),
  times: defineSetting('times', ['relative', 'exact']),
  /** Single letters as shortcuts. */
  letters: defineSetting('letters', ['on', 'off']),
  /** Whether screen readers read texts while they are written. */
  aloud: defineSetting('aloud', ['off', 'on']),
} as const;
