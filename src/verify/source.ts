import type { Finding } from './findings.js'

/** A checkpoint that is kept with a log. */
export interface KeptCheckpoint {
  /** Where, in words. */
  readonly source: string
  /** A signed note; it has not been looked at. */
  readonly note: string
}

/** An event by which a log says something of itself. */
export interface LogStatement {
  readonly seq: number
  readonly type: string
  readonly data: unknown
  /** Origin of the log that says it: another log's, where the entry was carried over from there. */
  readonly statementOf: string
}

/** Returns the statement that an event is, if it is one: only a log marks what it says of itself. */
export function statementIn(
  seq: number,
  event: { readonly [Field in Exclude<keyof LogStatement, 'seq'>]?: unknown } | undefined,
): LogStatement | undefined {
  const { type, data, statementOf } = event ?? {}
  if (typeof statementOf !== 'string' || typeof type !== 'string' || !STATEMENT_TYPES.has(type)) return undefined
  return { seq, type, data, statementOf }
}

/** The types of such events. */
export const STATEMENT_TYPES: ReadonlySet<string> = new Set([
  'events_dropped',
  'signing_key_changed',
  'audit_log_diverged',
])

/** How far the verifying has come. */
export interface VerifyProgress {
  /** Entries hashed. */
  readonly entries: number
  /** Of so many; what follows them takes less time. */
  readonly size: number
}

export interface InspectionRequest {
  /** Sizes at which the root is wanted, ascending. */
  readonly sizes: readonly number[]
  readonly threads: number | undefined
  readonly onProgress: (progress: VerifyProgress) => void
  readonly signal: AbortSignal | undefined
}

/** What the content of a log is. */
export interface Inspection {
  /** Number of entries that are there. */
  readonly size: number
  /** Root at a size, from the bytes of the entries; `undefined` past the end, and where an entry before it is missing. */
  rootAt(size: number): Uint8Array | undefined
  /** In the order of their positions. */
  readonly statements: readonly LogStatement[]
  readonly findings: readonly Finding[]
}

/** A log, or a copy of one, to be verified: looked at, and never changed. */
export interface LogSource {
  /** What messages call it. */
  readonly location: string
  readonly checkpoints: readonly KeptCheckpoint[]
  /** Name of the log where nobody has named it; `undefined` where that is not known. */
  readonly defaultOrigin: string | undefined
  /** The key that lies beside the log: whoever can alter the log can replace it. */
  readonly vkey: string | undefined
  /** How many entries there were at least, by what is kept beside the log and not signed. */
  readonly statedSize: number | undefined
  /** A checkpoint that should lie beside the log, and does not. */
  readonly missingCheckpoint: string | undefined
  /** Goes through all of it. */
  inspect(request: InspectionRequest): Promise<Inspection>
  close(): Promise<void>
}
