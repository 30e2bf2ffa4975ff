import { afterAll, beforeAll } from 'vitest'
import { verdict, writeLog } from './tampered-log.js'

/** A log that grew in three steps, for the tests of one file. */
export let log: Awaited<ReturnType<typeof writeLog>>
/** Number of its entries. */
export let size: number

/** Writes the log before the tests of a file, and removes it behind them. */
export function useGrownLog(): void {
  beforeAll(async () => {
    log = await writeLog([100, 290, 650])
    size = (await verdict(log.directory, '-k', log.vkey)).report.size
  })
  afterAll(() => log.remove())
}
