import { lstat, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { inspectKeys } from '../content/keys/inspect.js'
import { fileProvider, keysDirectory } from '../content/keys/options.js'
import { fieldsOf, textIn } from '../events/recorded-fields.js'
import { isThere } from '../files/is-there.js'
import { ledgerOf } from '../ledger/log-directories.js'
import type { AuditLogReader } from '../reader/contract.js'

/** The content of a log, as far as it shows without reading it. Plain JSON. */
export interface ContentCondition {
  /** Bytes of its files. */
  readonly bytes: number
  /** `open`: the keys can be used here. `unavailable`: they are not there, or their own key is missing or another one. */
  readonly keys: 'open' | 'unavailable'
  /** Names of damaged content that was kept as evidence. */
  readonly damaged: readonly string[]
}

/** The policy of a log, by its own account. */
export interface PolicyCondition {
  /** That in force: left out where none but the built-in one has been. */
  readonly policy?: { readonly name: string; readonly version?: string; readonly digest: string }
  /** Events that rules of policies left out, as far as they were counted. */
  readonly leftOutEvents: number
}

/** Statements whose counts are added up: one comes an hour at most. */
const MAX_STATEMENTS = 10_000

/** Looks at the content of a log in a directory; `undefined` where there is none, and no key for any. */
export async function contentCondition(directory: string): Promise<ContentCondition | undefined> {
  const ledger = ledgerOf(directory)
  const names = await readdir(directory).catch((): string[] => [])
  const damaged = names.filter((name) => /^content\.damaged-\d+$/.test(name)).sort()
  const keys = keysDirectory(ledger)
  const hasKeys = await isThere(keys).catch(() => false)
  if (!names.includes('content') && damaged.length === 0 && !hasKeys) return undefined
  const { ledgerKey } = await inspectKeys(keys, fileProvider(keys, undefined))
  const state = ledgerKey === 'open' ? 'open' : 'unavailable'
  return { bytes: await bytesIn(join(directory, 'content')), keys: state, damaged }
}

/** @param names - of the log: what another log says of itself does not count */
export async function policyCondition(
  log: AuditLogReader,
  names: ReadonlySet<string | undefined>,
): Promise<PolicyCondition> {
  let leftOutEvents = 0
  const statements = log.events({ type: 'events_left_out', order: 'desc', limit: MAX_STATEMENTS })
  for await (const { statementOf, data } of statements) {
    if (!names.has(statementOf)) continue
    for (const each of Array.isArray(data.rules) ? data.rules : []) {
      const { count } = fieldsOf(each)
      if (Number.isSafeInteger(count)) leftOutEvents += count as number
    }
  }
  for await (const { statementOf, data } of log.events({ type: 'audit_policy_applied', order: 'desc' })) {
    if (!names.has(statementOf)) continue
    const [name, version, digest] = ['policy', 'version', 'digest'].map((field) => textIn(fieldsOf(data), field))
    if (name === undefined || digest === undefined) break
    return { policy: { name, ...(version !== undefined && { version }), digest }, leftOutEvents }
  }
  return { leftOutEvents }
}

async function bytesIn(path: string): Promise<number> {
  const names = await readdir(path).catch((): string[] => [])
  const sizes = names.map((name) => lstat(join(path, name)).catch(() => undefined))
  return (await Promise.all(sizes)).reduce((sum, found) => sum + (found?.isFile() ? found.size : 0), 0)
}
