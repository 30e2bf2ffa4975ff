import { readFileSync } from 'node:fs'
import { isTransient } from '../../store/transient.js'

/** Characters of a boot id. */
export const BOOT_ID_LENGTH = 36

/** Tells this running of the machine from others; empty where the system does not say. */
export function currentBootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim().slice(0, BOOT_ID_LENGTH)
  } catch (problem) {
    if (isTransient(problem)) throw problem
    return ''
  }
}
