import { fork } from 'node:child_process'
import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { availableParallelism, cpus, loadavg, tmpdir, totalmem } from 'node:os'
import { join } from 'node:path'
import { BASELINE, hasBaseline } from './baseline.mjs'

/** @param {number[]} numbers */
export function median(numbers) {
  return quantile(numbers, 0.5)
}

/** @param {number[]} numbers */
export function quantile(numbers, share) {
  const sorted = numbers.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]
}

/** Median, and between which values the middle half lies. */
export function spread(numbers) {
  return {
    median: median(numbers),
    low: quantile(numbers, 0.25),
    high: quantile(numbers, 0.75),
    rounds: numbers.length,
  }
}

/** The sides of a round, in one order and in the other: what a side leaves behind meets each of its neighbours. */
export function inTurn(sides, round) {
  return round % 2 === 0 ? sides : sides.toReversed()
}

/**
 * Opens each side in a process of its own, so that one's heap and threads are not another's. The comparison then has
 * them take turns, one at a time.
 */
export async function openSides(names, entryBytes) {
  const sides = await Promise.all(names.map((name) => openSide(name, entryBytes)))
  return sides.filter((side) => side !== undefined)
}

async function openSide(name, entryBytes) {
  if (name === BASELINE && !hasBaseline((line) => console.error(`  ${line}`))) return undefined
  const { ask, close } = startProcess('side-process.mjs', [name, String(entryBytes)])
  const { missing } = await ask()
  if (missing) {
    console.error(`  without ${name}: ${missing}`)
    return undefined
  }
  return { name, ask, close }
}

/**
 * A process that answers each message with one, and ends after the message `close`. To ask without a message is to wait
 * for what it says by itself.
 */
export function startProcess(file, args) {
  const child = fork(join(import.meta.dirname, file), args)
  const ask = (message) =>
    new Promise((resolve, reject) => {
      const gone = (code) => reject(new Error(`the process of ${file} ${args.join(' ')} ended with ${code}`))
      child.once('exit', gone)
      child.once('message', (answer) => {
        child.off('exit', gone)
        resolve(answer)
      })
      if (message !== undefined) child.send(message)
    })
  const close = () => {
    if (!child.connected) return Promise.resolve()
    const closed = new Promise((resolve) => child.once('exit', resolve))
    child.send('close')
    return closed
  }
  return { ask, close }
}

/** The machine, in words that say nothing of whose it is. */
export function machine() {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    platform: `${process.platform} ${process.arch}`,
    node: process.version,
    fsyncMillis: Number(fsyncMillis().toFixed(2)),
  }
}

export function load() {
  return Number(loadavg()[0].toFixed(2))
}

/** How long the disk takes to make 600 bytes durable: the floor of every latency here. */
function fsyncMillis() {
  const directory = mkdtempSync(join(tmpdir(), 'spanledger-bench-fsync-'))
  const file = openSync(join(directory, 'file'), 'w')
  try {
    const bytes = Buffer.alloc(600)
    const millis = []
    for (let n = 0; n < 100; n++) {
      writeSync(file, bytes)
      const began = performance.now()
      fdatasyncSync(file)
      millis.push(performance.now() - began)
    }
    return median(millis)
  } finally {
    closeSync(file)
    rmSync(directory, { recursive: true })
  }
}
