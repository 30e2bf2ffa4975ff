import type { WriterFound } from './find-writer.js'
import { type Io, write } from './output.js'
import { countPending, type PendingPart, stagedIn } from './pending.js'
import { printable } from './text.js'

/** Reports on standard error how many events are not committed yet, if there are any. @param isShown - this command shows them */
export async function reportPending(io: Io, parts: readonly PendingPart[], isShown: boolean): Promise<void> {
  const counted = parts.flatMap((part) => {
    const { count, problem } = countPending(part)
    return count > 0 || problem !== undefined ? [{ ...part, count, problem }] : []
  })
  const count = counted.reduce((sum, part) => sum + part.count, 0)
  if (count > 0) {
    const writers = counted.filter((part) => part.count > 0).map(({ writer }) => writer)
    const hint = isShown ? '' : '; --pending of query, tail and show shows them'
    const are = count === 1 ? '1 event is not committed yet: it is' : `${count} events are not committed yet: they are`
    await write(io.err, `${are} in ${whose(writers)}${hint}\n`)
  }
  for (const { problem } of counted) {
    if (problem !== undefined) await write(io.err, `The journal of a process cannot be read: ${printable(problem)}\n`)
  }
}

/** Reports on standard error what processes have staged in a directory in which no log can be read. */
export async function reportStaged(io: Io, location: string): Promise<void> {
  await reportPending(io, stagedIn(location), false)
}

function whose(writers: readonly WriterFound[]): string {
  const died = writers.filter((writer) => writer === 'none').length
  const [first, ...others] = writers
  if (others.length > 0) {
    const journals = `the journals of ${writers.length} processes`
    if (died === 0) return journals
    const ended = 'ended without closing their logs; the next opening takes these over'
    return died === writers.length ? `${journals} that ${ended}` : `${journals}, of which ${died} ${ended}`
  }
  return `the journal of a process that ${WRITER[first ?? 'unknown']}`
}

const WRITER: Readonly<Record<WriterFound, string>> = {
  open: 'has the log open and commits them',
  none: 'ended without closing the log; the next opening takes them over',
  unknown: 'has the log open, or ended without closing it; the next opening takes them over',
}
