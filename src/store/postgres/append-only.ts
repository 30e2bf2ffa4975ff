/** Tables that grow with a log have so many partitions, so that logs do not share the upper levels of an index. */
const PARTITIONS = 8

/** The names of a partitioned table and of its partitions. */
export function tablesOf(table: string): readonly string[] {
  return [table, ...partitionsOf(table)]
}

function partitionsOf(table: string): readonly string[] {
  return Array.from({ length: PARTITIONS }, (_, remainder) => `${table}_${remainder}`)
}

/**
 * Partitions of a table, and triggers on it: those on its rows hold for its partitions, one on TRUNCATE does not.
 *
 * @param refuse - function of the trigger on rows
 */
export function appendOnly(table: string, refuse = 'refuse_change'): string {
  const noTruncate = (name: string) =>
    `create trigger no_truncate before truncate on spanledger.${name}
  for each statement execute function spanledger.refuse_change();`
  return [
    ...partitionsOf(table).map(
      (name, remainder) => `create table spanledger.${name} partition of spanledger.${table}
  for values with (modulus ${PARTITIONS}, remainder ${remainder});`,
    ),
    `create trigger no_change before update or delete on spanledger.${table}
  for each row execute function spanledger.${refuse}();`,
    ...tablesOf(table).map(noTruncate),
  ].join('\n')
}
