import { resolve } from 'node:path'
import { inspectKeys, type KeysCondition } from '../../content/keys/inspect.js'
import { fileProvider, keysDirectory } from '../../content/keys/options.js'
import { keyFileProvider } from '../../content/keys/provider.js'
import { rotateContentKey } from '../../content/keys/rotate.js'
import { ledgerOf } from '../../ledger/log-directories.js'
import { type Command, CommandFailed, formatOf, locationOf } from '../command.js'
import { EXIT } from '../exit-codes.js'
import { type Arguments, common, format, keyFile } from '../options.js'
import { type Io, type Paint, paintFor, printOne } from '../output.js'
import { printable } from '../text.js'
import { UsageError } from '../usage-error.js'

const { log, help } = common

export const keys: Command = {
  summary: 'Shows whether the keys of content can be used; has another key file wrap them',
  operand: '[rotate]',
  operands: ['rotate'],
  options: {
    keys: {
      type: 'string',
      value: 'DIR',
      help: "the directory of the keys; by default the ledger's own. For a log in PostgreSQL: that of SPANLEDGER_CONTENT_KEYS",
    },
    from: { type: 'string', value: 'FILE', help: 'rotate: the key file until now; by default as for --key-file' },
    to: { type: 'string', value: 'FILE', help: 'rotate: the key file from now on, made where it is missing' },
    ...keyFile,
    ...format,
    log,
    help,
  },
  examples: [
    [
      'spanledger keys --log /var/lib/app/audit',
      'who wrapped the key of the ledger, whether it opens, how many subjects have keys',
    ],
    ['spanledger keys rotate --to /run/secrets/spanledger-2', 'change the key file; nothing is encrypted anew'],
  ],
  async run(args, io) {
    const [act, ...more] = args.positionals
    if (more[0] !== undefined) throw new UsageError(`'${more[0]}' is one word too many`)
    const directory = keysOf(args, io)
    if (act === 'rotate') {
      await rotate(args, io, directory)
      return EXIT.success
    }
    if (act !== undefined) throw new UsageError(`keys: '${act}' is unknown; say 'rotate', or nothing`)
    for (const name of ['from', 'to']) {
      if (args.text(name) !== undefined) throw new UsageError(`--${name} is for 'spanledger keys rotate'`)
    }
    const found = await inspectKeys(directory, fileProvider(directory, args.text('key-file')))
    await printOne(io, formatOf(args), found, () => conditionText(found, paintFor(io)))
    return found.ledgerKey === 'unavailable' ? EXIT.failed : EXIT.success
  },
}

function keysOf(args: Arguments, io: Io): string {
  const named = args.text('keys')
  if (named === '') throw new UsageError('--keys: name a directory')
  if (named !== undefined) return resolve(named)
  const location = locationOf(args, io)
  if ('url' in location) throw new UsageError('name the directory of the keys with --keys DIR')
  return keysDirectory(ledgerOf(location.directory))
}

async function rotate(args: Arguments, io: Io, directory: string): Promise<void> {
  const [given, next] = [args.text('from') ?? args.text('key-file'), args.text('to')]
  if (next === undefined || next === '') throw new UsageError('keys rotate: name the new key file with --to FILE')
  if (given !== undefined && resolve(given) === resolve(next)) throw new UsageError('--from and --to are one file')
  const [from, to] = [fileProvider(directory, given), keyFileProvider(next)]
  const { ledgerKey, problem } = await inspectKeys(directory, from)
  if (ledgerKey === 'none') {
    throw new CommandFailed(`there is no key in ${directory}: nothing to rotate`, { exitCode: EXIT.noInput })
  }
  if (problem) throw new CommandFailed(problem.message)
  to.create()
  await rotateContentKey({ directory, from, to })
  const keyFile = resolve(next)
  await printOne(io, formatOf(args), { directory, keyFile }, () =>
    [
      `${printable(keyFile)} wraps the key of the ledger now. Give it to every process that opens the ledger from now on:`,
      '  SPANLEDGER_CONTENT_KEY_FILE, or contentKeys: { keyFile }',
      'Keep the former key file as long as a backup of the keys needs it.',
    ].join('\n'),
  )
}

function conditionText({ directory, provider, ledgerKey, subjects, problem }: KeysCondition, paint: Paint): string {
  const colour = { open: 'green', unavailable: 'red', none: 'yellow' } as const
  const words = { open: 'opens', unavailable: 'does not open', none: 'there is none yet' }
  const lines = [
    `directory          ${printable(directory)}`,
    `key of the ledger  ${paint(colour[ledgerKey], words[ledgerKey])}`,
    ...(provider === undefined ? [] : [`wrapped by         ${printable(provider)}`]),
    `subjects           ${subjects}`,
  ]
  return [...lines, ...(problem ? [`${problem.code}: ${printable(problem.message)}`] : [])].join('\n')
}
