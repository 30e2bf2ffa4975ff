import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join, relative } from 'node:path'

/*
 * Type-checks and tests the project on Node.js 24 with OpenTelemetry SDK 3.x, as test/sdk3/package-lock.json pins them.
 * It does so in a copy outside of the project, where no SDK 2.x package can be resolved by accident:
 *
 *   copy/node_modules/*                            what the project itself has installed, but no @opentelemetry/*
 *   copy/node_modules/@opentelemetry/*             from test/sdk3: the one OpenTelemetry of src, tests and the AI SDK
 *   copy/node_modules/@opentelemetry/node_modules  from test/sdk3: what SDK 3.x itself depends on
 *
 * Tests for which only SDK 2.x has packages stay behind: test/sdk2, and test/runtimes, which installs packages of its own. Left out
 * are tests that lead to no SDK, and to nothing of Node.js that others do not run on this version as well: they take
 * minutes, and would find what they found before.
 */
const WITHOUT_SDK = [
  'src/**/*.property.test.ts',
  'src/{inspection,reader,tree,verify}/**',
  'src/store/*.test.ts',
  'src/store/{memory,runs,leveldb/indexes}/**',
  'test/{backup,cli-export,cli-terminal,file-modes,hostile-log,index-obstacles,ledger,ledger-reading,no-verdict}/**',
  'test/{open-reader,reader,run-rows,verify,verify-damage}/**',
]
const root = join(import.meta.dirname, '..')
const sdk3 = join(root, 'test/sdk3')
const copy = mkdtempSync(join(tmpdir(), 'spanledger-sdk3-'))

try {
  run('npm', ['ci', '--loglevel=error'], sdk3)

  const leftBehind = ['.git', 'node_modules', 'test/sdk2', 'test/sdk3', 'test/runtimes'].map((path) => join(root, path))
  cpSync(root, copy, { recursive: true, filter: (source) => !leftBehind.includes(source) })
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
  const leftOut = WITHOUT_SDK.flatMap((pattern) => ['--exclude', pattern])
  run('npm', ['test', '--', ...leftOut, ...process.argv.slice(2)], copy, env)
} finally {
  rmSync(copy, { recursive: true, force: true })
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
