import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

const IMPORT =
  /(?:^|\n)\s*(?:import|export)\s(?!type\b)[^'"`]*?['"]([^'"]+)['"]|\bimport\(\s*(?:\/\*.*?\*\/\s*)?(?:['"]([^'"]+)['"]|(?<computed>[^'"\s]))/g
/** Packages that come with an SDK, or bring one. `@opentelemetry/api` is the same for both. */
const SDK = /^(?:@opentelemetry\/(?!api$)|ai$|@openai\/)/
/** Programs that tests start are run by this version of Node.js, on what only the test knows. */
const STARTS_PROCESS = /node:child_process|node:worker_threads|node:cluster/

/**
 * Returns the tests that an SDK cannot concern: nothing that they import, directly or by way of others, is an SDK, and neither they nor
 * their helpers start a process. A test that computes what it imports is none of them.
 *
 * @param {string} root - of the project
 * @returns {string[]}
 */
export function testsWithoutSdk(root) {
  /** @type {Map<string, { readonly found: readonly string[], readonly needsSdk: boolean }>} */
  const known = new Map()
  const read = (/** @type {string} */ file) => {
    const before = known.get(file)
    if (before) return before
    const module = moduleOf(root, file)
    known.set(file, module)
    return module
  }
  const tests = ['src', 'test'].flatMap((directory) =>
    readdirSync(join(root, directory), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.test.ts') && !file.includes('node_modules'))
      .map((file) => join(directory, file)),
  )
  return tests.filter((test) => {
    const reached = new Set([test])
    // A set also visits what is added meanwhile.
    for (const file of reached) {
      const { found, needsSdk } = read(file)
      if (needsSdk) return false
      for (const next of found) reached.add(next)
    }
    return true
  })
}

/**
 * @param {string} root
 * @param {string} file
 */
function moduleOf(root, file) {
  const text = readFileSync(join(root, file), 'utf8')
  const isTest = !file.startsWith('src/') || file.endsWith('.test.ts')
  let needsSdk = isTest && STARTS_PROCESS.test(text)
  const found = []
  for (const { 1: name, 2: imported, groups } of text.matchAll(IMPORT)) {
    const specifier = name ?? imported
    if (specifier === undefined || groups?.computed !== undefined) needsSdk ||= isTest
    else if (specifier.startsWith('.')) found.push(...sourceOf(root, join(dirname(file), specifier)))
    else if (specifier.startsWith('spanledger') || SDK.test(specifier)) needsSdk = true
  }
  return { found, needsSdk }
}

/**
 * @param {string} root
 * @param {string} path - as an import names it
 */
function sourceOf(root, path) {
  const file = [path.replace(/\.js$/, '.ts'), path].find((candidate) => existsSync(join(root, candidate)))
  return file === undefined || !/\.[cm]?[jt]s$/.test(file) ? [] : [file]
}
