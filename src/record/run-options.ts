import type { Tracer } from '@opentelemetry/api'
import type { AuditScope } from './context.js'
import type { RecordingLibrary } from './emit.js'
import type { OptionKinds } from './misuse.js'
import { SCOPE_KINDS } from './scope.js'

/** Options of `withRun`: the properties of the run that are known at its start. */
export interface RunOptions extends AuditScope {
  /** The name that people give the agent; runs are found by it. */
  readonly agentName?: string | undefined
  /** A stable id, where the name may change. */
  readonly agentId?: string | undefined
  /** @defaultValue a random UUID */
  readonly runId?: string | undefined
  /** The model that it is to use. Record what its calls used with `recordTokenUsageUpdated`. */
  readonly model?: string | undefined
  /** The trigger: `user`, `schedule`, `webhook` … */
  readonly trigger?: string | undefined
  /** @defaultValue `agent` */
  readonly kind?: 'agent' | 'workflow' | undefined
  /**
   * The library that runs the agent: its span is started by the tracer of this name, and the events of the run have it as
   * their `source.scope`. Hand it to `record*` as well.
   *
   * @defaultValue `spanledger`
   */
  readonly library?: RecordingLibrary | undefined
  /** @defaultValue the global tracer provider's tracer with the name of `library` */
  readonly tracer?: Tracer | undefined
}

/** The kind of value of each option. */
export const RUN_KINDS: OptionKinds<RunOptions> = {
  ...SCOPE_KINDS,
  agentName: 'text',
  agentId: 'text',
  runId: 'text',
  model: 'text',
  trigger: 'text',
  kind: 'as is',
  library: 'as is',
  tracer: 'as is',
}
