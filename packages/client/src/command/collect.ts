/** `Array.fromAsync`, which Node 20 does not have. */
export async function collect<Item, Value>(
  items: AsyncIterable<Item>,
  valueOf: (item: Item) => Value,
): Promise<Value[]> {
  const values: Value[] = [];
  for await (const item of items) values.push(valueOf(item));
  return values;
}
