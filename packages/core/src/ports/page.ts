/** Pages of a list that is ordered newest first. */

/** A place in a list that is ordered by (createdAt, id), newest first. */
export interface Cursor<Id> {
  readonly createdAt: Date;
  readonly id: Id;
}

export interface Page<Item> {
  readonly items: readonly Item[];
  readonly hasMore: boolean;
}
