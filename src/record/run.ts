import { runIn } from './flow.js'
import { type ActiveRun, OpenRun } from './open-run.js'
import type { RunOptions } from './run-options.js'
import { followStream } from './streams.js'

/**
 * Runs `fn` as one run of an agent, in a span `invoke_agent {agentName}` that is active for everything inside. When
 * `fn` throws, or the promise it returns rejects, the run has failed, and the same value is thrown on. Inside another
 * run it is a sub-agent's. Where no SDK records the span, the run goes straight to the attached logs.
 *
 * The run ends when `fn` returns or its promise settles. Where that is a stream, it lasts as long as the stream is read: it
 * completes at the stream's end, fails when the stream throws, and is cancelled for the reason `left` when its reader goes
 * before. What happens inside while it is read belongs to the run. Streams are generators, other objects that can be
 * iterated asynchronously, web streams, streams of Node, and a `Response` with a body. A stream that nobody reads leaves
 * the run open, until it is given up after `abandonAfterMillis`. A run whose end was set through `run` before `fn` returned
 * ends with `fn`. So does one whose stream is inside another object: consume that in `fn`.
 *
 * Options that cannot be used are left out and reported once through `diag`: `fn` runs in any case.
 *
 * @returns what `fn` returns; in place of a plain web stream, one that reads from it
 * @throws TypeError when `fn` is no function; what `fn` throws
 */
export function withRun<T>(options: RunOptions, fn: (run: ActiveRun) => T): T {
  if (typeof fn !== 'function')
    throw new TypeError('withRun: expected a function as the second argument, after the options')
  const run = new OpenRun(options)
  let result: T
  try {
    result = runIn(run.context, () => fn(run))
  } catch (thrown) {
    run.fail(thrown)
    throw thrown
  }
  if (isThenable(result)) {
    return Promise.resolve(result).then(
      (value: unknown) => endWith(run, value),
      (thrown: unknown) => {
        run.fail(thrown)
        throw thrown
      },
    ) as T
  }
  return endWith(run, result)
}

/** Ends the run, at once or with the stream that its function returned. */
function endWith<T>(run: OpenRun, result: T): T {
  const stream = run.isEndSet ? undefined : followStream(result, run)
  if (stream) return stream as T
  run.end()
  return result
}

function isThenable(value: unknown): boolean {
  try {
    return typeof (value as { then?: unknown } | null | undefined)?.then === 'function'
  } catch {
    return false
  }
}
