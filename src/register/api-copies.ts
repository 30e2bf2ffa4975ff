import { createRequire } from 'node:module'
import * as own from '@opentelemetry/api'

type Api = Pick<typeof own, 'context' | 'ROOT_CONTEXT' | 'trace'>

/**
 * Calls `onApi` with each copy of the API that the application may load: since version 1.10 the package has one for
 * `import` and one for `require`. Without a tracer provider nothing connects them.
 */
export function forEachApi(onApi: (api: Api) => void, onProblem: (problem: unknown) => void): void {
  onApi(own)
  const onOther = (other: Api): void => {
    if (other.trace !== own.trace) onApi(other)
  }
  // In the CommonJS copy of this file `require` leads to the API that it has, and `import` to the other one.
  if (typeof __filename === 'string') import('@opentelemetry/api').then(onOther).catch(onProblem)
  else onOther(createRequire(import.meta.url)('@opentelemetry/api') as Api)
}
