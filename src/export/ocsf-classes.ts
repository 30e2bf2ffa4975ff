import type { StoredEvent } from '../events/types.js'
import { nameIn, textIn } from './facts.js'

/*
 * The places of the event types in OCSF 1.8 and 1.9. An AI Agent Activity class is not released, so runs are what an
 * application's start and stop are, and what an agent calls is API activity.
 */

/** A class of OCSF and the category it is in. */
interface OcsfClass {
  readonly uid: number
  readonly category: number
}

const BASE_EVENT: OcsfClass = { uid: 0, category: 0 }
export const DETECTION_FINDING: OcsfClass = { uid: 2004, category: 2 }
export const APPLICATION_LIFECYCLE: OcsfClass = { uid: 6002, category: 6 }
export const API_ACTIVITY: OcsfClass = { uid: 6003, category: 6 }
export const APPLICATION_ERROR: OcsfClass = { uid: 6008, category: 6 }

/** An `activity_id` and its name. 99 is what the class has no number for. */
type Activity = readonly [id: number, name: string]
const OTHER = 99

/** `status_id`. */
type Status = 'unknown' | 'success' | 'failure' | 'other'

export interface OcsfMapping {
  readonly class: OcsfClass
  readonly activity: Activity
  readonly status: Status
  /** Returns the name of what was called, where the class asks for it. */
  readonly operation?: (event: StoredEvent) => string | undefined
  /** The class is about the recording that starts, stops or changes, not about an agent. */
  readonly isOfTheLog?: boolean
  /** Returns the decision of a control; `undefined` when the event does not tell it. */
  readonly isAllowed?: (event: StoredEvent) => boolean | undefined
}

const START: Activity = [3, 'Start']
const STOP: Activity = [4, 'Stop']
const ERROR: Activity = [1, 'General Error']
const other = (name: string): Activity => [OTHER, name]
const tool = (event: StoredEvent) => nameIn(event, 'tool')
const target = (event: StoredEvent) => textIn(event, 'target') ?? textIn(event, 'policy')

const VERDICTS: ReadonlyMap<string | undefined, boolean> = new Map([
  ['allow', true],
  ['deny', false],
])

function allowedBy(event: StoredEvent): boolean | undefined {
  return VERDICTS.get(textIn(event, 'verdict'))
}

const lifecycle = (activity: Activity, status: Status): OcsfMapping => ({
  class: APPLICATION_LIFECYCLE,
  activity,
  status,
})
const call = (activity: Activity, status: Status, operation?: OcsfMapping['operation']): OcsfMapping => ({
  class: API_ACTIVITY,
  activity,
  status,
  ...(operation && { operation }),
})
const finding: OcsfMapping = { class: DETECTION_FINDING, activity: [1, 'Create'], status: 'other' }
const failure: OcsfMapping = { class: APPLICATION_ERROR, activity: ERROR, status: 'failure' }

const MAPPINGS: ReadonlyMap<string, OcsfMapping> = new Map([
  ['run_started', lifecycle(START, 'success')],
  ['run_completed', lifecycle(STOP, 'success')],
  ['run_failed', lifecycle(STOP, 'failure')],
  ['run_cancelled', lifecycle(STOP, 'other')],
  ['run_suspended', lifecycle(other('Suspend'), 'success')],
  ['run_interrupted', lifecycle(STOP, 'failure')],
  ['resumed', lifecycle(other('Resume'), 'success')],
  ['audit_attached', { ...lifecycle([6, 'Enable'], 'success'), isOfTheLog: true }],
  ['audit_detached', { ...lifecycle([7, 'Disable'], 'success'), isOfTheLog: true }],
  ['ledger_joined', { ...lifecycle(other('Ledger Joined'), 'success'), isOfTheLog: true }],
  ['siblings_noted', { ...lifecycle(other('Siblings Noted'), 'success'), isOfTheLog: true }],
  ['signing_key_changed', { ...lifecycle([8, 'Update'], 'success'), isOfTheLog: true }],
  ['sub_agent_invoked', call(other('Invoke'), 'unknown', (event) => textIn(event, 'agentId'))],
  ['agent_handoff', call(other('Hand off'), 'success', (event) => textIn(event, 'to'))],
  ['tool_call_started', call(other('Call'), 'unknown', tool)],
  ['tool_call_completed', call(other('Call'), 'success', tool)],
  ['tool_call_failed', call(other('Call'), 'failure', tool)],
  ['tool_approval_requested', call(other('Approve'), 'unknown', tool)],
  ['tool_approval_granted', { ...call(other('Approve'), 'success', tool), isAllowed: () => true }],
  ['tool_approval_denied', { ...call(other('Approve'), 'failure', tool), isAllowed: () => false }],
  ['token_usage_updated', call(other('Inference'), 'success', (event) => textIn(event, 'model'))],
  ['memory_recall', call([2, 'Read'], 'success')],
  ['context_compacted', call([3, 'Update'], 'success')],
  ['memory_written', call([3, 'Update'], 'success')],
  ['memory_deleted', call([4, 'Delete'], 'success')],
  ['policy_violation', finding],
  ['policy_decision', { ...call(other('Decide'), 'success', target), isAllowed: allowedBy }],
  ['guardrail_evaluated', call(other('Evaluate'), 'success', (event) => textIn(event, 'guardrail'))],
  ['intervention', call(other('Intervene'), 'success', (event) => textIn(event, 'kind'))],
  ['audit_log_diverged', finding],
  ['error_occurred', failure],
  ['usage_limit_exceeded', failure],
  ['events_dropped', failure],
  ['auditing_impaired', failure],
])

/** The class of `custom` events and of types that this version does not know. */
const UNCLASSIFIED: OcsfMapping = { class: BASE_EVENT, activity: other('Other'), status: 'unknown' }

export function mappingOf(type: string): OcsfMapping {
  return MAPPINGS.get(type) ?? UNCLASSIFIED
}
