import type { AuditEventInput } from '../../events/types.js'
import type { EventSchemas } from '../../events/validate.js'
import type { Governance } from '../../governance/contract.js'
import type { AuditStore } from '../../store/contract.js'
import type { StartTimer } from '../../timers/real-timers.js'
import type { Checkpointer } from '../checkpoints/checkpointer.js'
import type { HeadFile } from '../journal/head-file.js'
import type { Journal } from '../journal/journal.js'
import type { LogEmitter } from '../log-emitter.js'
import type { Sealer } from '../sealing/seal.js'
import type { AuditLogMeter } from './metrics.js'

/** The parts that a log is written with. */
export interface LogWriterParts {
  /** Open. The writer closes it. */
  readonly store: AuditStore
  readonly sealer: Sealer
  readonly schemas: EventSchemas
  readonly maxQueueBytes: number
  /** Applies the policy. @defaultValue everything is taken as it comes */
  readonly governance?: Governance | undefined
  readonly emitter: LogEmitter
  /** The writer closes these. */
  readonly journal?: Journal | undefined
  readonly head?: HeadFile | undefined
  readonly checkpointer?: Checkpointer | undefined
  readonly meter?: AuditLogMeter | undefined
  readonly startTimer?: StartTimer
  /** Called after each commit, and when the log is closed. */
  readonly onChange?: () => void
  /** Tells whether all is done that the next opening would have to do. @defaultValue it is */
  readonly isSettled?: () => boolean
  /** Returns the last statements of the log, once nothing else is taken any more. What it rejects with is ignored. */
  readonly lastStatements?: (() => Promise<readonly AuditEventInput[]>) | undefined
  /** Called before others can open the log, with whether it is closed in order. What it rejects with is ignored. */
  readonly onClosing?: ((isInOrder: boolean) => Promise<void>) | undefined
}
