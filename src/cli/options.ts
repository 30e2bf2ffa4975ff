import { parseArgs } from 'node:util'
import { catalogue } from '../events/catalogue.js'
import { nearestName } from '../events/nearest.js'
import { RUN_STATUSES } from '../events/run-status.js'
import { CONTENT_CHOICES } from '../reader/content/choice.js'
import type { LedgerEventQuery } from '../reader/contract.js'
import { parseHumanTime } from './human-time.js'
import { UsageError } from './usage-error.js'

/** One option of a command. */
export interface Option {
  readonly type: 'string' | 'boolean'
  readonly short?: string
  readonly multiple?: boolean
  /** The name of its value in the help; a shell completes a `DIR` and a `FILE`. */
  readonly value?: string
  /** Values that a shell may offer. */
  readonly choices?: readonly string[]
  readonly help: string
}

export type Options = Readonly<Record<string, Option>>

const log = {
  type: 'string',
  short: 'l',
  value: 'DIR',
  help: "the log's directory; else SPANLEDGER_LOG, else ./audit",
} as const
const store = {
  type: 'string',
  value: 'URL',
  help: 'instead of a directory, a log in PostgreSQL: postgres://user@host/database#LOG-ID',
} as const
export const help = { type: 'boolean', short: 'h', help: 'this help' } as const
export const common = { log, store, help } satisfies Options

const logNumber = {
  type: 'string',
  value: 'N',
  help: 'only this log of a ledger that has several; 0 is the one in DIR itself',
} as const
/** The key file of content. */
export const keyFile = {
  'key-file': {
    type: 'string',
    value: 'FILE',
    help: "the key file of content; else SPANLEDGER_CONTENT_KEY_FILE, else the ledger's own",
  },
} as const satisfies Options
/** Options of the commands that read all logs of a ledger as one. */
export const reading = { log, 'log-number': logNumber, store, ...keyFile, help } satisfies Options
/** Options of the commands that print events. */
export const pending = {
  pending: {
    type: 'boolean',
    help: 'also the events that are not committed yet, as the newest ones: filters, --limit and --order apply to them too, and they have no position',
  },
} as const satisfies Options
/** Content that is put back into events. */
export const content = {
  content: {
    type: 'string',
    value: 'WHICH',
    choices: CONTENT_CHOICES,
    help: 'put back what can be read: diagnostics (error messages, reasons) or all; by default none',
  },
} as const satisfies Options
/** The place from which events of a ledger are read. */
export const cursors = {
  after: { type: 'string', value: 'CURSOR', help: 'behind this cursor, which holds a position in every log' },
  before: { type: 'string', value: 'CURSOR', help: 'ahead of this cursor' },
} as const satisfies Options

export const format = {
  json: { type: 'boolean', help: 'as JSON; a list as one array' },
  jsonl: { type: 'boolean', help: 'as JSON in one line; a list as one object a line' },
} as const satisfies Options

export const tenant = { type: 'string', value: 'ID', help: 'of this tenant' } as const
const session = { type: 'string', value: 'ID', help: 'of this session' } as const
const agent = { type: 'string', value: 'NAME', help: 'of the agent with this name or id' } as const
const actor = {
  type: 'string',
  value: 'ID',
  help: 'of this actor: on whose behalf; also behind a pseudonym, where the keys can be read',
} as const
const tool = { type: 'string', value: 'NAME', help: 'about this tool: its calls and approvals' } as const
const since = {
  type: 'string',
  value: 'TIME',
  choices: ['1h', '24h', '7d', 'today', 'yesterday'],
  help: 'from this time on: 2h, today, yesterday, 2026-11-21, RFC 3339',
} as const
const until = { type: 'string', value: 'TIME', help: 'before this time' } as const

/** Filters of a live view. */
export const followFilters = {
  tenant,
  session,
  run: { type: 'string', value: 'ID', help: 'of this run' },
  agent,
  actor,
  tool,
  type: {
    type: 'string',
    short: 't',
    multiple: true,
    value: 'TYPE',
    choices: Object.keys(catalogue),
    help: 'of this type; may be repeated',
  },
  since,
} as const satisfies Options

export const eventFilters = {
  ...followFilters,
  until,
  'after-seq': { type: 'string', value: 'N', help: 'behind this position' },
  'before-seq': { type: 'string', value: 'N', help: 'ahead of this position' },
} as const satisfies Options

export const listing = {
  limit: { type: 'string', short: 'n', value: 'N', help: 'this many at most' },
  order: { type: 'string', value: 'asc|desc', choices: ['asc', 'desc'], help: 'the oldest or the newest first' },
} as const satisfies Options

/** The default length of a list of runs, sessions or agents. */
export const DEFAULT_LIST = 20
export const shortList = {
  limit: { ...listing.limit, help: `this many at most, by default ${DEFAULT_LIST}` },
  order: { ...listing.order, help: 'the oldest or the newest first, by default desc' },
} as const satisfies Options

export const runFilters = {
  tenant,
  session,
  agent,
  actor,
  status: {
    type: 'string',
    multiple: true,
    value: 'STATUS',
    choices: RUN_STATUSES,
    help: `${RUN_STATUSES.join(', ')}; may be repeated`,
  },
  since,
  until,
} as const satisfies Options

export const sessionFilters = { tenant, since, until } as const satisfies Options

/** The arguments of a command as typed, by option. */
export class Arguments {
  readonly positionals: readonly string[]
  readonly #values: Readonly<Record<string, unknown>>

  /**
   * Parses the words of a command line.
   *
   * Attacker-controlled: where a script passes words on; unknown options are refused, and each value is checked where it is used.
   *
   * @throws UsageError
   */
  static parse(args: readonly string[], options: Options): Arguments {
    try {
      const { values, positionals } = parseArgs({
        args: joinedNegatives(args, options),
        options: parseable(options),
        allowPositionals: true,
      })
      return new Arguments(values, positionals)
    } catch (error) {
      throw usageError(error, args, options)
    }
  }

  private constructor(values: Readonly<Record<string, unknown>>, positionals: readonly string[]) {
    this.#values = values
    this.positionals = positionals
  }

  flag(name: string): boolean {
    return this.#values[name] === true
  }

  text(name: string): string | undefined {
    const value = this.#values[name]
    return typeof value === 'string' ? value : undefined
  }

  texts(name: string): readonly string[] | undefined {
    const value = this.#values[name]
    return Array.isArray(value) ? (value as string[]) : undefined
  }

  number(name: string): number | undefined {
    const text = this.text(name)
    if (text === undefined) return undefined
    if (!/^-?\d{1,15}$/.test(text)) throw new UsageError(`--${name}: '${text}' is no whole number`)
    return Number(text)
  }

  /** The fields of a query that these options stand for; the reader checks their values. */
  query(now: number): LedgerEventQuery<string> & { readonly status?: never } {
    const time = (name: string) => {
      const text = this.text(name)
      return text === undefined ? undefined : parseHumanTime(text, name, now)
    }
    const fields = {
      tenantId: this.text('tenant'),
      sessionId: this.text('session'),
      runId: this.text('run'),
      agent: this.text('agent'),
      actorId: this.text('actor'),
      tool: this.text('tool'),
      type: this.texts('type'),
      status: this.texts('status'),
      since: time('since'),
      until: time('until'),
      afterSeq: this.number('after-seq'),
      beforeSeq: this.number('before-seq'),
      after: this.text('after'),
      before: this.text('before'),
      limit: this.number('limit'),
      order: this.text('order'),
      content: this.text('content'),
    }
    return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))
  }
}

/** Joins an option and the negative number that follows it, as in `--after-seq -1`: `parseArgs` takes that for another option. */
function joinedNegatives(args: readonly string[], options: Options): string[] {
  const joined: string[] = []
  for (const arg of args) {
    const option = joined.at(-1)
    const takesValue = option?.startsWith('--') && options[option.slice(2)]?.type === 'string'
    if (takesValue && /^-\d+$/.test(arg)) joined.splice(-1, 1, `${option}=${arg}`)
    else joined.push(arg)
  }
  return joined
}

function parseable(options: Options) {
  const config: Record<string, { type: 'string' | 'boolean'; short?: string; multiple?: boolean }> = {}
  for (const [name, { type, short, multiple }] of Object.entries(options)) {
    config[name] = { type, ...(short !== undefined && { short }), ...(multiple && { multiple }) }
  }
  return config
}

function usageError(error: unknown, args: readonly string[], options: Options): unknown {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  if (typeof code !== 'string' || !code.startsWith('ERR_PARSE_ARGS_')) return error
  if (code !== 'ERR_PARSE_ARGS_UNKNOWN_OPTION') return new UsageError((error as Error).message.replaceAll('\n', ' '))
  const known = Object.keys(options)
  const end = args.indexOf('--')
  const before = end < 0 ? args : args.slice(0, end)
  const unknown = before.find((arg) => /^--./.test(arg) && !known.includes(nameIn(arg)))
  if (unknown === undefined) return new UsageError((error as Error).message)
  const nearest = nearestOption(nameIn(unknown), known)
  const hint = nearest === undefined ? '--help lists those of the command' : `did you mean '--${nearest}'?`
  return new UsageError(`there is no option '${unknown}'; ${hint}`)
}

function nameIn(arg: string): string {
  return arg.slice(2).split('=')[0] as string
}

/** Returns the option that a mistyped one most likely means: the nearest name, or one that has all of its words. */
function nearestOption(mistyped: string, known: readonly string[]): string | undefined {
  const words = mistyped.split('-')
  const hasAll = (name: string) => words.every((word) => name.split('-').includes(word))
  return nearestName(mistyped, known) ?? known.find(hasAll)
}
