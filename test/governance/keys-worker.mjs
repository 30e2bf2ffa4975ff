import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { pathToFileURL } from 'node:url'

// Makes or rotates keys in a process of its own, which can be killed ahead of any step that changes the disk.

const [dist = '', act = '', ...operands] = process.argv.slice(2)
/** @param {string} name */
const load = (name) => import(pathToFileURL(join(dist, `${name}.js`)).href)
const [{ FileContentKeys }, { keyFileProvider }, { rotateContentKey }] = await Promise.all([
  load('content/keys/file-keys'),
  load('content/keys/provider'),
  load('content/keys/rotate'),
])

/** Names of calls that change the disk. */
const CHANGING = [
  'mkdirSync',
  'openSync',
  'writeFileSync',
  'fsyncSync',
  'linkSync',
  'renameSync',
  'rmSync',
  'chmodSync',
]

/** @param {number} step */
function dieAt(step) {
  /** @type {Record<string, any>} */
  const patched = fs

  let calls = 0
  const die = () => {
    process.kill(process.pid, 'SIGKILL')
    for (;;);
  }
  for (const name of CHANGING) {
    const real = patched[name]
    patched[name] = (/** @type {any[]} */ ...args) => {
      const isChange = name !== 'openSync' || args[1] === 'wx'
      if (isChange && calls++ === step) {
        // A file that is cut short.
        if (name === 'writeFileSync') fs.writeSync(args[0], args[1].slice(0, 20))
        die()
      }
      return real(...args)
    }
  }
  syncBuiltinESMExports()
}

/** @param {string} directory */
async function make(directory) {
  /** @type {string[]} */
  const problems = []
  const provider = keyFileProvider(join(directory, 'provider.key'), true)
  const keys = new FileContentKeys({
    directory,
    provider,
    use: 'writing',
    report: (/** @type {Error} */ { message }) => problems.push(message),
  })
  const ids = ['ann', 'bob'].map((id) => keys.keyFor({ tenantId: 't', kind: 'actor', id })?.id)
  await keys.settled()
  return { ids, problems }
}

if (act === 'race') {
  process.stdout.write('ready\n')
  for await (const directory of createInterface(process.stdin)) {
    process.stdout.write(`${JSON.stringify(await make(directory))}\n`)
  }
} else {
  const [step = '', directory = '', from = '', to = ''] = operands
  dieAt(Number(step))
  if (act === 'make') await make(directory)
  else await rotateContentKey({ directory, from: keyFileProvider(from), to: keyFileProvider(to) })
}
