/** All data and commands of a Redis, as text. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';

export interface RedisWatch {
  /** All commands since the start, of all clients and scripts, with arguments: short-lived values appear here too. */
  readonly commands: readonly string[];
  stop(): void;
}

export async function watchRedis(url: string): Promise<RedisWatch> {
  const socket = connectTo(url);
  const commands: string[] = [];
  const lines = createInterface({ input: socket });
  socket.write(encode(['MONITOR']));
  await once(lines, 'line');
  lines.on('line', (line) => commands.push(line));
  return { commands, stop: () => socket.destroy() };
}

const dumpScript = `
local readers = {
  string = function(key) return redis.call('GET', key) end,
  list = function(key) return redis.call('LRANGE', key, 0, -1) end,
  set = function(key) return redis.call('SMEMBERS', key) end,
  zset = function(key) return redis.call('ZRANGE', key, 0, -1, 'WITHSCORES') end,
  hash = function(key) return redis.call('HGETALL', key) end,
  stream = function(key) return redis.call('XRANGE', key, '-', '+') end,
}
local found = {}
for _, key in ipairs(redis.call('KEYS', '*')) do
  table.insert(found, { key, readers[redis.call('TYPE', key).ok](key) })
end
return found
`;

/**
 * Reads every key and value.
 * @returns the raw reply
 */
export async function dumpRedis(url: string): Promise<string> {
  const socket = connectTo(url);
  socket.write(encode(['EVAL', dumpScript, '0']) + encode(['QUIT']));
  const reply = await text(socket);
  if (!reply.startsWith('*')) throw new Error(reply);
  return reply;
}

function connectTo(url: string) {
  const { hostname, port } = new URL(url);
  return connect(Number(port), hostname);
}

/** @see https://redis.io/docs/latest/develop/reference/protocol-spec/ */
const encode = (words: readonly string[]): string =>
  [`*${words.length}`, ...words.flatMap((word) => [`$${Buffer.byteLength(word)}`, word]), ''].join('\r\n');
