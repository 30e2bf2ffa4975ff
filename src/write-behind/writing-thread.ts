import { fstatSync, writeSync } from 'node:fs'
import { parentPort, workerData } from 'node:worker_threads'
import { distance, NO_FILE, ringOf, STATE, WORD, type WritingThreadData, type WritingThreadMessage } from './ring.js'

const { shared, probe } = workerData as WritingThreadData
const { words, memory } = ringOf(shared)

if (!hasDescriptors()) post('apart')
else {
  post('ready')
  work()
}

/** In some runtimes each thread has descriptors of its own, and the same number is another file. */
function hasDescriptors(): boolean {
  try {
    const { dev, ino } = fstatSync(probe.descriptor, { bigint: true })
    return dev === probe.dev && ino === probe.ino
  } catch {
    return false
  }
}

/** Writes what is put into the ring until the ring is given up. */
function work(): void {
  let file = NO_FILE
  /** The count at which the file would have begun. */
  let base = 0
  for (;;) {
    const wake = Atomics.load(words, WORD.wake)
    const state = Atomics.load(words, WORD.state)
    if (state === STATE.over) return
    const written = Atomics.load(words, WORD.written)
    // In this order: a count beyond the end of a file is put after the next file was named.
    const put = Atomics.load(words, WORD.put)
    const next = Atomics.load(words, WORD.nextFile)
    const nextAt = Atomics.load(words, WORD.nextAt)
    if (state === STATE.writing && next !== NO_FILE && distance(nextAt, written) >= 0) {
      file = next
      base = nextAt - Atomics.load(words, WORD.nextOffset)
      Atomics.store(words, WORD.nextFile, NO_FILE)
      countProgress()
    } else if (state === STATE.writing && written !== put) write(file, base, written, next === NO_FILE ? put : nextAt)
    else sleep(wake)
  }
}

/** Writes as much as lies in one piece. */
function write(file: number, base: number, from: number, to: number): void {
  const at = (from >>> 0) % memory.length
  const length = Math.min(distance(from, to), memory.length - at)
  try {
    const count = writeSync(file, memory, at, length, distance(base, from))
    Atomics.store(words, WORD.written, from + count)
  } catch {
    // The recording thread tries itself, and finds out why.
    Atomics.compareExchange(words, WORD.state, STATE.writing, STATE.failed)
    post('look')
  }
  countProgress()
  if (Atomics.load(words, WORD.notify) === 0) return
  if (distance(Atomics.load(words, WORD.notifyAt), Atomics.load(words, WORD.written)) < 0) return
  Atomics.store(words, WORD.notify, 0)
  post('look')
}

function countProgress(): void {
  Atomics.add(words, WORD.progress, 1)
  Atomics.notify(words, WORD.progress)
}

function sleep(wake: number): void {
  Atomics.store(words, WORD.idle, 1)
  Atomics.wait(words, WORD.wake, wake)
  Atomics.store(words, WORD.idle, 0)
}

function post(message: WritingThreadMessage): void {
  parentPort?.postMessage(message)
}
