import { createRequire } from 'node:module'
import { join } from 'node:path'
import type { DatabaseOptions, Level } from 'level'
import { AuditLogError } from '../../events/errors.js'

/** A database of LevelDB. */
export type Database = Level<Buffer, Uint8Array>

type LevelPackage = typeof import('level')

const ENCODINGS = { keyEncoding: 'buffer', valueEncoding: 'view' } as const

let loaded: LevelPackage | undefined

/**
 * Makes a database that is not open yet.
 *
 * @throws AuditLogError `AUDIT_PACKAGE_MISSING` when the package `level`, or its native part, is not there
 */
export function newDatabase(path: string, options: DatabaseOptions<Buffer, Uint8Array>): Database {
  loaded ??= loadLevel()
  return new loaded.Level<Buffer, Uint8Array>(path, { ...ENCODINGS, ...options })
}

/**
 * Makes a readable database of what LevelDB can read in the files of a directory. They are changed.
 *
 * @throws what LevelDB throws, also where there is nothing to read
 */
export async function repairDatabase(path: string): Promise<void> {
  loaded ??= loadLevel()
  // A static method in Node.js, which the types of `level` leave out for browsers.
  const repair: (location: string) => Promise<void> = Reflect.get(loaded.Level, 'repair')
  await repair(path)
}

/**
 * Loads `level` before it is needed, in the same turn of the event loop as the call: a test runner refuses to load anything
 * once a test file has ended, and a log may still be opening then. A failure is left to {@link newDatabase}, which tries again.
 */
export function loadLevelAhead(): void {
  try {
    loaded ??= loadLevel()
  } catch {
    // Opening the database reports it.
  }
}

/**
 * Loads `level` from its place in `node_modules` when the process needs it first. An import would be taken into bundles,
 * where the native part is not found: `next build` bundles every package that its user does not list.
 */
function loadLevel(): LevelPackage {
  const searched: string[] = []
  let missing: unknown
  for (const place of places()) {
    let found: string
    const require = createRequire(place)
    try {
      found = resolveFrom(require)
    } catch (problem) {
      missing ??= problem
      searched.push(place)
      continue
    }
    try {
      return require(found) as LevelPackage
    } catch (cause) {
      throw packageMissing(`Cannot load the package level (${found}): ${messageOf(cause)}`, cause)
    }
  }
  throw packageMissing(`Cannot find the package level from ${searched.join(' or ')}`, missing)
}

/**
 * Tells tracers of files, such as those of Next.js, which package has to be deployed with this one. Nobody calls it. Bundlers
 * are told to leave the import alone, and Turbopack's tracer then does as well: that one follows the other form.
 */
export const tracedLevel = [
  (): Promise<LevelPackage> => import(/* webpackIgnore: true */ /* turbopackIgnore: true */ /* @vite-ignore */ 'level'),
  (): unknown => createRequire(import.meta.url)('level'),
]

/**
 * The files from which `level` is looked for: this one, and, where a bundle holds this one, the bundle and the
 * application that is started in the current directory.
 */
function places(): string[] {
  const here: unknown = import.meta.url
  const found = [join(process.cwd(), 'package.json')]
  if (typeof __filename === 'string') found.unshift(__filename)
  if (typeof here === 'string' && here.startsWith('file:')) found.unshift(here)
  return found
}

/** Package managers without a flat `node_modules` let nobody but Spanledger itself see `level`. */
function resolveFrom(require: NodeJS.Require): string {
  try {
    return require.resolve('level')
  } catch (problem) {
    try {
      return createRequire(require.resolve('spanledger/package.json')).resolve('level')
    } catch {
      throw problem
    }
  }
}

function packageMissing(what: string, cause: unknown): AuditLogError {
  const fix = [
    'It has native code, so it is never part of a bundle: deploy node_modules/level and node_modules/classic-level with',
    "the application. Bundlers that pack node_modules need external: ['level', 'classic-level']; Next.js needs",
    "serverExternalPackages: ['spanledger'] in next.config when the build is moved elsewhere",
  ].join(' ')
  return new AuditLogError('AUDIT_PACKAGE_MISSING', `${what}. ${fix}`, { cause })
}

function messageOf(problem: unknown): string {
  return problem instanceof Error ? (problem.message.split('\n', 1)[0] as string) : String(problem)
}
