import type { FoundProcesses } from '../../ledger/processes.js'
import { type Command, directoryOperand, formatOf, locationOf } from '../command.js'
import { type Condition, conditionOf, type Ending, type KeptCheckpoint } from '../condition.js'
import type { WriterFound } from '../find-writer.js'
import { type LedgerCondition, ledgerConditionAt } from '../ledger-condition.js'
import { common, format } from '../options.js'
import { type Paint, paintFor, printOne } from '../output.js'
import { processesOf, processRows, processWarnings } from '../processes.js'
import { type OpenedStore, withStore } from '../store.js'
import { bytes, printable, shortTime } from '../text.js'

export const doctor: Command = {
  summary: 'Shows the state of each log: processes, last close, journal, dropped events, checkpoints, key, disk use',
  operand: '[DIR]',
  options: { ...format, ...common },
  examples: [
    ['spanledger doctor /var/lib/app/audit', 'look at a log without touching it'],
    ['spanledger doctor --json | jq .droppedEvents', 'what a monitor may ask'],
  ],
  async run(args, io) {
    const operand = directoryOperand(args)
    const ledger = await ledgerConditionAt(locationOf(args, io, operand))
    if (ledger) {
      const processes = await processesOf(ledger.directory)
      await printOne(io, formatOf(args), { ...ledger, ...processes }, () => ledgerText(ledger, processes, paintFor(io)))
      return
    }
    const show = async (opened: OpenedStore) => {
      const condition = await conditionOf(opened)
      const processes = await processesOf(opened.directory)
      const found = { ...condition, ...processes }
      await printOne(io, formatOf(args), found, () => described(condition, processes, paintFor(io)))
    }
    await withStore(args, io, show, operand)
  },
}

function ledgerText(found: LedgerCondition, processes: FoundProcesses | undefined, paint: Paint): string {
  const { directory, logs, staging, diskBytes, files } = found
  const rows = [
    ['ledger', directory],
    ['logs', logs.length === 0 ? 'none yet: no process has opened one' : logs.length],
    ['staging', stagingText(staging)],
    ...processRows(processes),
    ['disk', `${bytes(diskBytes)} in ${files} files`],
  ]
  return [
    rows.map(([name, value]) => `${String(name).padEnd(10)} ${printable(String(value))}`).join('\n'),
    ...logs.map(
      (log) =>
        `\nlog ${log.log}\n${'problem' in log ? paint('red', printable(log.problem)) : described(log, undefined, paint, log.log === 0)}`,
    ),
    ...processWarnings(processes).map((warning) => paint('yellow', warning)),
  ].join('\n')
}

function stagingText({ journals, events, bytes: size }: LedgerCondition['staging']): string {
  if (journals === 0) return 'nothing'
  return `${counted(events, 'event')} in ${counted(journals, 'journal')}, ${bytes(size)}: the next opening takes over those of processes that ended`
}

/** @param asksForKey - its key is to be known elsewhere: that of a ledger is log 0's, which vouches for the others */
function described(found: Condition, processes: FoundProcesses | undefined, paint: Paint, asksForKey = true): string {
  const { checkpoints, ending, journal, writer, vkey } = found
  const rows = [
    found.directory === undefined ? ['store', found.store] : ['directory', found.directory],
    ...(found.formatVersion === undefined ? [] : [['format', `version ${found.formatVersion}`]]),
    ['events', found.events],
    ['first', found.firstEventAt === undefined ? '–' : shortTime(found.firstEventAt)],
    ['last', found.lastEventAt === undefined ? '–' : shortTime(found.lastEventAt)],
    ['dropped', droppedText(found)],
    ...(writer === undefined ? [] : [['writer', WRITER[writer]]]),
    ...processRows(processes),
    ...(ending === undefined ? [] : [['ending', ENDING[ending]]]),
    ...(journal === undefined ? [] : [['journal', journalText(journal)]]),
    ...contentRows(found),
    ...(checkpoints.length === 0 ? [['checkpoint', 'none: nothing is signed']] : []),
    ...checkpoints.map((each) => ['checkpoint', checkpointText(each, found.events)]),
    ...(vkey === undefined ? [] : [['key', vkey]]),
    ...(found.diskBytes === undefined ? [] : [['disk', `${bytes(found.diskBytes)} in ${found.files} files`]]),
  ]
  return [
    ...rows.map(([name, value]) => `${String(name).padEnd(10)} ${printable(value)}`),
    ...[...warnings(found, asksForKey), ...processWarnings(processes)].map((warning) => paint('yellow', warning)),
  ].join('\n')
}

function contentRows({ content, policy, leftOutEvents }: Condition): readonly string[][] {
  const version = policy?.version === undefined ? '' : `, version ${policy.version}`
  const keys = content?.keys === 'open' ? 'its keys are here' : 'its keys cannot be used here'
  return [
    ...(content === undefined ? [] : [['content', `${bytes(content.bytes)}; ${keys}`]]),
    ...(policy === undefined ? [] : [['policy', `${policy.name}${version}`]]),
    ...(leftOutEvents === 0 ? [] : [['left out', `${counted(leftOutEvents, 'event')}, by rules of the policy`]]),
  ]
}

const WRITER: Readonly<Record<WriterFound, string>> = {
  open: 'a process has the log open',
  none: 'none',
  unknown: 'cannot be told on this system',
}

const ENDING: Readonly<Record<Ending, string>> = {
  open: 'not yet',
  in_order: 'closed in order',
  died: 'not closed: the last writer died, or could not write; the next opening recovers what it left',
  unknown: 'not closed: a process has it open, or died',
}

function droppedText({ droppedEvents, gaps, isDroppedMinimum }: Condition): string {
  if (gaps === 0) return 'none'
  return `${isDroppedMinimum ? 'at least ' : ''}${counted(droppedEvents, 'event')} in ${counted(gaps, 'gap')}, by the log's own account`
}

function journalText({ events, unreadableEvents, tornBytes, foreignBytes }: NonNullable<Condition['journal']>): string {
  const parts = [
    events === 0
      ? 'nothing that the database does not have'
      : `${counted(events, 'event')} that the database does not have yet`,
  ]
  if (unreadableEvents > 0) parts.push(`${unreadableEvents} or more that cannot be read`)
  if (tornBytes > 0) parts.push(`${counted(tornBytes, 'byte')} of one that was being written`)
  if (foreignBytes > 0) parts.push(`${counted(foreignBytes, 'byte')} written by somebody else after the log was closed`)
  return parts.join(', ')
}

function checkpointText({ source, size, signedBy }: KeptCheckpoint, events: number): string {
  const where = source === 'file' ? 'in the file checkpoint' : 'in the database'
  return size === undefined
    ? `malformed, ${where}`
    : `covers ${size} of ${events} events, ${where}, by ${signedBy.join(', ')}`
}

function warnings(
  { checkpoints, content, events, gaps, journal, vkey, directory }: Condition,
  asksForKey: boolean,
): string[] {
  const found: string[] = []
  if (gaps > 0) found.push("Events are missing: 'spanledger query -t events_dropped' says when and why.")
  if (journal?.isDamaged) {
    found.push(
      'The journal is damaged, and opening refuses it: keep the directory as evidence, then see damagedJournal.',
    )
  }
  const isFileGone =
    directory !== undefined && checkpoints.length > 0 && checkpoints.every(({ source }) => source !== 'file')
  if (isFileGone || checkpoints.some(({ size }) => size === undefined || size > events)) {
    found.push("The log is not what its checkpoints say: 'spanledger verify' finds out more, and opening it refuses.")
  }
  for (const name of content?.damaged ?? []) {
    found.push(`Content was damaged, and is kept in ${name}: 'spanledger verify' names the entries that lack theirs.`)
  }
  if (vkey !== undefined && asksForKey) {
    found.push('The key lies in the log directory itself: whoever can write there could replace it. Note it elsewhere.')
  }
  return found
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`
}
