/*
 * A ring of shared memory between the thread that records and the thread that writes:
 *
 *              written                put
 *                 ▼                    ▼
 *   │ free        │ bytes not written  │ free        │
 *
 * `put` and `written` count bytes for ever, modulo 2^32; modulo the size of the ring, a power of two, they are places in it. The
 * recording thread moves `put`, the writing thread `written`. The bytes go to one file after the other: once `written` has come to `nextAt`, what
 * follows belongs to the next file.
 */

/** The 32-bit words that both threads share. */
export const WORD = Object.freeze({
  put: 0,
  written: 1,
  /** One of {@link STATE}. */
  state: 2,
  /** Counts reasons to look: the writing thread sleeps until it changes. */
  wake: 3,
  /** 1 while the writing thread sleeps, or is about to. */
  idle: 4,
  /** The descriptor of the next file; {@link NO_FILE} when there is none. Set last, and taken back by the writing thread. */
  nextFile: 5,
  /** The count from which on the next file gets the bytes. */
  nextAt: 6,
  /** The position in the next file of the first of them. */
  nextOffset: 7,
  /** 1 when the recording thread wants a message once `written` has come to `notifyAt`. */
  notify: 8,
  notifyAt: 9,
  /** Counts what the writing thread has done: the recording thread waits until it changes. */
  progress: 10,
})
/** Bytes in front of the ring itself. */
export const HEADER_BYTES = 64

export const NO_FILE = -1

/** The side that writes. */
export const STATE = Object.freeze({
  /** The writing thread. */
  writing: 0,
  /** A write failed: the writing thread waits until the recording thread has dealt with that. */
  failed: 1,
  /** Nobody any more by this ring: the writing thread ends. */
  over: 2,
})

/** The data that a writing thread begins with. */
export interface WritingThreadData {
  readonly shared: SharedArrayBuffer
  /** An open file by which the thread tells whether it has the descriptors of the process. */
  readonly probe: { readonly descriptor: number; readonly dev: bigint; readonly ino: bigint }
}

/** Messages of a writing thread: it can write; it has the descriptors of another process; look at the words. */
export type WritingThreadMessage = 'ready' | 'apart' | 'look'

/** Returns the words and the bytes of a ring. */
export function ringOf(shared: SharedArrayBuffer): { readonly words: Int32Array; readonly memory: Uint8Array } {
  return { words: new Int32Array(shared, 0, HEADER_BYTES / 4), memory: new Uint8Array(shared, HEADER_BYTES) }
}

/** Returns how far a count is ahead of another one that it is at or behind by less than 2^31. */
export function distance(from: number, to: number): number {
  return (to - from) | 0
}
