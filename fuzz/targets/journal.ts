import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { decodeHead, HEAD_BYTES, segmentName } from '../../src/log/journal/journal-format.js'
import type { JournalDamagePolicy } from '../../src/log/journal/journal-gaps.js'
import { JournalReplay } from '../../src/log/journal/journal-replay.js'
import { decodeRecord, findRecord, isCutShort } from '../../src/log/journal/stored-record.js'
import { temporaryDirectory } from '../support/directory.js'
import { claim, coded, parsed, same } from '../support/oracle.js'
import { joinParts, splitParts } from '../support/target.js'

/*
 * Journal segments. The first byte says under which circumstances they are replayed.
 *
 * Oracles: a record lies within its segment; only coded errors come out of a replay; what a journal that is cut short
 * gives is the beginning of what the whole journal gives.
 */
const directory = join(temporaryDirectory(), 'journal')

export function fuzz(bytes: Buffer): void {
  const flags = bytes[0] ?? 0
  const segments = splitParts(bytes.subarray(1)).slice(0, 3)
  for (const segment of segments) readFormat(segment)
  const onDamage = flags & 1 ? 'refuse' : 'discard'
  const closedInOrder = (flags & 2) !== 0
  const whole = replayed(segments, { onDamage, closedInOrder })
  const last = segments.at(-1)
  if (!whole || !last || onDamage === 'refuse') return
  // Its head stays: it tells where the records of the segment before end.
  const half = [...segments.slice(0, -1), last.subarray(0, Math.max(HEAD_BYTES, last.length >> 1))]
  const beginning = replayed(half, { onDamage, closedInOrder }) ?? []
  same(beginning, whole.slice(0, beginning.length), 'a journal that is cut short gives other entries')
}

function readFormat(segment: Buffer): void {
  const head = decodeHead(segment)
  if (typeof head === 'object' && 'after' in head) claim(Number.isSafeInteger(head.after), 'an offset is no number')
  for (const at of [0, 1, 64, segment.length]) {
    isCutShort(segment, at)
    const found = findRecord(segment, at)
    if (found === undefined) continue
    const record = decodeRecord(segment, found)
    claim(record !== undefined && record.end > found && record.end <= segment.length, 'a record leaves its segment')
  }
}

/** The entries of a journal of these segments; `undefined` where it is refused. */
function replayed(
  segments: readonly Buffer[],
  circumstances: { readonly onDamage: JournalDamagePolicy; readonly closedInOrder: boolean },
): string[] | undefined {
  rmSync(directory, { recursive: true, force: true })
  mkdirSync(directory)
  for (const [at, segment] of segments.entries()) writeFileSync(join(directory, segmentName(at + 1)), segment)
  return parsed(coded('AUDIT_LOG_CORRUPT', 'AUDIT_FORMAT_UNSUPPORTED'), () => {
    const replay = new JournalReplay({ directory, from: undefined, bootId: '', location: 'fuzz', ...circumstances })
    const entries: string[] = []
    for (const { entry } of replay.entries()) {
      claim(typeof entry.event === 'object' && entry.event !== null, 'what is replayed is no event')
      entries.push(Buffer.from(entry.bytes).toString('hex'))
    }
    claim(replay.tornBytes >= 0 && replay.gaps.every(({ count }) => count >= 1), 'a count is negative')
    return entries
  })
}

export async function seeds(): Promise<Buffer[]> {
  const { openAuditLog } = await import('../../src/audit-log/index.js')
  const location = join(temporaryDirectory(), 'log')
  const log = await openAuditLog(location)
  for (const name of ['one', 'two', 'three']) await log.append({ type: 'custom', data: { name } })
  const written = readdirSync(join(location, 'journal')).map((name) => readFileSync(join(location, 'journal', name)))
  await log.close()
  const [segment = Buffer.alloc(0)] = written
  return [0, 1, 2, 3].flatMap((flags) => [
    Buffer.concat([Buffer.of(flags), segment]),
    Buffer.concat([Buffer.of(flags), joinParts([segment, segment])]),
    Buffer.concat([Buffer.of(flags), segment.subarray(0, -7)]),
  ])
}
