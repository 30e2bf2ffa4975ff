// Records a run through a processor with a location, and ends: node recorder.mjs <compiled sources> <directory> <how>
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { TracerProvider } from '@opentelemetry/sdk-trace'

const [dist = '', location = '', how = 'exit'] = process.argv.slice(2)
/** @param {string} path */
const load = (path) => import(pathToFileURL(join(dist, path)).href)
const { AuditSpanProcessor } = await load('index.js')

const die = () => process.kill(process.pid, 'SIGKILL')
/**
 * Dies before or behind a call of a method.
 *
 * @param {Record<string, (...given: unknown[]) => unknown>} prototype
 * @param {string} method
 * @param {boolean} isBehind
 */
function dieAt(prototype, method, isBehind) {
  const original = prototype[method]
  if (!original) throw new Error(`no method ${method}`)
  prototype[method] = function (/** @type {unknown[]} */ ...given) {
    if (!isBehind) die()
    const result = original.apply(this, given)
    if (result instanceof Promise) return result.then(die)
    return die()
  }
}

const { StagingJournal } = await load('log/staging/staging-journal.js')
const { StagedIntake } = await load('log/staging/staged-intake.js')
const { LogWriter } = await load('log/committing/writer.js')
/** @type {Record<string, () => void>} */
const steps = {
  'before the claim': () => dieAt(StagingJournal.prototype, 'claimFor', false),
  'behind the claim': () => dieAt(StagingJournal.prototype, 'claimFor', true),
  'behind the events': () => dieAt(StagedIntake.prototype, 'take', true),
  'behind the statement': () => dieAt(StagedIntake.prototype, 'adopted', true),
  'behind the commit': () => dieAt(LogWriter.prototype, 'flush', true),
  'before the removal': () => dieAt(StagingJournal.prototype, 'remove', false),
  'behind the removal': () => dieAt(StagingJournal.prototype, 'remove', true),
}
steps[how]?.()

const audit = new AuditSpanProcessor({ location })
if (how === 'constructor') die()
const tracer = new TracerProvider({ spanProcessors: [audit] }).getTracer('app')
const attributes = { 'gen_ai.operation.name': 'invoke_agent', 'gen_ai.agent.name': 'planner' }
tracer.startSpan('invoke_agent planner', { attributes }).end()
// What a write to a file returns from is there, whatever becomes of this process.
if (how === 'exit') process.exit(0)
if (how === 'kill') die()
// Until it is killed.
if (how === 'hold') await new Promise(() => setInterval(() => {}, 60_000))
await audit.ready
await audit.shutdown()
