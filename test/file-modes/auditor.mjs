// Reads a log as another user, once all code is loaded: node auditor.mjs DIST DIR UID GID. Prints what it came to.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { pathToFileURL } from 'node:url'

const [, , dist = '', directory = '', uid = '', gid = ''] = process.argv
/** @type {typeof import('../../src/index.js')} */
const { openAuditLogReader } = await import(pathToFileURL(join(dist, 'index.js')).href)
/** @type {typeof import('../../src/cli/main.js')} */
const { main } = await import(pathToFileURL(join(dist, 'cli/main.js')).href)
// Loads LevelDB's native code.
await openAuditLogReader(directory).then(async (log) => await log.close())
process.setgroups?.([])
process.setgid?.(Number(gid))
process.setuid?.(Number(uid))
const found = { key: 'read', reads: 0, status: '', told: '' }
try {
  readFileSync(join(directory, 'keys', 'signing.key'))
} catch (error) {
  found.key = codeOf(error)
}
try {
  const log = await openAuditLogReader(directory)
  found.reads = await log.events({ type: 'custom' }).count()
  found.status = (await log.verify({ logKeys: [process.env.VKEY ?? ''], threads: 1 })).status
  await log.close()
} catch (error) {
  found.status = codeOf(error)
}
found.told = await toldByQuery()
console.log(JSON.stringify(found))

/** Counts the events by the command line. @returns what it says on standard error */
async function toldByQuery() {
  const [out, err] = [new PassThrough(), new PassThrough()]
  const { signal } = new AbortController()
  await main(['query', '--log', directory, '--count'], {
    out,
    err,
    input: new PassThrough(),
    env: {},
    now: Date.now,
    signal,
  })
  return String(err.read() ?? '')
}

/** @param {unknown} error */
function codeOf(error) {
  return String(/** @type {NodeJS.ErrnoException} */ (error).code)
}
