import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { createReader } from '../../reader/reader.js'
import { type Command, formatOf, noOperands } from '../command.js'
import { common, format } from '../options.js'
import { printOne } from '../output.js'
import { type OpenedStore, withStore } from '../store.js'
import { bytes, printable, shortTime } from '../text.js'

export const doctor: Command = {
  summary: 'how a log is: format, size, whether it is being written, disk use',
  options: { ...format, ...common },
  examples: [['spanledger doctor --log /var/lib/app/audit', 'look at a log without touching it']],
  async run(args, io) {
    noOperands(args)
    await withStore(args, io, async (opened) => {
      const found = await examine(opened)
      await printOne(io, formatOf(args), found, () => described(found))
    })
  },
}

function described(found: Findings): string {
  const lines = [
    found.directory === undefined ? ['store', found.store] : ['directory', found.directory],
    ...(found.formatVersion === undefined ? [] : [['format', `version ${found.formatVersion}`]]),
    ['events', String(found.events)],
    ['first', found.firstEventAt === undefined ? '–' : shortTime(found.firstEventAt)],
    ['last', found.lastEventAt === undefined ? '–' : shortTime(found.lastEventAt)],
    ...(found.writer === undefined ? [] : [['writer', WRITER[found.writer]]]),
    ...(found.diskBytes === undefined ? [] : [['disk', `${bytes(found.diskBytes)} in ${found.files} files`]]),
  ]
  return lines.map(([name = '', value]) => `${name.padEnd(10)} ${printable(value)}`).join('\n')
}

type WriterFound = 'open' | 'none' | 'unknown'

const WRITER: Readonly<Record<WriterFound, string>> = {
  open: 'a process has the log open',
  none: 'none',
  unknown: 'cannot be told on this system',
}

interface Findings {
  /** Of a log in a directory, as `formatVersion`, `writer`, `diskBytes` and `files`. */
  readonly directory?: string
  /** Address of a log elsewhere, without credentials. */
  readonly store?: string
  readonly formatVersion?: string
  readonly events: number
  /** `time` of the first event. */
  readonly firstEventAt: string | undefined
  readonly lastEventAt: string | undefined
  readonly writer?: WriterFound
  readonly diskBytes?: number
  readonly files?: number
}

/** That it could be opened says that its parts fit together. */
async function examine({ store, directory }: OpenedStore): Promise<Findings> {
  const log = createReader(store, { barrier: async () => {}, eventTypes: [] })
  const [first, last] = await Promise.all([
    log.events({ limit: 1 }).toArray(),
    log.events({ limit: 1, order: 'desc' }).toArray(),
  ])
  return {
    ...(directory === undefined ? { store: store.location } : { directory, formatVersion: store.formatVersion }),
    events: store.size,
    firstEventAt: first[0]?.time,
    lastEventAt: last[0]?.time,
    ...(directory !== undefined && { writer: await findWriter(directory), ...(await diskUse(directory)) }),
  }
}

async function diskUse(directory: string): Promise<{ readonly diskBytes: number; readonly files: number }> {
  let diskBytes = 0
  let files = 0
  for (const name of await readdir(directory, { recursive: true })) {
    // A writer may have deleted it meanwhile.
    const found = await stat(join(directory, name)).catch(() => undefined)
    if (!found?.isFile()) continue
    diskBytes += found.size
    files++
  }
  return { diskBytes, files }
}

/** Whether a process holds LevelDB's lock, as Linux lists it: to try the lock would take it. */
async function findWriter(directory: string): Promise<WriterFound> {
  try {
    const [locks, { ino }] = await Promise.all([
      readFile('/proc/locks', 'utf8'),
      stat(join(directory, 'db', 'LOCK'), { bigint: true }),
    ])
    // 1: POSIX  ADVISORY  WRITE 4711 08:01:1835 0 EOF
    return locks.split('\n').some((line) => line.split(/\s+/)[5]?.endsWith(`:${ino}`)) ? 'open' : 'none'
  } catch {
    return 'unknown'
  }
}
