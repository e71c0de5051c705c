/** The output of the command line: text for people on terminals, and lines of JSON for programs. */
import { OutputClosed } from './exit-codes.ts';

export interface Output {
  /** The reader is a program. */
  readonly isJson: boolean;
  /** Standard output is a terminal. */
  readonly isTerminal: boolean;
  /** Standard error is a terminal. */
  readonly hasTerminalForNotes: boolean;
  /** Dims a line, where the terminal may have colours. */
  readonly dim: (line: string) => string;
  /** Writes to standard output as it is. @throws {OutputClosed}, and the errors of a file, such as a full disk */
  readonly write: (text: string) => Promise<void>;
  /** Writes a text of a user or a model: on a terminal its control characters are shown, not obeyed. */
  readonly writeText: (text: string) => Promise<void>;
  readonly writeJson: (value: unknown) => Promise<void>;
  /** Writes a line to standard error: an error, or a warning. `body` stands for it where the reader is a program. */
  readonly note: (line: string, body?: object) => void;
  /** A note that nobody needs in a log: only for people at a terminal. */
  readonly remark: (line: string) => void;
}

/** C0 but tab and newline, DEL, C1, and the characters that turn the direction of a line. */
// oxlint-disable-next-line no-control-regex
const control = /[\u0000-\u0008\u000B-\u001F\u007F-\u009F\u200E\u200F\u202A-\u202E\u2066-\u2069]/g;

/** Shows the control characters of a text: C0 by their pictures, others by their code points. */
export const showControl = (text: string): string =>
  text.replaceAll(control, (character) => {
    const code = character.codePointAt(0) ?? 0;
    return code < 0x20 ? String.fromCodePoint(0x2400 + code) : `<${code.toString(16).toUpperCase().padStart(4, '0')}>`;
  });

/** The same JSON. `JSON.stringify` leaves DEL, C1 and the turns of direction as they are. */
const escapeControl = (json: string): string =>
  json.replaceAll(control, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);

export interface OutputOptions extends Pick<Output, 'isJson'> {
  readonly isColourless: boolean;
}

export function openOutput({ isColourless, isJson }: OutputOptions): Output {
  const { stdout, stderr } = process;
  let failure: Error | null = null;
  // Each write of standard output gets its error too. Nobody can be told of one of standard error.
  for (const stream of [stdout, stderr]) stream.on('error', () => undefined);
  const isTerminal = stdout.isTTY;
  const write = async (text: string): Promise<void> => {
    await new Promise<void>((resolve) => {
      // A pipe takes it when its reader reads: the end of the process would cut what is still here.
      stdout.write(text, (error) => {
        if (error != null) failure ??= isOfReader(error) ? new OutputClosed() : error;
        resolve();
      });
    });
    if (failure !== null) throw failure;
  };
  const note: Output['note'] = (line, body = { note: line }) =>
    void stderr.write(`${isJson ? escapeControl(JSON.stringify(body)) : showControl(line)}\n`);
  return {
    isJson,
    isTerminal,
    hasTerminalForNotes: stderr.isTTY,
    dim: (line) => (isTerminal && !isColourless ? `\u001B[2m${line}\u001B[22m` : line),
    write,
    writeText: async (text) => await write(isTerminal ? showControl(text) : text),
    writeJson: async (value) => await write(`${escapeControl(JSON.stringify(value))}\n`),
    note,
    remark: (line) => {
      if (stderr.isTTY && !isJson) note(line);
    },
  };
}

const isOfReader = (error: Error): boolean => 'code' in error && error.code === 'EPIPE';

/** One line of a text for a list, cut at this many characters. */
export function excerpt(text: string, length: number): string {
  const line = showControl(text.replaceAll(/\s+/g, ' '));
  const characters = Array.from(line);
  return characters.length <= length ? line : `${characters.slice(0, length - 1).join('')}…`;
}

/** Columns that are as wide as their longest cell. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) =>
    rows.reduce((widest, row) => Math.max(widest, row[column]?.length ?? 0), 0),
  );
  return rows
    .map(
      (row) =>
        `${row
          .map((cell, column) => cell.padEnd(widths[column] ?? 0))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('');
}
