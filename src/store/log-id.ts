import { createHash, randomBytes } from 'node:crypto'

/** Makes the id of a new log: 16 hexadecimal digits. */
export function newLogId(): string {
  return randomBytes(8).toString('hex')
}

/** Returns an id as it is stored: with a checksum, since nothing else would tell that a bit of it flipped. */
export function encodeLogId(id: string): Buffer {
  return Buffer.from(`${id} ${checksum(id)}`, 'latin1')
}

/** Returns the id that was stored; `undefined` when the value is no id or is damaged. */
export function decodeLogId(value: Uint8Array): string | undefined {
  // Attacker-controlled: a stored value; its form is fixed and carries a checksum.
  const [, id, sum] = /^([\da-f]{16}) ([\da-f]{16})$/.exec(Buffer.from(value).toString('latin1')) ?? []
  return id !== undefined && sum === checksum(id) ? id : undefined
}

function checksum(id: string): string {
  return createHash('sha256').update(id).digest('hex').slice(0, 16)
}

/** Returns the origin of a log that nobody has named: C2SP tlog-checkpoint asks for a name that no other log has. */
export function defaultOrigin(logId: string): string {
  return `spanledger.local/${logId}`
}
