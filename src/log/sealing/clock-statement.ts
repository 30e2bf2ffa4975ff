import { existsSync } from 'node:fs'
import type { AuditEventInput } from '../../events/types.js'
import type { SealedEntry } from '../../store/contract.js'
import { OWN_SOURCE } from '../own-source.js'
import type { ClockStep } from './clock.js'
import type { Sealer } from './seal.js'

/** systemd-timesyncd keeps its state here, and makes the file once it has set the clock. */
const TIMESYNC_DIRECTORY = '/run/systemd/timesync'

/** Builds the log's statement that its clock was set. */
export function clockStepped({ from, to }: ClockStep): AuditEventInput<'clock_stepped'> {
  const synchronized = isClockSynchronized()
  return {
    type: 'clock_stepped',
    source: OWN_SOURCE,
    data: { from, to, ...(synchronized !== undefined && { synchronized }) },
  }
}

/** Seals a statement of the log's; behind one that the clock was set, where it was set since the last entry. */
export function sealStatements(sealer: Sealer, statement: AuditEventInput): readonly SealedEntry[] {
  const { entry } = sealer.sealStatement(statement)
  const step = sealer.takeStep()
  return step ? [sealer.sealStatement(clockStepped(step)).entry, entry] : [entry]
}

/**
 * Returns whether the system says that its clock follows a time server. `undefined` where it does not say: Node.js cannot
 * ask the kernel, and of the usual programs only systemd-timesyncd leaves a note of it.
 *
 * @param directory - for tests
 */
export function isClockSynchronized(directory: string = TIMESYNC_DIRECTORY): boolean | undefined {
  if (!existsSync(directory)) return undefined
  return existsSync(`${directory}/synchronized`)
}
