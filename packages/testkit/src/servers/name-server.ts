/** A name server (DNS over UDP) that answers with the addresses of a test. */
import { createSocket } from 'node:dgram';
import { isIPv4 } from 'node:net';
import { onTestFinished } from 'vitest';

export interface TestNameServer {
  /** As `Resolver.setServers` takes it. */
  readonly address: string;
  /** The names of all queries, each with its type: `hooks.example A`. */
  readonly asked: readonly string[];
}

const types = new Map([
  [1, 'A'],
  [28, 'AAAA'],
]);
const headerBytes = 12;
const noSuchName = 3;

/**
 * Answers until the test is finished.
 * @param addressesOf  The addresses of a name in lower case; null: there is never an answer. Called for each query.
 */
export async function startNameServer(
  addressesOf: (name: string, type: string) => readonly string[] | null,
): Promise<TestNameServer> {
  const asked: string[] = [];
  const socket = createSocket('udp4', (query, { address, port }) => {
    const { name, type, bytes } = readQuestion(query);
    asked.push(`${name} ${type}`);
    const addresses = addressesOf(name, type);
    if (addresses === null) return;
    const isAnswered = (each: string): boolean => (isIPv4(each) ? 'A' : 'AAAA') === type;
    const records = addresses.filter(isAnswered).map(recordOf);
    // A response with recursion, one question, and no authorities.
    const header = Buffer.from([0, 0, 0x81, addresses.length === 0 ? 0x80 | noSuchName : 0x80, 0, 1, 0, 0, 0, 0, 0, 0]);
    query.copy(header, 0, 0, 2);
    header.writeUInt16BE(records.length, 6);
    socket.send(Buffer.concat([header, bytes, ...records]), port, address);
  });
  await new Promise<void>((resolve) => void socket.bind(0, '127.0.0.1', resolve));
  onTestFinished(() => void socket.close());
  return { address: `127.0.0.1:${socket.address().port}`, asked };
}

function readQuestion(query: Buffer): { readonly name: string; readonly type: string; readonly bytes: Buffer } {
  const labels: string[] = [];
  let at = headerBytes;
  for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
  const type = types.get(query.readUInt16BE(at + 1)) ?? 'other';
  // The end of the name, the type and the class.
  return { name: labels.join('.').toLowerCase(), type, bytes: query.subarray(headerBytes, at + 5) };
}

/** A record for the name of the question, to be kept for no time. */
function recordOf(address: string): Buffer {
  const data = Buffer.from(isIPv4(address) ? address.split('.').map(Number) : bytesOfIpv6(address));
  return Buffer.concat([
    Buffer.from([0xc0, headerBytes, 0, isIPv4(address) ? 1 : 28, 0, 1, 0, 0, 0, 0, 0, data.length]),
    data,
  ]);
}

const groupsOf = (part: string): readonly number[] =>
  part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16));

function bytesOfIpv6(address: string): readonly number[] {
  // The URL parser writes an IPv4 part as hexadecimal groups.
  const [head = '', tail = ''] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::');
  const [before, after] = [groupsOf(head), groupsOf(tail)];
  const groups = [...before, ...Array.from({ length: 8 - before.length - after.length }, () => 0), ...after];
  return groups.flatMap((group) => [group >> 8, group & 0xff]);
}
