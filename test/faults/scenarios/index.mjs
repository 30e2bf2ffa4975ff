import { cpSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, unlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { checkLog } from '../support/check-log.mjs'
import { startChild } from '../support/child.mjs'
import { alter } from '../support/damage.mjs'
import { INDEX_LOG_PATHS, installStrace, strace } from '../support/strace.mjs'

/** @typedef {import('../suite.mjs').Findings} Findings */
/** @typedef {import('../suite.mjs').Setting} Setting */

/*
 * The index of a log follows from its entries: whatever becomes of it, the log opens, nothing is lost, and all answers
 * are those that a scan of the entries gives, in the process that writes and in others.
 */

const PAGE_BYTES = 4096

/** @returns {Findings} */
function none() {
  return { rounds: 0, faults: 0, acknowledged: 0, lost: 0, duplicated: 0, problems: [] }
}

/**
 * @param {string} directory @param {{ life: string, count: number, most?: number, ending?: 'kill' | 'close', pauseMillis?: number, ids?: boolean, isIndexAwaited?: boolean }} work
 * @param {readonly string[]} [through]
 */
function startCommits(directory, { most = 300, ...work }, through = []) {
  return startChild('commit.mjs', [{ directory, most, ...work }], { through })
}

/** @param {import('../support/child.mjs').Child} child @returns the names of the events that it said are durable */
function namesOf(child) {
  return child.said().filter((line) => line.includes(':'))
}

/** @param {string} directory @param {Parameters<typeof startCommits>[1]} work */
async function commit(directory, work) {
  const child = startCommits(directory, work)
  await child.ended
  const names = namesOf(child)
  if (names.length < work.count) throw new Error(`${names.length} of ${work.count} were committed: ${child.errors()}`)
  return names
}

/**
 * Checks a log, and adds what comes of it.
 *
 * @param {Findings} findings
 * @param {string} what
 * @param {{ directory: string, acknowledged: readonly string[] }} log
 * @param {{ cli?: boolean, ids?: boolean }} [options]
 */
async function addCheck(findings, what, { directory, acknowledged }, options) {
  findings.rounds++
  findings.acknowledged += acknowledged.length
  try {
    const { lost, duplicated, problems } = await checkLog(directory, acknowledged, options)
    findings.lost += lost
    findings.duplicated += duplicated
    findings.problems.push(...problems.slice(0, 5).map((problem) => `${what}: ${problem}`))
  } catch (problem) {
    findings.problems.push(`${what}: ${problem}`)
  }
}

/** A process that reads a log all the time. @param {string} directory */
async function startReading(directory) {
  const child = startChild('compare.mjs', [{ directory, samples: 2 }])
  await child.until('comparing')
  return {
    /** @param {Findings} findings @param {string} what */
    async end(findings, what) {
      child.kill('SIGTERM')
      const { code, signal } = await child.ended
      const said = child.said()
      const wrong = said.filter((line) => line.startsWith('wrong'))
      findings.problems.push(...wrong.slice(0, 5).map((line) => `${what}, beside it: ${line}`))
      if (!said.some((line) => line.startsWith('compared '))) {
        findings.problems.push(`${what}: the reader ended with ${signal ?? code}: ${child.errors()}`)
      }
    },
  }
}

/**
 * The index is missing in whole or in part, is one of another moment, or of another log.
 *
 * @param {Setting} setting @returns {Promise<Findings>}
 */
async function anotherIndex({ directory }) {
  const findings = none()
  const log = join(directory, 'log')
  const [older, branch, other] = [`${log}-older`, `${log}-branch`, `${log}-other`]
  const first = await commit(log, { life: 'a', count: 2600 })
  cpSync(log, older, { recursive: true })
  const second = await commit(log, { life: 'b', count: 2600, ending: 'kill' })
  cpSync(older, branch, { recursive: true })
  const third = await commit(branch, { life: 'c', count: 4000 })
  const ofOther = await commit(other, { life: 'd', count: 1500 })
  const all = [...first, ...second]
  const files = (/** @type {RegExp} */ name) => readdirSync(join(log, 'index')).filter((file) => name.test(file))
  const index = (/** @type {string} */ from) => (/** @type {string} */ to) => {
    rmSync(join(to, 'index'), { recursive: true })
    cpSync(join(from, 'index'), join(to, 'index'), { recursive: true })
  }
  /** @type {[string, string, readonly string[], (copy: string) => void][]} */
  const cases = [
    ['deleted', log, all, (copy) => rmSync(join(copy, 'index'), { recursive: true })],
    ['older', log, all, index(older)],
    ['newer than the entries', older, first, index(log)],
    ['of entries that were never in it', branch, [...first, ...third], index(log)],
    ['of another log', log, all, index(other)],
    ['of a larger log', other, ofOther, index(log)],
  ]
  for (const file of files(/\.log$|\.ldb$|MANIFEST|CURRENT/)) {
    cases.push([`${file} deleted`, log, all, (copy) => unlinkSync(join(copy, 'index', file))])
    const { size } = statSync(join(log, 'index', file))
    cases.push([`${file} cut`, log, all, (copy) => truncateSync(join(copy, 'index', file), Math.floor(size / 2))])
  }
  for (const [what, from, acknowledged, change] of cases) {
    const copy = join(directory, 'copy')
    cpSync(from, copy, { recursive: true })
    change(copy)
    findings.faults++
    await addCheck(findings, what, { directory: copy, acknowledged }, { cli: !/ cut$/.test(what) })
    rmSync(copy, { recursive: true })
  }
  return findings
}

/**
 * A writer that recovers from another index, and goes on, with a reader beside it.
 *
 * @param {Setting} setting @returns {Promise<Findings>}
 */
async function readerBeside({ directory }) {
  const findings = none()
  const log = join(directory, 'log')
  const acknowledged = await commit(log, { life: 'a', count: 9000 })
  const reading = await startReading(log)
  for (const [at, what] of ['deleted', 'cut', 'emptied'].entries()) {
    for (const file of readdirSync(join(log, 'index'))) {
      const path = join(log, 'index', file)
      const left = what === 'cut' && /\.log$|\.ldb$/.test(file) ? readFileSync(path).subarray(0, 1000) : undefined
      // Another file takes its place: the reader has the one that was there.
      unlinkSync(path)
      if (left || what === 'emptied') writeFileSync(path, left ?? '')
    }
    findings.faults++
    acknowledged.push(...(await commit(log, { life: `b${at}`, count: 3000, pauseMillis: 10 })))
  }
  await reading.end(findings, 'a writer that derives its index')
  await addCheck(findings, 'afterwards', { directory: log, acknowledged })
  return findings
}

/**
 * The writer dies at a call by which the index is written: the entries are committed then, and the index lacks them.
 *
 * @param {Setting} setting @returns {Promise<Findings>}
 */
async function killBetweenCommits({ directory, full }) {
  installStrace()
  const findings = none()
  for (let n = 1; n <= (full ? 20 : 5); n++) {
    const log = join(directory, `${n}`)
    const trace = `${log}.trace`
    const left = await commit(log, { life: 'a', count: 1500, ending: 'kill' })
    const kill = ['trace=write', `inject=write:signal=SIGKILL:when=${n}`]
    const child = startCommits(log, { life: 'b', count: 9000 }, strace(log, trace, kill, INDEX_LOG_PATHS))
    const { code, signal } = await child.ended
    if (signal === 'SIGKILL' || code === 137) findings.faults++
    const names = [...left, ...namesOf(child)]
    await addCheck(findings, `write ${n} of the index`, { directory: log, acknowledged: names }, { cli: n === 1 })
    rmSync(log, { recursive: true })
  }
  if (findings.faults === 0) findings.problems.push('none of the writers was killed')
  return findings
}

/**
 * The process dies while it derives the whole index, again and again, with a reader beside it: each goes on where the one
 * before has come to.
 *
 * @param {Setting} setting @returns {Promise<Findings>}
 */
async function killWhileRebuilding({ directory, full }) {
  const findings = none()
  const log = join(directory, 'log')
  const acknowledged = await commit(log, { life: 'a', count: full ? 600_000 : 40_000, most: 2000 })
  rmSync(join(log, 'index'), { recursive: true })
  const reading = await startReading(log)
  let deaths = 0
  for (let life = 0; ; life++) {
    const child = startCommits(log, { life: `b${life}`, count: 10, isIndexAwaited: true })
    const derived = child.until('indexed').then(() => true)
    // A process that is killed does not come so far.
    derived.catch(() => undefined)
    if (await Promise.race([derived, setTimeout(lifeMillis(life), false)])) {
      await child.ended
      acknowledged.push(...namesOf(child))
      break
    }
    child.kill('SIGKILL')
    await child.ended
    acknowledged.push(...namesOf(child))
    deaths++
    findings.faults++
    if (deaths === MAX_LIVES) {
      findings.problems.push(`it was not derived in ${deaths} lives`)
      break
    }
  }
  await reading.end(findings, 'a writer that is killed while it derives its index')
  await addCheck(findings, 'afterwards', { directory: log, acknowledged })
  return { ...findings, note: `${deaths} deaths until all of it was derived` }
}

/** The last of them takes the better part of a minute: long enough on any machine. */
const MAX_LIVES = 60

/** Lives become longer: the first end early in the rebuilding, the last when it is nearly done. @param {number} life */
function lifeMillis(life) {
  return 150 * 1.1 ** life * (0.5 + Math.random())
}

/**
 * Power is lost: what the index did not sync is gone, in whole or in part.
 *
 * @param {Setting} setting @returns {Promise<Findings>}
 */
async function powerLost({ directory, full }) {
  const findings = none()
  const log = join(directory, 'log')
  const acknowledged = await commit(log, { life: 'a', count: 3000 })
  acknowledged.push(...(await commit(log, { life: 'b', count: 9000, most: 100, ending: 'kill' })))
  for (let round = 0; round < (full ? 300 : 6); round++) {
    const copy = join(directory, 'copy')
    cpSync(log, copy, { recursive: true })
    const [newest] = readdirSync(join(copy, 'index'))
      .filter((file) => file.endsWith('.log'))
      .sort()
      .reverse()
    if (newest === undefined) throw new Error('the index has no log')
    const path = join(copy, 'index', newest)
    const { size } = statSync(path)
    const at = Math.floor(Math.random() * size)
    const pages = PAGE_BYTES * (1 + Math.floor((Math.random() * (size - at)) / PAGE_BYTES))
    if (round % 2 === 1) alter(path, at - (at % PAGE_BYTES), Math.max(pages, 2))
    if (round % 4 !== 1) truncateSync(path, Math.max(at, Math.floor(size * Math.random())))
    findings.faults++
    const what = `round ${round}, ${newest} of ${size} bytes from ${at}`
    await addCheck(findings, what, { directory: copy, acknowledged })
    rmSync(copy, { recursive: true })
  }
  return findings
}

/**
 * The disk of the index is full or broken, for good or for a while: commits go on all the same.
 *
 * @param {Setting} setting @returns {Promise<Findings>}
 */
async function indexCannotBeWritten({ directory }) {
  installStrace()
  const findings = none()
  // While it cannot be written for good, the index does not tell which ids there are: those who append them wait.
  for (const [at, [fault, when, ids]] of /** @type {const} */ ([
    ['ENOSPC', '4+', false],
    ['ENOSPC', '4..5', true],
    ['EIO', '4', true],
  ]).entries()) {
    const log = join(directory, `${at}`)
    const what = `${fault} at the writes ${when} of the index`
    const inject = ['trace=write', `inject=write:error=${fault}:when=${when}`]
    const through = strace(log, `${log}.trace`, inject, INDEX_LOG_PATHS)
    const child = startCommits(log, { life: 'a', count: 8000, pauseMillis: 4, ids }, through)
    await child.until('opened')
    const reading = await startReading(log)
    const { code, signal } = await child.ended
    await reading.end(findings, what)
    const names = namesOf(child)
    const said = child.said()
    findings.faults++
    if (names.length < 8000 || !said.includes('closed')) {
      findings.problems.push(
        `${what}: ${names.length} of 8,000 were committed, then ${signal ?? code}: ${child.errors()}`,
      )
    }
    const health = `health ok, index ${when.endsWith('+') ? 'failing' : 'ok'}`
    if (!said.includes(health)) findings.problems.push(`${what}: ${said.find((line) => line.startsWith('health'))}`)
    await addCheck(findings, what, { directory: log, acknowledged: names }, { ids })
  }
  return findings
}

export const scenarios = {
  'index missing, cut, of another moment or another log': anotherIndex,
  'reader beside a writer that derives its index': readerBeside,
  'kill -9 between the commits of entries and index': killBetweenCommits,
  'kill -9 while the index is derived': killWhileRebuilding,
  'power lost, for what the index did not sync': powerLost,
  'the index cannot be written': indexCannotBeWritten,
}
