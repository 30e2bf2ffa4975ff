import type { SchemaElement } from 'hyparquet-writer'
import { AuditLogError } from '../events/errors.js'
import { isError } from '../events/is-error.js'
import type { StoredEvent } from '../events/types.js'
import type { ContentChoice } from '../reader/content/choice.js'
import type { InLedger } from '../reader/log-entry.js'
import { COLUMN_NAMES, COLUMNS, CONTENT_COLUMN, contentJson } from './columns.js'
import { epochMicros } from './event-times.js'

/** Events of a row group at most. */
const MAX_ROWS = 20_000
/** Characters of `data` of a row group, about: what is held in memory is a few times that. */
const MAX_DATA_LENGTH = 8 * 1024 * 1024

type Hyparquet = typeof import('hyparquet-writer')
type Cell = string | number | bigint | undefined
type Row = StoredEvent & InLedger

/** The columns of the CSV, and the number of the log, which has one of its own: so every file has the same columns. */
const PARQUET_COLUMNS = ['seq', 'log', ...COLUMN_NAMES.filter((name) => name !== 'seq')] as const
type ParquetColumn = (typeof PARQUET_COLUMNS)[number] | typeof CONTENT_COLUMN

/** Columns of a file whose events are read with their content, which has one. */
function columnsFor(content: ContentChoice): readonly ParquetColumn[] {
  return content === 'none' ? PARQUET_COLUMNS : [...PARQUET_COLUMNS, CONTENT_COLUMN]
}

/**
 * Writes events as a Parquet file: the columns of the CSV, with `seq` and `log` as numbers, times as UTC timestamps to the
 * microsecond and `data` as a text of JSON, which every reader takes; compressed with Snappy.
 *
 * @throws AuditLogError `AUDIT_PACKAGE_MISSING` where `hyparquet-writer` is not installed
 */
export async function* parquet(events: AsyncIterable<Row>, content: ContentChoice): AsyncGenerator<Uint8Array> {
  const file = await ParquetFile.begin(content)
  for await (const event of events) if (file.add(event)) yield await file.writeRows()
  yield await file.end()
}

/**
 * A Parquet file that is being written. Row groups are written as they fill, so that memory grows with the events by what the
 * end of the file says of each row group only.
 */
export class ParquetFile {
  readonly #writer: Hyparquet['ByteWriter']['prototype']
  readonly #file: Hyparquet['ParquetWriter']['prototype']
  readonly #group: RowGroup

  /** @throws AuditLogError `AUDIT_PACKAGE_MISSING` where `hyparquet-writer` is not installed */
  static async begin(content: ContentChoice): Promise<ParquetFile> {
    return new ParquetFile(await loadWriter(), columnsFor(content))
  }

  private constructor({ ByteWriter, ParquetWriter }: Hyparquet, columns: readonly ParquetColumn[]) {
    const schema: SchemaElement[] = [{ name: 'root', num_children: columns.length }, ...columns.map(schemaOf)]
    this.#group = new RowGroup(columns)
    this.#writer = new ByteWriter()
    this.#file = new ParquetWriter({ writer: this.#writer, schema, createdBy: 'spanledger' })
  }

  /** Adds a row. @returns whether rows are to be written before the next one */
  add(event: Row): boolean {
    this.#group.add(event)
    return this.#group.isFull
  }

  /** Writes the rows that were added since the last time. @returns the bytes that come next in the file */
  async writeRows(): Promise<Uint8Array> {
    await this.#file.write({ columnData: this.#group.take(), rowGroupSize: MAX_ROWS })
    return taken(this.#writer)
  }

  /** Writes the rest. @returns the last bytes of the file */
  async end(): Promise<Uint8Array> {
    const rows = this.#group.rows > 0 ? await this.writeRows() : new Uint8Array()
    await this.#file.finish()
    return Buffer.concat([rows, taken(this.#writer)])
  }
}

class RowGroup {
  rows = 0
  #dataLength = 0
  readonly #names: readonly ParquetColumn[]
  #columns: ReturnType<typeof emptyColumns>

  constructor(names: readonly ParquetColumn[]) {
    this.#names = names
    this.#columns = emptyColumns(names)
  }

  get isFull(): boolean {
    return this.rows >= MAX_ROWS || this.#dataLength >= MAX_DATA_LENGTH
  }

  add(event: Row): void {
    this.rows++
    for (const { name, data } of this.#columns) {
      const cell = cellOf(name, event)
      data.push(cell)
      if (name === 'data' && typeof cell === 'string') this.#dataLength += cell.length
    }
  }

  take(): ReturnType<typeof emptyColumns> {
    const columns = this.#columns
    this.#columns = emptyColumns(this.#names)
    this.rows = 0
    this.#dataLength = 0
    return columns
  }
}

function emptyColumns(names: readonly ParquetColumn[]) {
  return names.map((name) => ({ name, data: [] as Cell[] }))
}

function cellOf(name: ParquetColumn, event: Row): Cell {
  switch (name) {
    case 'seq':
      return BigInt(event.seq)
    case 'log':
      return event.log
    case 'time':
    case 'recordedAt':
      return epochMicros(event[name])
    case CONTENT_COLUMN:
      return contentJson(event)
    default:
      return COLUMNS[name](event)
  }
}

function schemaOf(name: ParquetColumn): SchemaElement {
  switch (name) {
    case 'seq':
      return { name, type: 'INT64', repetition_type: 'REQUIRED' }
    case 'log':
      return { name, type: 'INT32', repetition_type: 'OPTIONAL' }
    case 'time':
    case 'recordedAt': {
      const timestamp = { type: 'TIMESTAMP', isAdjustedToUTC: true, unit: 'MICROS' } as const
      return { name, type: 'INT64', repetition_type: 'REQUIRED', logical_type: timestamp }
    }
    default:
      return { name, type: 'BYTE_ARRAY', repetition_type: 'OPTIONAL', converted_type: 'UTF8' }
  }
}

/** Returns the bytes that were written since the last call; the offsets in the file go on. */
function taken(writer: { index: number; getBytes(): Uint8Array }): Uint8Array {
  const bytes = writer.getBytes().slice()
  writer.index = 0
  return bytes
}

async function loadWriter(): Promise<Hyparquet> {
  try {
    return await import('hyparquet-writer')
  } catch (cause) {
    if (!(isError(cause) && 'code' in cause && cause.code === 'ERR_MODULE_NOT_FOUND')) throw cause
    const message =
      'Parquet is written by the package hyparquet-writer, which is not installed: npm install hyparquet-writer'
    throw new AuditLogError('AUDIT_PACKAGE_MISSING', message, { cause })
  }
}
