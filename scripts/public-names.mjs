import { readFileSync, writeFileSync } from 'node:fs'
import { ENTRIES } from './entries.mjs'
import { exportedBy, sourceFiles, summaryFlaw } from './exported-names.mjs'

/*
 * The public names of the package as tables: the appendix of docs/architecture.md.
 *
 *   npm run names -- --write     writes the appendix anew
 */

/** @param {string} module */
const built = async (module) => await import(new URL(`../dist/${module}.js`, import.meta.url).href)
/** @type {Record<string, { entries: object }>} */
const catalogue = (await built('events/catalogue')).catalogue
/** @type {Record<string, { summary: string, operand?: string, options: Record<string, { value?: string }> }>} */
const commands = (await built('cli/commands/index')).commands

export const PAGE = 'docs/architecture.md'
const BEGIN = '<!-- public names: written by `npm run names -- --write` -->'
const END = '<!-- end of public names -->'

/** @type {Readonly<Record<string, string>>} */
const ENVIRONMENT = {
  SPANLEDGER_LOG: 'directory of the log: of `spanledger/register`, and of the command line without `--log`',
  SPANLEDGER_DURABILITY: '`durability` of the log of `spanledger/register`',
  SPANLEDGER_ENABLED: '`false` switches recording off for the process',
  SPANLEDGER_EXPLAIN: '`true` explains every span through `diag`',
  SPANLEDGER_CONTENT_KEYS:
    'the directory of the keys of content of a log in a store, such as PostgreSQL, as the option `contentKeys.directory`',
  SPANLEDGER_CONTENT_KEY_FILE:
    'the file of the key that wraps the keys of content, as the option `contentKeys.keyFile`',
  SPANLEDGER_JOURNAL_KEY: 'the secret that attests the journal, as the option `journalKey`',
  SPANLEDGER_POLICY: 'the path of a policy, as the option `policy`',
  SPANLEDGER_SIGNING_KEY: 'the key that signs checkpoints, as the option `signingKey`',
}

/** Variables that one process of this package sets for another one that it starts. */
const INTERNAL_VARIABLES = ['SPANLEDGER_ISOLATED']

/** Returns the current appendix. */
export function appendix() {
  checkEnvironment()
  return [
    BEGIN,
    ...exportTables(),
    ...eventTable(),
    ...commandTables(),
    ...environmentTable(),
    ...codeTable(),
    END,
  ].join('\n')
}

/**
 * Returns the page with the current appendix.
 *
 * @param {string} page
 */
export function withAppendix(page) {
  const [before, rest] = page.split(BEGIN)
  const after = rest?.split(END)[1]
  if (after === undefined) throw new Error(`${PAGE} has no markers for the public names: ${BEGIN} … ${END}`)
  return `${before}${appendix()}${after}`
}

function exportTables() {
  /** @type {Map<string, string>} */
  const first = new Map()
  return Object.entries(ENTRIES).flatMap(([entry, module]) => {
    const specifier = `spanledger${entry.slice(1)}`
    const rows = exportedBy(`src/${module}.ts`)
      .sort((one, other) => one.name.localeCompare(other.name, 'en'))
      .map(({ name, file, kind, summary, members }) => {
        const key = `${name} ${file}`
        const flaw = summaryFlaw(summary)
        if (flaw !== undefined) throw new Error(`${file}: ${name}: ${flaw}`)
        const seen = first.get(key)
        if (seen !== undefined) return row(code(name), kind, `as in \`${seen}\``, '')
        first.set(key, specifier)
        return row(code(name), kind, summary, members.map(code).join(', '))
      })
    return [
      '',
      `### \`${specifier}\``,
      '',
      row('name', 'kind', 'meaning', 'members'),
      row('---', '---', '---', '---'),
      ...rows,
    ]
  })
}

function eventTable() {
  const rows = Object.entries(catalogue).map(([type, schema]) =>
    row(code(type), Object.keys(schema.entries).map(code).join(', ')),
  )
  return ['', '### Event types and the fields of their `data`', '', row('type', 'fields'), row('---', '---'), ...rows]
}

function commandTables() {
  const rows = Object.entries(commands).map(([name, { summary, operand, options }]) => {
    const flags = Object.entries(options)
      .filter(([flag]) => flag !== 'help')
      .map(([flag, { value }]) => code(`--${flag}${value === undefined ? '' : ` ${value}`}`))
    return row(code([name, operand].filter(Boolean).join(' ')), summary, flags.join(', '))
  })
  return ['', '### Command line', '', row('command', 'act', 'options'), row('---', '---', '---'), ...rows]
}

function environmentTable() {
  const rows = Object.entries(ENVIRONMENT).map(([name, meaning]) => row(code(name), meaning))
  return ['', '### Environment variables', '', row('variable', 'meaning'), row('---', '---'), ...rows]
}

/** Every error code has a row of its own in the doc comment of the type. */
function codeTable() {
  const text = readFileSync('src/events/errors.ts', 'utf8')
  const rows = [...text.matchAll(/^ \* (\| `AUDIT_.*\|)$/gm)].map(([, line]) => /** @type {string} */ (line))
  return ['', '### Error codes', '', row('code', 'meaning', 'what to do'), row('---', '---', '---'), ...rows.sort()]
}

/** Throws if the sources read a variable that the table lacks, or no longer read one that it has. */
function checkEnvironment() {
  const read = new Set(
    sourceFiles().flatMap((file) => readFileSync(file, 'utf8').match(/(?<=env\.|')SPANLEDGER_[A-Z_]+/g) ?? []),
  )
  const known = [...Object.keys(ENVIRONMENT), ...INTERNAL_VARIABLES]
  const unknown = [...read].filter((name) => !known.includes(name))
  const gone = known.filter((name) => !read.has(name))
  if (unknown.length + gone.length > 0) {
    throw new Error(`scripts/public-names.mjs: variables without a meaning: ${unknown}; no longer read: ${gone}`)
  }
}

/** @param {string[]} cells */
function row(...cells) {
  return `| ${cells.map((cell) => cell.replaceAll('\n', ' ').replace(/(?<!\\)\|/g, '\\|')).join(' | ')} |`
}

/** @param {string} text */
function code(text) {
  return `\`${text}\``
}

if (process.argv[1] === import.meta.filename) {
  const page = readFileSync(PAGE, 'utf8')
  if (process.argv.includes('--write')) writeFileSync(PAGE, withAppendix(page))
  else if (withAppendix(page) !== page) {
    console.error(`${PAGE}: the public names have changed: review them, then run npm run names -- --write`)
    process.exitCode = 1
  }
}
