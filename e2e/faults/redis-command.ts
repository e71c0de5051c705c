/** Sends one inline command to a Redis on a connection of its own. */
import { once } from 'node:events';
import { connect } from 'node:net';

/**
 * @returns the raw reply, such as `+OK` or `:12`
 * @throws for an error from Redis
 */
export async function redisCommand(url: string, command: string): Promise<string> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  await once(socket, 'connect');
  socket.write(`${command}\r\n`);
  const [data] = (await once(socket, 'data')) as [Buffer];
  socket.destroy();
  const reply = data.toString().trim();
  if (reply.startsWith('-')) throw new Error(reply);
  return reply;
}

/** Counts the commands of all clients since the start, refused commands and those of scripts included. */
export async function countCommands(url: string): Promise<number> {
  const stats = await redisCommand(url, 'INFO commandstats');
  return [...stats.matchAll(/:calls=(\d+).*?rejected_calls=(\d+)/g)].reduce(
    (sum, [, calls, rejected]) => sum + Number(calls) + Number(rejected),
    0,
  );
}

/** The hints in a list of BullMQ. */
export async function hintsIn(url: string, list: 'wait' | 'active'): Promise<number> {
  return Number((await redisCommand(url, `LLEN prosemill:hints:${list}`)).slice(1));
}

/** The number of deliveries of the first hint of this job, in BullMQ's own record. */
export async function deliveriesOf(url: string, jobId: string): Promise<number> {
  const fields = (await redisCommand(url, 'XRANGE prosemill:hints:events - +')).split('\r\n').filter(isField);
  return fields.filter((_, at) => fields.slice(at, at + 4).join() === `event,active,jobId,${jobId}-0`).length;
}

/** Lines between the fields hold lengths. */
const isField = (line: string): boolean => !/^[*$]/.test(line);
