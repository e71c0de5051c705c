/** The hosts and owners without room for another delivery. */
import type { DeliveryPlace, DeliveryPlaces } from './ports/webhook-store.ts';

export interface FullPlaces {
  readonly hosts: readonly string[];
  readonly owners: readonly string[];
  /** Owners with room for hosts that answer only. */
  readonly strictOwners: readonly string[];
}

/**
 * A host that does not answer has one place, so that dead hosts use none of the further places. An owner has a place
 * while it holds fewer than are free (Choudhury and Hahne, "Dynamic queue length thresholds", 1998): some always stay
 * free, and an owner that is alone has half, without a fixed share for each. For hosts that do not answer it has one
 * while twice as many are free, so that any number of them leaves places for its other hosts.
 */
export function fullPlaces({ underWay, answeringHosts, limits }: DeliveryPlaces): FullPlaces {
  const hosts = countsOf(underWay.map(({ host }) => host));
  const owners = countsOf(underWay.map(({ ownerId }) => ownerId));
  const unanswered = underWay.filter(({ host }) => !answeringHosts.has(host));
  const ownersOfUnanswered = countsOf(unanswered.map(({ ownerId }) => ownerId));
  const free = limits.all - underWay.length;
  const hasFurther = underWay.length - hosts.length < limits.further;
  return {
    hosts: namesOf(hosts, (count, host) => count >= limits.perHost || !hasFurther || !answeringHosts.has(host)),
    owners: namesOf(owners, (count) => count >= free),
    strictOwners: namesOf(ownersOfUnanswered, (count) => 2 * count >= free),
  };
}

/** Whether there is room for another delivery at this place. */
export function hasRoom({ host, ownerId }: DeliveryPlace, places: DeliveryPlaces): boolean {
  const { hosts, owners, strictOwners } = fullPlaces(places);
  const isTaken = strictOwners.includes(ownerId) && !places.answeringHosts.has(host);
  return places.underWay.length < places.limits.all && !hosts.includes(host) && !owners.includes(ownerId) && !isTaken;
}

type Counts = readonly (readonly [name: string, count: number])[];

function countsOf(names: readonly string[]): Counts {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return [...counts];
}

const namesOf = (counts: Counts, isFull: (count: number, name: string) => boolean): readonly string[] =>
  counts.flatMap(([name, count]) => (isFull(count, name) ? [name] : []));
