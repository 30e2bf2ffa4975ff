import './allocations.js'

/** A parser and its oracle, as the fuzzer calls them. */
export interface Target {
  /** Returns where the parser behaves, whatever the bytes are. Anything thrown is a finding. */
  fuzz(bytes: Buffer): void | Promise<void>
  /** Inputs to begin with, made by the code that writes what the parser reads. */
  seeds(): Iterable<Uint8Array> | Promise<Iterable<Uint8Array>>
}

const SEPARATOR = '\n--8<--\n'

/** Several files in one input. */
export function joinParts(parts: readonly (Uint8Array | string)[]): Buffer {
  return Buffer.from(parts.map((part) => Buffer.from(part).toString('latin1')).join(SEPARATOR), 'latin1')
}

export function splitParts(bytes: Buffer): readonly Buffer[] {
  return bytes
    .toString('latin1')
    .split(SEPARATOR)
    .map((part) => Buffer.from(part, 'latin1'))
}

/** Parses JSON text; returns `undefined` when the text is not JSON. */
export function jsonOf(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString())
  } catch {
    return undefined
  }
}

export function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value))
}
