import { readFileSync, readlinkSync } from 'node:fs'
import { hostname } from 'node:os'
import { maskedChecksum } from './crc32c.js'

/*
 * Tells a process from all others, also from one that gets its number later, so that what it left can be told from what
 * it still uses:
 *
 *   boot id         the running of the machine; empty where the system has none
 *   PID namespace   the container whose numbers count; where the system has none, a number for the host's name
 *   PID, and the time at which the process started, in ticks since the machine did; 0 where that is not known
 */
export interface ProcessIdentity {
  /** Hexadecimal digits, or empty. */
  readonly bootId: string
  /** Decimal digits. */
  readonly namespace: string
  readonly pid: number
  readonly startTicks: number
}

/** @returns the identity of this process; `undefined` on Linux where it cannot be told apart */
export function ownIdentity(): ProcessIdentity | undefined {
  const { pid } = process
  if (process.platform !== 'linux') {
    return { bootId: '', namespace: String(maskedChecksum(Buffer.from(hostname()))), pid, startTicks: 0 }
  }
  try {
    const bootId = readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').replace(/[^\da-f]/g, '')
    const [namespace = ''] = /\d+/.exec(readlinkSync('/proc/self/ns/pid')) ?? []
    const own = processAt('self')
    // A /proc of another namespace has other numbers.
    if (bootId === '' || namespace === '' || own?.pid !== pid) return undefined
    return { bootId, namespace, pid, startTicks: own.startTicks }
  } catch {
    return undefined
  }
}

const TEXT = /^([\da-f]{0,64})_(\d{0,20})_(\d{1,10})_(\d{1,15})$/

/** Returns an identity as a text for names of files: no point, no separator of paths. */
export function identityText({ bootId, namespace, pid, startTicks }: ProcessIdentity): string {
  return `${bootId}_${namespace}_${pid}_${startTicks}`
}

/** Returns the identity that {@link identityText} wrote; `undefined` for any other text. */
export function parseIdentity(text: string): ProcessIdentity | undefined {
  // Attacker-controlled: part of a name of a file; each field has a bounded number of characters.
  const [, bootId, namespace, pid, startTicks] = TEXT.exec(text) ?? []
  if (bootId === undefined || namespace === undefined) return undefined
  return { bootId, namespace, pid: Number(pid), startTicks: Number(startTicks) }
}

/**
 * Tells whether a process has certainly ended. The answer for a process in another PID namespace of the same boot is
 * always `false`. On a system without a boot id only the process number counts.
 *
 * @param own - of the process that asks
 */
export function hasEnded({ bootId, namespace, pid, startTicks }: ProcessIdentity, own: ProcessIdentity): boolean {
  if (bootId !== own.bootId) return bootId !== '' && own.bootId !== ''
  if (namespace !== own.namespace) return false
  if (!isRunning(pid)) return true
  if (bootId === '') return false
  const found = processAt(String(pid))
  return found !== undefined && (found.startTicks !== startTicks || found.isZombie)
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // EPERM: it runs, for another user.
    return (error as NodeJS.ErrnoException).code !== 'ESRCH'
  }
}

/** Reads the entry of a process in /proc. */
function processAt(name: string): { pid: number; startTicks: number; isZombie: boolean } | undefined {
  try {
    // 4711 (name, which may hold anything) S 1 …: the start is field 22.
    const text = readFileSync(`/proc/${name}/stat`, 'latin1')
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
    return { pid: Number.parseInt(text, 10), startTicks: Number(fields[19]), isZombie: /^[ZX]/.test(fields[0] ?? '') }
  } catch {
    return undefined
  }
}
