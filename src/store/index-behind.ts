import type { AuditStore } from './contract.js'

/** Tells whether the indexes of a store lack entries, or cannot be written: what needs them waits, or fails. */
export function isIndexBehind({ indexState }: Pick<AuditStore, 'indexState'>): boolean {
  return indexState !== undefined && indexState !== 'ok'
}
