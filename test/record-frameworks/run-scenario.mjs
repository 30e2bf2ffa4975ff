import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { CountedIds, Recorder } from './recorder.mjs'

/* Runs one scenario of a framework; without a name it lists the scenarios. */

const [folder = '', target = '', scenario] = process.argv.slice(2)
const load = createRequire(join(folder, 'package.json'))
const { context, propagation, trace } = load('@opentelemetry/api')
const { logs } = load('@opentelemetry/api-logs')
const { AsyncLocalStorageContextManager } = load('@opentelemetry/context-async-hooks')
const { resourceFromAttributes } = load('@opentelemetry/resources')
const { LoggerProvider } = load('@opentelemetry/sdk-logs')
const { BasicTracerProvider, TracerProvider = BasicTracerProvider } = sdkTrace()

const recorder = new Recorder()
const resource = resourceFromAttributes({ 'service.name': 'recorded' })
const provider = new TracerProvider({ resource, idGenerator: new CountedIds(), spanProcessors: [recorder] })
trace.setGlobalTracerProvider(provider)
context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
propagation.disable()
const loggerProvider = new LoggerProvider({ resource, processors: [recorder.logProcessor] })
logs.setGlobalLoggerProvider(loggerProvider)

const { scenarios } = await import(pathToFileURL(join(folder, 'scenarios.mjs')).href)
if (scenario === undefined) {
  console.log(JSON.stringify(Object.keys(scenarios)))
} else {
  await scenarios[scenario]({ provider, loggerProvider })
  await new Promise((resolve) => setTimeout(resolve, 50))
  recorder.write(join(target, scenario), import.meta.dirname)
}
process.exit()

/** SDK 3 calls the package otherwise than SDK 2. */
function sdkTrace() {
  try {
    return load('@opentelemetry/sdk-trace')
  } catch {
    return load('@opentelemetry/sdk-trace-base')
  }
}
