import type { Client } from 'pg'
import { decodeFiled } from '../decode-entry.js'
import { encodePosting } from '../posting-value.js'
import { PostingTable } from '../postings.js'
import { postingValueKey } from './posting-rows.js'

/*
 * Version 3 of the schema: entries are filed by their actor and by the tool that they are about. Its SQL comes first, in the
 * same transaction. A writer of an earlier version would file nothing of this: whoever has a log open learns that it was
 * taken over, and opens it with the version that the tables have.
 */

export const VERSION_3 = `
lock table spanledger.log in exclusive mode;
update spanledger.writer set session = gen_random_uuid();
update spanledger.log set version = version + 1;
`

/** Entries that are read at a time: they have 64 KiB each at most. */
const READ_LENGTH = 256
/** Entries of which postings are written as one. */
const STRETCH_LENGTH = 16 * READ_LENGTH

const READ = 'select seq, bytes from spanledger.entry where log = $1 and seq >= $2 and seq < $3 order by seq'
const FILE = `insert into spanledger.posting (log, value, last_seq, first_seq, count, positions)
  select $1, value, last, first, count, positions
  from unnest($2::bytea[], $3::bigint[], $4::bigint[], $5::integer[], $6::bytea[]) as given(value, last, first, count, positions)`

/** Files the entries that there are, of all logs, by actor and tool. */
export async function fileAnew(client: Client): Promise<void> {
  const { rows: logs } = await client.query<{ log: number; size: string }>('select log, size from spanledger.log')
  for (const { log, size } of logs) {
    for (let from = 0; from < Number(size); from += STRETCH_LENGTH) {
      await fileStretch(client, log, from, Math.min(from + STRETCH_LENGTH, Number(size)))
    }
  }
}

async function fileStretch(client: Client, log: number, from: number, to: number): Promise<void> {
  const table = new PostingTable()
  for (let at = from; at < to; at += READ_LENGTH) {
    const read = [log, at, Math.min(at + READ_LENGTH, to)]
    const { rows } = await client.query<{ seq: string; bytes: Buffer }>(READ, read)
    for (const { seq, bytes } of rows) {
      const event = decodeFiled(bytes)
      if (event) table.add({ event }, Number(seq))
    }
  }
  const postings = table.all.filter(({ index }) => index === 'actor' || index === 'tool')
  if (postings.length === 0) return
  await client.query(FILE, [
    log,
    postings.map(({ index, value }) => postingValueKey(index, value)),
    postings.map(({ seqs }) => seqs.at(-1)),
    postings.map(({ seqs }) => seqs[0]),
    postings.map(({ seqs }) => seqs.length),
    postings.map(({ seqs }) => encodePosting(seqs)),
  ])
}
