import { type FoundProcess, type FoundProcesses, readProcesses } from '../ledger/processes.js'
import { printable, shortTime } from './text.js'

/**
 * Reads which processes write to a ledger, and whether they are audited: by their own account, in files that anybody who
 * can write to the directory may have made. For people to see; nothing is concluded from it.
 *
 * @param directory - of the ledger; `undefined` for a store that is no directory
 */
export async function processesOf(directory: string | undefined): Promise<FoundProcesses | undefined> {
  return directory === undefined ? undefined : await readProcesses(directory)
}

/** Returns a row for each process, and one for files that could not be read. */
export function processRows(found: FoundProcesses | undefined): readonly (readonly [string, string])[] {
  if (!found) return []
  const rows = found.processes.map((each) => ['process', processText(each)] as const)
  if (found.unreadStatusFiles === 0) return rows
  return [
    ...rows,
    ['process', `${found.unreadStatusFiles} files in processes/ that are no status, or too many to be read`],
  ]
}

/** Returns a warning where a living process is not audited. */
export function processWarnings(found: FoundProcesses | undefined): readonly string[] {
  const unaudited = found?.processes.filter(({ state, status }) => state !== 'ended' && UNAUDITED.has(status)) ?? []
  return unaudited.map(
    ({ pid, host, status }) => `Process ${pid} on ${printable(host)} says that it is ${status}: see its reasons above.`,
  )
}

const UNAUDITED: ReadonlySet<string> = new Set(['unaudited', 'impaired'])

function processText({
  pid,
  host,
  startedAt,
  updatedAt,
  log,
  durability,
  status,
  reasons,
  state,
}: FoundProcess): string {
  const who = `${pid} on ${host} since ${shortTime(startedAt)}`
  if (state === 'ended') return `${who}: ended without a shutdown, last seen ${shortTime(updatedAt)}, ${status} then`
  const where = log === undefined ? 'no log' : `log ${log}`
  const why = reasons.map(({ code, message }) => `${code}: ${message}`).join('; ')
  const seen = state === 'unknown' ? ` (of another host or container, last seen ${shortTime(updatedAt)})` : ''
  const how = durability === undefined || durability === 'journal' ? '' : `, durability ${durability}`
  return `${who}, ${where}${how}: ${status}${seen}${why === '' ? '' : `. ${why}`}`
}
