import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire, register } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/*
 * An application pays for what it uses. What `spanledger` loads by itself, and what it has loaded once a log was open and has recorded an event
 * without content, must hold nothing of what has to be asked for. Redaction, the policy and the keys of content are loaded: the
 * first event with content is recorded before the call returns, and ES modules cannot be loaded within a call.
 */
const NOT_USED = [
  /^dist\/(cli|export|openai-agents|register|testing|witness)\//,
  /^dist\/store\/postgres\//,
  // Rotation of keys.
  /^dist\/governance\/index\.js$/,
  /^dist\/content\/keys\/rotat/,
  // The copies for others.
  /^dist\/(cjs|browser)\//,
]
const PACKAGES_NOT_USED = ['pg', 'hyparquet-writer', '@openai/agents']
/** Loaded when a log is opened. */
const NATIVE = ['level', 'classic-level']

const work = mkdtempSync(join(tmpdir(), 'spanledger-loaded-'))
const list = join(work, 'loaded')
writeFileSync(list, '')
const hooks = `
  import { appendFileSync } from 'node:fs'
  let list
  export function initialize(path) { list = path }
  export function load(url, context, next) {
    appendFileSync(list, url + '\\n')
    return next(url, context)
  }`
register(`data:text/javascript,${encodeURIComponent(hooks)}`, { data: list })

const { openAuditLog } = await import('spanledger')
check('import alone', [...PACKAGES_NOT_USED, ...NATIVE])

const log = await openAuditLog(join(work, 'audit'))
await log.append({ type: 'custom', data: { name: 'without_content' } })
await log.close()
check('an open log that has recorded an event', PACKAGES_NOT_USED)
assert.throws(() => check('an open log', NATIVE), /packages that were loaded/, 'what is loaded goes unseen')
rmSync(work, { recursive: true })

/**
 * @param {string} when
 * @param {readonly string[]} packages - that must not be loaded
 */
function check(when, packages) {
  const required = Object.keys(createRequire(import.meta.url).cache)
  const files = [...readFileSync(list, 'utf8').trim().split('\n'), ...required]
  const own = files.flatMap((file) => /\/node_modules\/spanledger\/(.+)$/.exec(file)?.[1] ?? [])
  assert.ok(own.length > 100, `only ${own.length} modules were seen`)
  const unused = own.filter((file) => NOT_USED.some((pattern) => pattern.test(file)))
  assert.deepEqual(unused, [], `${when}: loaded, and not used`)
  const foreign = files.filter((file) => packages.some((name) => file.includes(`/node_modules/${name}/`)))
  assert.deepEqual(foreign, [], `${when}: packages that were loaded, and are not used`)
  console.log(`${when}: ${own.length} modules of the package are loaded`)
}
