import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { copyFileSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

// Checks the tarball that would be published: what it holds, its entries and types, and that it works once installed.
const root = join(import.meta.dirname, '..')
/** Bytes of the tarball, and packages that are installed with it: what an application takes on with this package. */
const MAX_PACKED_BYTES = 1_500_000
const MAX_DEPENDENCIES = 3
const work = mkdtempSync(join(tmpdir(), 'spanledger-package-'))
const consumer = join(work, 'consumer')

try {
  const [packed] = JSON.parse(
    execFileSync('npm', ['pack', '--json', '--ignore-scripts', '--loglevel=error', '--pack-destination', work], {
      cwd: root,
      encoding: 'utf8',
    }),
  )
  const tarball = join(work, packed.filename)
  const files = packed.files.map((/** @type {{ path: string }} */ file) => file.path)

  section('Contents')
  const belongs =
    /^(package\.json|LICENSE|README\.md|CHANGELOG\.md|SECURITY\.md|UPGRADING\.md|schema\/(audit-event|policy)\.schema\.json|dist\/.+(\.js|\.d\.ts)|dist\/cjs\/package\.json|docs\/[\w-]+\.(md|svg)|examples\/([\w-]+\/)*([\w.-]+\.([cm]?js|ts)|package\.json|tsconfig\.json))$/
  const strays = files.filter((/** @type {string} */ file) => !belongs.test(file) || /^dist.*\.test\./.test(file))
  assert.deepEqual(strays, [], 'files that do not belong into the package')
  for (const file of [
    'LICENSE',
    'README.md',
    'CHANGELOG.md',
    'SECURITY.md',
    'UPGRADING.md',
    'schema/audit-event.schema.json',
    'schema/policy.schema.json',
  ]) {
    assert.ok(files.includes(file), `${file} is missing from the package`)
  }
  for (const [, link] of readFileSync(join(root, 'README.md'), 'utf8').matchAll(/\]\(([^)#:]+)(?:#[^)]*)?\)/g)) {
    const target = (link ?? '').replace(/\/$/, '')
    const found = files.some((/** @type {string} */ file) => file === target || file.startsWith(`${target}/`))
    assert.ok(found, `README.md links to ${link}, which is not in the package`)
  }
  console.log(`${files.length} files, ${packed.size} bytes packed, ${packed.unpackedSize} unpacked`)
  assert.ok(packed.size <= MAX_PACKED_BYTES, `the package has ${packed.size} bytes, more than ${MAX_PACKED_BYTES}`)

  const { dependencies, devDependencies: pinned } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  const installed = Object.keys(dependencies)
  assert.ok(installed.length <= MAX_DEPENDENCIES, `more than ${MAX_DEPENDENCIES} dependencies: ${installed}`)

  section('Entries and types')
  run(root, 'npx', 'publint', 'run', '--strict', tarball)
  run(root, 'npx', 'attw', tarball, '--format', 'table-flipped')

  section('Installed into an empty project, beside its peer and an SDK')
  mkdirSync(consumer)
  writeFileSync(join(consumer, 'package.json'), '{ "type": "module", "private": true }')
  const beside = ['@opentelemetry/api', '@opentelemetry/sdk-node', '@types/node', 'pg', '@types/pg'].map(
    (name) => `${name}@${pinned[name]}`,
  )
  beside.push('esbuild@^0.28.0')
  run(consumer, 'npm', 'install', '--loglevel=error', '--no-audit', '--no-fund', tarball, ...beside)
  cpSync(join(root, 'test/package/consumer'), consumer, { recursive: true })
  for (const project of ['tsconfig.json', 'tsconfig.commonjs.json']) {
    run(consumer, 'node', join(root, 'node_modules/typescript/bin/tsc'), '-p', project)
  }
  run(consumer, 'node', 'entries.mjs')
  run(consumer, 'node', 'loaded-modules.mjs')
  copyFileSync(join(root, 'examples/minimal.mjs'), join(consumer, 'minimal.mjs'))
  run(consumer, 'node', 'minimal.mjs')

  section('spanledger/record in a library that has @opentelemetry/api and nothing else')
  runAlone('record-only.mjs', ['spanledger', '@opentelemetry/api'])

  section('Bundles of esbuild')
  runBundle('browser.mjs', '--platform=browser', '--format=esm')
  runBundle('server.mjs', '--platform=node', '--format=esm')
  runBundle('server.mjs', '--platform=node', '--format=cjs')

  section('spanledger/verify where nothing else is installed')
  runAlone('verify-only.mjs', ['spanledger'])

  section('Types where little else is installed')
  compileAlone('own-types.ts', ['spanledger', '@opentelemetry/api', 'valibot'], [])
  const node = ['@types/node', 'undici-types']
  compileAlone('postgres.ts', ['spanledger', '@opentelemetry/api', 'valibot', ...node], ['node'])
} finally {
  rmSync(work, { recursive: true, force: true })
}

/**
 * Runs a script of the consumer where only these packages are installed.
 *
 * @param {string} script
 * @param {string[]} packages
 */
function runAlone(script, packages) {
  const folder = mkdtempSync(join(work, 'alone-'))
  for (const name of packages) {
    cpSync(join(consumer, 'node_modules', name), join(folder, 'node_modules', name), { recursive: true })
  }
  for (const file of [script, 'only-from-here.mjs']) copyFileSync(join(consumer, file), join(folder, file))
  run(folder, 'node', script)
}

/**
 * Bundles a script of the consumer together with all that it imports, and runs the bundle.
 *
 * @param {string} script
 * @param {string} platform
 * @param {string} format
 */
function runBundle(script, platform, format) {
  const outfile = `bundle.${format.endsWith('cjs') ? 'cjs' : 'mjs'}`
  run(consumer, 'npx', 'esbuild', script, '--bundle', '--log-level=warning', `--outfile=${outfile}`, platform, format)
  run(consumer, 'node', outfile)
}

/**
 * Compiles a file of the consumer, and the declarations that it needs, where only these packages are installed.
 *
 * @param {string} file
 * @param {string[]} packages
 * @param {string[]} types - packages of `@types` that belong to the project
 */
function compileAlone(file, packages, types) {
  const folder = mkdtempSync(join(work, 'alone-'))
  for (const name of packages) {
    cpSync(join(consumer, 'node_modules', name), join(folder, 'node_modules', name), { recursive: true })
  }
  copyFileSync(join(consumer, file), join(folder, file))
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
  const compilerOptions = {
    target: 'ES2022',
    module: 'NodeNext',
    strict: true,
    skipLibCheck: false,
    noEmit: true,
    types,
  }
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: [file] }))
  run(folder, 'node', join(root, 'node_modules/typescript/bin/tsc'), '-p', '.')
}

/** @param {string} title */
function section(title) {
  console.log(`\n--- ${title}`)
}

/**
 * @param {string} cwd
 * @param {string} command
 * @param {string[]} args
 */
function run(cwd, command, ...args) {
  execFileSync(command, args, { cwd, stdio: ['ignore', 'inherit', 'inherit'] })
}
