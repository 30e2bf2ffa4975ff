import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { describe, expect, it } from 'vitest'

const ROOT = new URL('../../', import.meta.url).pathname
const REMARK = /^\s*(?:\/\/|\/\*\*|\*)\s*Attacker-controlled: \S/m

/** Calls that parse bytes or text which this process may not have written. */
const PARSES =
  /\bJSON\.parse\(|\bdeserialize\(|\.read(?:Big)?U?Int\d*[BL]?E?\(|\.get(?:Big)?Uint\d+\(|\bcreate(?:Private|Public)Key\(/

/** Files with such a call whose input is this process's own, and why. */
const OWN_INPUT: Readonly<Record<string, string>> = {
  'src/cli/main.ts': 'the package.json of this package',
  'src/inspection/filed-entries.ts': 'a copy of what decode-entry.ts has parsed',
  'src/inspection/open-run-table.ts': 'a digest that was just computed',
  'src/inspection/posting-sums.ts': 'random bytes that were just made',
  'src/otel/hand-over.ts': 'an event that this process has sealed and staged',
  'src/log/sealing/leaf.ts': 'an event that this process has sealed, in its own memory',
}

/** Names that fuzz targets import for their oracles and seeds: they parse nothing. */
const NO_PARSER = new Set([
  'AuditLogError',
  'DerivedSubjectKey',
  'HeadFile',
  'OpenPages',
  'Sealer',
  'UsageError',
  'compileRules',
  'digestOfQuery',
  'entrySlot',
  'filedEvent',
  'maskedChecksum',
  'openAuditLog',
  'pageOf',
  'postingKey',
  'segmentName',
  'tilePath',
  'valueKey',
])
/** Likewise by form: constants, and functions that write what parsers read. */
const WRITES = /^(?:[A-Z][A-Z_\d]*|(?:encode|format)[A-Z]\w*)$/

/** Entrances that lead to parsers in other files. */
const PARSED_IN: Readonly<Record<string, string>> = {
  AuditSpanProcessor: 'src/otel/conventions/shared/attributes.ts',
  commands: 'src/cli/options.ts',
  loadPostgres: 'src/cli/postgres.ts',
  verifyLog: 'src/verify/scan-entries.ts',
}

describe('attacker-controlled input is marked where it is parsed', () => {
  const targets = filesBelow('fuzz/targets')

  it.each(targets)('by each parser that %s exercises', (target) => {
    const parsers = parsersOf(target)
    expect(parsers, 'a target without a parser').not.toEqual([])
    expect(parsers.filter(({ file }) => !REMARK.test(sourceOf(file)))).toEqual([])
  })

  it('in each file of src that parses bytes or text', () => {
    const files = filesBelow('src').filter((file) => !/\.test\.ts$|^src\/testing\//.test(file))
    const unmarked = files.filter((file) => PARSES.test(codeOf(file)) && !REMARK.test(sourceOf(file)))
    expect(unmarked.filter((file) => !(file in OWN_INPUT)).sort()).toEqual([])
    expect(Object.keys(OWN_INPUT).filter((file) => !unmarked.includes(file))).toEqual([])
  })
})

/** Returns the parsers that a fuzz target imports from src, with the files that parse. */
function parsersOf(target: string): readonly { readonly name: string; readonly file: string }[] {
  const imports = sourceOf(target).matchAll(/^import \{([^}]*)\} from '([^']*\/src\/[^']*)'/gm)
  return [...imports].flatMap(([, names = '', path = '']) =>
    names
      .split(',')
      .map((name) => name.trim())
      .filter((name) => name !== '' && !name.startsWith('type ') && !NO_PARSER.has(name) && !WRITES.test(name))
      .map((name) => {
        const file = relative(ROOT, join(ROOT, 'fuzz/targets', path)).replace(/\.js$/, '.ts')
        return { name, file: PARSED_IN[name] ?? file }
      }),
  )
}

function filesBelow(directory: string): readonly string[] {
  const names = readdirSync(join(ROOT, directory), { recursive: true, encoding: 'utf8' })
  return names.filter((name) => name.endsWith('.ts')).map((name) => join(directory, name))
}

function sourceOf(file: string): string {
  return readFileSync(join(ROOT, file), 'utf8')
}

/** Returns a source file without its comments, as far as they are lines of their own. */
function codeOf(file: string): string {
  return sourceOf(file).replace(/^\s*(?:\/\/|\/?\*).*$/gm, '')
}
