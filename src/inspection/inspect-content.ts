import { lstat } from 'node:fs/promises'
import { join } from 'node:path'
import type { ContentKeys } from '../content/contract.js'
import { openError } from '../store/leveldb/errors.js'
import type { Database } from '../store/leveldb/load-level.js'
import type { Findings } from '../verify/findings.js'
import type { ContentTally } from '../verify/report.js'
import type { Inspection } from '../verify/source.js'
import { ContentComparison } from './compare-content.js'
import type { FrozenLog } from './frozen-log.js'

/**
 * Runs an inspection that compares the content of a log as well, where there is any to compare.
 *
 * @param keys - of the content; without them items are looked at from outside
 */
export async function inspectWithContent(
  log: FrozenLog,
  findings: Findings,
  keys: ContentKeys | undefined,
  inspect: (content: ContentComparison | undefined) => Promise<Inspection>,
): Promise<Inspection> {
  const { state, problem } = log.content
  if (state === 'unseen' || (state === 'absent' && !(await isOriginal(log.location)))) {
    const inspection = await inspect(undefined)
    const isDenied = problem !== undefined && !inspection.remarks.includes(problem)
    return isDenied ? { ...inspection, remarks: [...inspection.remarks, problem] } : inspection
  }
  await keys?.ready()
  let db: Database | undefined
  let damage = problem
  try {
    db = await log.openContent()
  } catch (error) {
    const failure = openError(error, log.location)
    if (failure.code !== 'AUDIT_LOG_CORRUPT') throw failure
    damage = failure.message
  }
  try {
    if (damage !== undefined) findings.add('content_damaged', `it cannot be read (${damage})`)
    const comparison = new ContentComparison({ db, damage, keys, findings, location: log.location })
    const inspection = await inspect(comparison)
    return { ...inspection, remarks: [...inspection.remarks, ...remarksOn(inspection.content)] }
  } finally {
    await db?.close()
  }
}

/** A log that was forwarded is a copy of entries alone: whoever records has a journal or keys. */
async function isOriginal(location: string): Promise<boolean> {
  const found = ['journal', 'keys', 'state'].map((name) => lstat(join(location, name)).catch(() => undefined))
  return (await Promise.all(found)).some((each) => each !== undefined)
}

function remarksOn(content: ContentTally | undefined): readonly string[] {
  const remarks: string[] = []
  const { unchecked = 0, erased = 0 } = content ?? {}
  if (unchecked > 0)
    remarks.push(`${counted(unchecked)} there, and not compared with the digests: there is no key here`)
  if (erased > 0) remarks.push(`${counted(erased)} not readable any more: the keys are gone`)
  return remarks
}

function counted(count: number): string {
  return count === 1 ? 'one content item is' : `${count} content items are`
}
