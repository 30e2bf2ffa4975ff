import type { Worker } from 'node:worker_threads'
import { atProcessEnd } from '../timers/process-end.js'
import { monotonicMillis, soon } from '../timers/real-timers.js'
import { FileSequence } from './file-sequence.js'
import { distance, HEADER_BYTES, NO_FILE, ringOf, STATE, WORD } from './ring.js'
import type { JournalWindowCounters } from './window-counters.js'
import { type Stretch, writeFully } from './write-fully.js'
import { startWritingThread, writingThreadFile } from './writing-threads.js'

/** A thread that has done nothing for so long, while somebody waits for it, is given up. */
const STUCK_MILLIS = 10_000
const NOTHING: Stretch = { buffer: new Uint8Array(), start: 0, length: 0 }

export interface WriteBehindOptions {
  /** The most bytes that may wait for the thread, but for a single stretch that is longer. At most 2^30. */
  readonly windowBytes: number
  /** Bytes of the longest stretch. @defaultValue those of the window */
  readonly maxStretchBytes?: number | undefined
  /** An open file, by which the thread tells whether it has the descriptors of this one. */
  readonly descriptor: number
  /** Called once, when the thread has ended or is stuck: from then on the caller writes. Must not throw. */
  readonly onEnded: (cause: Error) => void
  /** File that the thread runs. @defaultValue that of this package, where it is there */
  readonly file?: URL | undefined
  readonly stuckMillis?: number
}

/**
 * Writes bytes to one file after the other on a thread of its own. The caller only copies them into a ring, and waits when it is
 * full. Where the thread fails to write, ends or is stuck, the caller writes the same bytes to the same places itself.
 */
export class WriteBehind {
  readonly #options: WriteBehindOptions
  readonly #worker: Worker
  readonly #words: Int32Array
  readonly #memory: Uint8Array
  readonly #forget: () => void
  readonly #files = new FileSequence()
  /** Bytes taken so far. */
  #put = 0
  /** Bytes written so far, once the thread writes no more. */
  #written = 0
  #isOver = false
  #most = 0
  #waits = 0
  #waitMillis = 0
  #waiting: (() => void)[] = []

  /** @throws Error when there is no thread that can write */
  static async start(options: WriteBehindOptions): Promise<WriteBehind> {
    const { windowBytes, maxStretchBytes = 0, descriptor, file = writingThreadFile() } = options
    const ringBytes = 2 ** Math.ceil(Math.log2(Math.max(windowBytes, maxStretchBytes)))
    const shared = new SharedArrayBuffer(HEADER_BYTES + ringBytes)
    const { words } = ringOf(shared)
    words[WORD.nextFile] = NO_FILE
    return new WriteBehind(options, shared, await startWritingThread(file, shared, descriptor))
  }

  private constructor(options: WriteBehindOptions, shared: SharedArrayBuffer, worker: Worker) {
    this.#options = options
    this.#worker = worker
    const { words, memory } = ringOf(shared)
    this.#words = words
    this.#memory = memory
    worker.on('message', () => this.#look())
    worker.on('error', (cause) => this.#onEnded(cause))
    worker.on('exit', (code) => this.#onEnded(new Error(`it ended with ${code}`)))
    worker.unref()
    this.#forget = atProcessEnd('exit', () => this.#takeOver())
  }

  /** The thread writes no more. */
  get isOver(): boolean {
    return this.#isOver
  }

  /** Bytes taken so far, in their order. */
  get put(): number {
    return this.#put
  }

  /** Bytes of these that are written. */
  get written(): number {
    if (this.#isOver) return this.#written
    return this.#put - distance(Atomics.load(this.#words, WORD.written), this.#put | 0)
  }

  get counters(): JournalWindowCounters {
    return {
      windowBytes: this.#options.windowBytes,
      unwrittenBytes: this.#put - this.written,
      maxUnwrittenBytes: this.#most,
      waits: this.#waits,
      waitMillis: this.#waitMillis,
      writer: this.#isOver ? 'caller' : 'thread',
    }
  }

  /**
   * Has what is taken from here on written to another file. The one before is closed when it has all of its bytes.
   *
   * @param offset - position in that file
   * @param head - what comes first
   * @throws what the file system throws, of a write before or of the head; nothing has changed then
   */
  begin(descriptor: number, offset: number, head: Stretch = NOTHING): void {
    this.#waitUntil(() => Atomics.load(this.#words, WORD.nextFile) === NO_FILE && this.#hasRoomFor(head))
    this.settle()
    if (this.#isOver) writeFully(descriptor, head, offset)
    // The thread has gone on to the file that is the current one until now.
    this.#files.closeBefore()
    this.#files.add({ from: this.#put, descriptor, offset: this.#isOver ? offset + head.length : offset })
    if (this.#isOver) return
    Atomics.store(this.#words, WORD.nextAt, this.#put | 0)
    Atomics.store(this.#words, WORD.nextOffset, offset)
    Atomics.store(this.#words, WORD.nextFile, descriptor)
    this.#take(head)
  }

  /** Takes bytes, and waits for room where there is none. @throws what the file system throws; these bytes are not taken then */
  append(bytes: Stretch): void {
    this.#waitUntil(() => this.#hasRoomFor(bytes))
    this.settle()
    if (this.#isOver) this.#writeHere(bytes)
    else this.#take(bytes)
  }

  /** Resolves when the thread has written all that was taken before the call, or writes no more: see {@link settle}. */
  async drained(): Promise<void> {
    const target = this.#put
    while (this.written < target && !this.#hasFailed) await this.#progress(target)
  }

  /** Writes what the thread left, where it failed to or writes no more. @throws what the file system throws */
  settle(): void {
    if (this.#hasFailed) this.#writeRest()
  }

  /** Gives up what could not be written, and the files. */
  discard(): void {
    this.#written = this.#put
    this.#files.clear()
    if (this.#isOver) return
    Atomics.store(this.#words, WORD.nextFile, NO_FILE)
    this.#goOn()
  }

  /** Ends the thread, once it is drained. */
  async stop(): Promise<void> {
    await this.drained()
    if (!this.#isOver) {
      const ended = new Promise((resolve) => this.#worker.once('exit', resolve))
      this.#worker.ref()
      this.#giveUpThread()
      await ended
    }
    this.#files.closeBefore()
  }

  /** The thread could not write, or writes no more. */
  get #hasFailed(): boolean {
    return this.#isOver || Atomics.load(this.#words, WORD.state) !== STATE.writing
  }

  /** Waits while the thread works; where it does not, what is left is written here. */
  #waitUntil(isSo: () => boolean): void {
    if (this.#isOver || isSo()) return
    const startMillis = monotonicMillis()
    this.#waits++
    try {
      while (!(this.#isOver || isSo())) this.#waitForProgress(isSo)
    } finally {
      this.#waitMillis += monotonicMillis() - startMillis
    }
  }

  #waitForProgress(isSo: () => boolean): void {
    const { stuckMillis = STUCK_MILLIS } = this.#options
    const progress = Atomics.load(this.#words, WORD.progress)
    // No later progress shows what was done before that.
    if (isSo()) return
    if (this.#hasFailed) this.#writeRest()
    else if (Atomics.wait(this.#words, WORD.progress, progress, stuckMillis) === 'timed-out') {
      this.#onEnded(new Error(`it has done nothing for ${stuckMillis} ms`))
    }
  }

  #hasRoomFor({ length }: Stretch): boolean {
    const { written } = this
    // One that is longer than the window goes alone.
    return this.#put === written || this.#put + length - written <= this.#options.windowBytes
  }

  /** Copies bytes, for which there is room, into the ring. */
  #take({ buffer, start, length }: Stretch): void {
    const at = this.#put % this.#memory.length
    const first = Math.min(length, this.#memory.length - at)
    this.#memory.set(buffer.subarray(start, start + first), at)
    if (first < length) this.#memory.set(buffer.subarray(start + first, start + length), 0)
    this.#put += length
    this.#most = Math.max(this.#most, this.#put - this.written)
    Atomics.store(this.#words, WORD.put, this.#put | 0)
    this.#wake()
  }

  #writeHere(bytes: Stretch): void {
    const { from, descriptor, offset } = this.#files.current
    writeFully(descriptor, bytes, offset + this.#put - from)
    this.#put += bytes.length
    this.#written = this.#put
  }

  #wake(): void {
    Atomics.add(this.#words, WORD.wake, 1)
    if (Atomics.load(this.#words, WORD.idle) === 1) Atomics.notify(this.#words, WORD.wake)
  }

  /** Resolves when the thread has written up to a count, has failed or has ended; or earlier. Keeps the process alive. */
  async #progress(target: number): Promise<void> {
    Atomics.store(this.#words, WORD.notifyAt, target | 0)
    Atomics.store(this.#words, WORD.notify, 1)
    if (this.written >= target || this.#hasFailed) return
    await new Promise<void>((resolve) => {
      this.#waiting.push(resolve)
      this.#worker.ref()
    })
  }

  #look(): void {
    this.#worker.unref()
    for (const resolve of this.#waiting.splice(0)) resolve()
  }

  /** The thread has ended by itself, or is stuck. */
  #onEnded(cause: Error): void {
    if (this.#isOver) return
    this.#giveUpThread()
    try {
      this.#writeRest()
    } catch {
      // Whoever writes or waits next tries again, and gets the error.
    }
    this.#look()
    // Not at once: the listener may call the log, which is in the midst of a record here.
    soon(() => this.#options.onEnded(cause))
  }

  #giveUpThread(): void {
    this.#written = this.written
    this.#isOver = true
    Atomics.store(this.#words, WORD.state, STATE.over)
    this.#wake()
    this.#forget()
  }

  /** Writes what is left: nothing else in this process will. */
  #takeOver(): void {
    if (!this.#isOver) this.#giveUpThread()
    this.#writeRest()
  }

  /** Writes what the thread has not written, which may write the same bytes to the same places meanwhile. */
  #writeRest(): void {
    this.#written = this.written
    while (this.#written < this.#put) {
      const { part, end = this.#put } = this.#files.at(this.#written)
      const start = this.#written % this.#memory.length
      const length = Math.min(end - this.#written, this.#memory.length - start)
      writeFully(part.descriptor, { buffer: this.#memory, start, length }, part.offset + this.#written - part.from)
      this.#written += length
      if (!this.#isOver) Atomics.store(this.#words, WORD.written, this.#written | 0)
    }
    if (!this.#isOver) this.#goOn()
  }

  /** Lets the thread go on behind what was written here. */
  #goOn(): void {
    Atomics.store(this.#words, WORD.put, this.#put | 0)
    Atomics.store(this.#words, WORD.written, this.#written | 0)
    Atomics.store(this.#words, WORD.state, STATE.writing)
    this.#wake()
  }
}
