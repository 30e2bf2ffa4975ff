import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'

/*
 * Runs the sections that standard input names, a line each (`title: command of the shell`), so many at a time, in their order:
 *
 *   node scripts/side-by-side.mjs 2 <<'SECTIONS'
 *   Types: npm run types
 *   Layers: npm run layers
 *   SECTIONS
 *
 * What a section prints is shown when it has ended, never mixed with that of another. All of them run, also when one fails; the exit
 * code is 1 then, and the last line names what failed.
 */
const atOnce = Number(process.argv[2])
if (!Number.isSafeInteger(atOnce) || atOnce < 1)
  throw new TypeError('the number of sections at a time must be 1 or more')

const sections = (await text(process.stdin))
  .split('\n')
  .filter((line) => line.trim() !== '')
  .map(sectionOf)
const waiting = [...sections]
/** @type {string[]} */
const failed = []
const work = mkdtempSync(join(tmpdir(), 'spanledger-sections-'))
let ended = 0
try {
  await Promise.all(Array.from({ length: atOnce }, workOff))
} finally {
  rmSync(work, { recursive: true, force: true })
}
if (sections.length === 0 || ended !== sections.length) throw new Error(`${ended} of ${sections.length} sections ran`)
if (failed.length > 0) {
  console.error(`\n!!! failed: ${failed.join(', ')}`)
  process.exitCode = 1
}

/** @param {string} line */
function sectionOf(line) {
  const [, title, command] = /^\s*(.+?): (.+)$/.exec(line) ?? []
  if (title === undefined || command === undefined) throw new Error(`no section, but 'title: command': ${line}`)
  return { title, command }
}

async function workOff() {
  for (let section = waiting.shift(); section !== undefined; section = waiting.shift()) {
    const { passed, output, seconds } = await run(section.command)
    console.log(`\n=== ${section.title} (took ${seconds} s${passed ? '' : ': FAILED'})\n${output.trimEnd()}`)
    if (!passed) failed.push(section.title)
    ended++
  }
}

/** @param {string} command */
async function run(command) {
  const start = performance.now()
  // In a file, which a process that outlives the command does not keep us waiting for, as it does with a pipe.
  const path = join(work, `${sections.length - waiting.length}`)
  const output = openSync(path, 'w')
  const child = spawn('bash', ['-euo', 'pipefail', '-c', command], { stdio: ['ignore', output, output] })
  closeSync(output)
  const [code] = await once(child, 'exit')
  const seconds = ((performance.now() - start) / 1000).toFixed(0)
  return { passed: code === 0, output: readFileSync(path, 'utf8'), seconds }
}
