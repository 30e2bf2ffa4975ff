import type { AuditStore } from '../store/contract.js'
import type { ConformanceCase } from './conformance/case.js'
import { commitCases } from './conformance/commit-cases.js'
import { contentCases } from './conformance/content-cases.js'
import { cursorCases } from './conformance/cursor-cases.js'
import { entryCases } from './conformance/entry-cases.js'
import { lifecycleCases } from './conformance/lifecycle-cases.js'
import { postingCases } from './conformance/posting-cases.js'
import { removalCases } from './conformance/removal-cases.js'
import { runRowCases } from './conformance/run-row-cases.js'
import { timeCases } from './conformance/time-cases.js'
import { treeCases } from './conformance/tree-cases.js'

/** Options of `storeConformance`. */
export interface StoreConformanceOptions {
  /** Registers a test that passes when `run` resolves: `test` of node:test, `it` of Vitest … */
  readonly test: (name: string, run: () => Promise<void>) => unknown
  /** Makes an empty store that is not open yet. */
  readonly create: () => AuditStore | Promise<AuditStore>
  /** Makes a store over what another, now closed, has kept. Left out by an engine that keeps nothing. */
  readonly reopen?: (closed: AuditStore) => AuditStore | Promise<AuditStore>
  /**
   * Removes entries from what a closed store has kept: all that is left of them is the position of the entry that records it,
   * and the ids of callers. Left out by an engine that has no removed entries. Needs `reopen`.
   */
  readonly removeEntries?: (closed: AuditStore, seqs: readonly number[], removedUnder: number) => Promise<void>
  /** Removes what a closed store has kept. */
  readonly remove?: (closed: AuditStore) => void | Promise<void>
}

/**
 * Tests an engine against the store contract.
 *
 * ```ts
 * storeConformance({ test, create: () => memoryStore() })
 * ```
 */
export function storeConformance(options: StoreConformanceOptions): void {
  const cases = [
    ...commitCases,
    ...entryCases,
    ...contentCases,
    ...postingCases,
    ...cursorCases,
    ...timeCases,
    ...treeCases,
    ...removalCases,
    ...runRowCases,
    ...lifecycleCases,
  ]
  for (const each of cases) options.test(each.name, () => runCase(each, options))
}

async function runCase(
  each: ConformanceCase,
  { create, reopen, removeEntries, remove }: StoreConformanceOptions,
): Promise<void> {
  let store = await create()
  const openAgain = async (between?: (closed: AuditStore) => Promise<void>) => {
    await store.close()
    await between?.(store)
    store = (await reopen?.(store)) ?? store
    await store.open()
    return store
  }
  await store.open()
  try {
    await each.run({
      store,
      reopen: reopen && (() => openAgain()),
      removeEntries: removeEntries && ((seqs, under) => openAgain((closed) => removeEntries(closed, seqs, under))),
    })
  } finally {
    await store.close()
    await remove?.(store)
  }
}
