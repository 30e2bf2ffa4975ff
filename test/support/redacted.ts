import type { RedactionResult } from '../../src/governance/redaction/contract.js'
import { createRedaction } from '../../src/governance/redaction/redaction.js'
import { OwnRedactors } from '../../src/governance/redaction/redactors.js'

// Examples are put together at run time: nothing here looks like a live secret.

export const CARD: readonly string[] = ['4111', '1111', '1111', '1111']
export const IBAN: readonly string[] = ['GB29', 'NWBK', '6016', '1331', '9268', '19']
export const PASS: string = ['hunter2', 'x9'].join('-')
export const LOGIN: string = Buffer.from(`ann:${PASS}`).toString('base64')

/** What follows the mark of a key. */
export function body(length: number): string {
  return 'a1B2c3D4e5F6g7H8'.repeat(20).slice(0, length)
}

export function hex(length: number): string {
  return '0a1b2c3d4e5f6789'.repeat(20).slice(0, length)
}

/** The boundary of a PEM block. */
export function boundary(which: 'BEGIN' | 'END', kind: string): string {
  return `-----${which} ${kind} KEY-----`
}

const about = { field: 'data.error.message', class: 'diagnostic', type: 'run_failed', tenantId: 't' } as const

/** Redacts a value by the detectors that are on, or switched on, and the redactors of an application. */
export function redact(
  value: unknown,
  switches: Readonly<Record<string, boolean>> = {},
  own: OwnRedactors = new OwnRedactors(),
): RedactionResult {
  return createRedaction(own, switches).redact({ ...about, value })
}
