import type { Context, ContextAPI } from '@opentelemetry/api'
import { keepIn, keptContext } from '../record/flow.js'

type Fn = (...args: unknown[]) => unknown

/** A copy of the API. Each has a root context of its own. */
interface ContextApi {
  readonly context: ContextAPI
  readonly ROOT_CONTEXT: Context
}

/**
 * Keeps the active context in an application without a context manager, so that its spans nest: the API alone forgets a
 * context at once. Nothing is registered, since the SDK of an application could not register its own manager any more.
 * As soon as a manager is seen at work, the API is as it was.
 */
export function keepContext({ context, ROOT_CONTEXT }: ContextApi): void {
  const { active, bind, with: run } = context
  const own = context as Partial<ContextAPI>
  const restore = (): void => {
    delete own.active
    delete own.with
    delete own.bind
  }
  const runIn = (within: Context, fn: Fn, thisArg?: unknown, ...args: unknown[]): unknown =>
    run.call(context, within, () => {
      const isManaged = within !== ROOT_CONTEXT && active.call(context) === within
      if (isManaged) restore()
      return isManaged ? fn.apply(thisArg, args) : keepIn(within, () => fn.apply(thisArg, args))
    })
  const bound = (within: Context, target: unknown): unknown => {
    const managed = bind.call(context, within, target)
    if (managed !== target || typeof target !== 'function') return managed
    return function (this: unknown, ...args: unknown[]) {
      return context.with(within, target as Fn, this, ...args)
    }
  }
  own.active = () => {
    const found = active.call(context)
    return found === ROOT_CONTEXT ? (keptContext() ?? found) : found
  }
  own.with = runIn as typeof context.with
  own.bind = bound as typeof context.bind
}
