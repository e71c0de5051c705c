/** The part of the due deliveries that may have a place, so that those of a dead host are not read every second. */
import { type DeliveryPlaces, fullPlaces } from '@prosemill/core';

/** After this time all are looked at again: another process may have held some. */
const validMs = 60_000;
/** A delivery may be seen this much later than the time from which it is due: its transaction takes a while. */
const marginMs = 10_000;

/** A look that found nothing, with the hosts and owners that had no room. */
interface Look {
  readonly at: number;
  readonly full: ReadonlySet<string>;
}

export class DueWindow {
  #last: Look | null = null;

  /**
   * @param look  The look that begins now.
   * @returns the longest time for which a delivery with a place may have been due; undefined: there is no limit
   */
  maxDueMs({ at, full }: Look): number | undefined {
    const last = this.#last;
    if (last === null || at - last.at > validMs || [...last.full].some((name) => !full.has(name))) return undefined;
    return at - last.at + marginMs;
  }

  /** A look without a limit found nothing. */
  noteEmpty(look: Look): void {
    this.#last = look;
  }
}

/**
 * The hosts and owners without room for another attempt. An owner with room for hosts that answer only is another one
 * when a host begins to answer.
 */
export function fullNames(places: DeliveryPlaces): ReadonlySet<string> {
  const { hosts, owners, strictOwners } = fullPlaces(places);
  const latest = [...places.answeringHosts].at(-1) ?? '';
  return new Set([
    ...hosts.map((host) => `host ${host}`),
    ...owners.map((owner) => `owner ${owner}`),
    ...strictOwners.map((owner) => `owner ${owner}, but for hosts until ${latest}`),
  ]);
}
