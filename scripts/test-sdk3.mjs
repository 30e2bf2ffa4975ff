import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, delimiter, join, relative } from 'node:path'
import { testsWithoutSdk } from './tests-without-sdk.mjs'

/*
 * Type-checks and tests the project on Node.js 24 with OpenTelemetry SDK 3.x, as test/sdk3/package-lock.json pins them.
 * It does so in a copy outside of the project, where no SDK 2.x package can be resolved by accident:
 *
 *   copy/node_modules/*                            what the project itself has installed, but no @opentelemetry/*
 *   copy/node_modules/@opentelemetry/*             from test/sdk3: the one OpenTelemetry of src, tests and the AI SDK
 *   copy/node_modules/@opentelemetry/node_modules  from test/sdk3: what SDK 3.x itself depends on
 *
 * Tests for which only SDK 2.x has packages stay behind: test/sdk2, and test/runtimes, which installs packages of its own. Left out
 * are tests that no SDK concerns, and to whom the version of Node.js makes no difference that others would not find: they
 * take minutes, and would find what they found before. tests-without-sdk.mjs tells most of them; those below use an SDK to
 * make the events that they are about.
 */
const WITHOUT_SDK = [
  'src/**/*.property.test.ts',
  'src/{cli,content,inspection,reader,store,tree,verify}/**',
  'test/{backup,cli,cli-export,cli-store,cli-terminal,file-modes,fuzz,hostile-log,index-obstacles,ledger,ledger-reading,no-verdict}/**',
  'test/{open-reader,reader,run-rows,verify,verify-damage}/**',
]
const root = join(import.meta.dirname, '..')
const sdk3 = join(root, 'test/sdk3')
const copy = mkdtempSync(join(tmpdir(), 'spanledger-sdk3-'))

try {
  if (!isInstalled(sdk3)) run('npm', ['ci', '--loglevel=error'], sdk3)

  const leftBehind = ['.git', 'test/sdk2', 'test/sdk3', 'test/runtimes'].map((path) => join(root, path))
  // What others install and build in the project may change while it is copied.
  const isLeftBehind = (/** @type {string} */ source) =>
    leftBehind.includes(source) || ['node_modules', 'generated', 'build'].includes(basename(source))
  cpSync(root, copy, { recursive: true, filter: (source) => !isLeftBehind(source) })
  const packages = join(root, 'node_modules')
  cpSync(packages, join(copy, 'node_modules'), {
    recursive: true,
    verbatimSymlinks: true,
    filter: (source) => relative(packages, source) !== '@opentelemetry',
  })
  const otel = join(copy, 'node_modules/@opentelemetry')
  cpSync(join(sdk3, 'node_modules/@opentelemetry'), otel, { recursive: true })
  for (const name of readdirSync(join(sdk3, 'node_modules'))) {
    if (name === '@opentelemetry' || name.startsWith('.') || name.startsWith('node-')) continue
    cpSync(join(sdk3, 'node_modules', name), join(otel, 'node_modules', name), { recursive: true })
  }

  // Not every platform's Node.js is a package: elsewhere it has to be Node.js 24 that runs this.
  const env = { PATH: [join(sdk3, 'node_modules/.bin'), process.env.PATH].join(delimiter), SPANLEDGER_TEST_SDK: '3' }
  run('npx', ['tsc', '-p', '.'], copy, env)
  const unconcerned = testsWithoutSdk(root)
  console.log(
    `${unconcerned.length} files of tests lead to no SDK, and are left out:`,
    WITHOUT_SDK.join(', '),
    'as well',
  )
  const leftOut = [...WITHOUT_SDK, ...unconcerned].flatMap((pattern) => ['--exclude', pattern])
  run('npm', ['test', '--', ...leftOut, ...process.argv.slice(2)], copy, env)
} finally {
  rmSync(copy, { recursive: true, force: true })
}

/**
 * Tells whether what a lockfile pins has been installed since it was written.
 *
 * @param {string} directory
 */
function isInstalled(directory) {
  const installed = join(directory, 'node_modules/.package-lock.json')
  const pinned = join(directory, 'package-lock.json')
  return existsSync(installed) && statSync(installed).mtimeMs >= statSync(pinned).mtimeMs
}

/**
 * @param {string} command
 * @param {string[]} args
 * @param {string} cwd
 * @param {NodeJS.ProcessEnv} [env]
 */
function run(command, args, cwd, env) {
  const { status, error } = spawnSync(command, args, { cwd, env: { ...process.env, ...env }, stdio: 'inherit' })
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} failed`, { cause: error })
}
