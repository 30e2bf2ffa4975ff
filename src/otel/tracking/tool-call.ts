import type { Conclusion, Outcome } from '../conventions/contract.js'
import { isNameless } from './tool-names.js'

/** The end that a span inside a call reports. */
export type InnerCallEnd = Pick<Conclusion, 'outcome' | 'error'>

/** The words of a span on the call that it is, at its start. */
export interface CallDescription {
  readonly name: string
  /** The framework's id; `undefined` where it names none. */
  readonly id: string | undefined
  /** Name of the instrumentation scope. */
  readonly scope: string
  readonly kind: number
  /** The call is reported by a client or a server of the Model Context Protocol. */
  readonly isMcp: boolean
  /** The id of the request that carries it, with that of the protocol's session where it is named. */
  readonly request: string | undefined
  readonly flow: number | string
  readonly start: number
  /** Calls of models that had begun in the run by then. */
  readonly turn: number
  /** A value that differs between two sets of arguments, where the span has them from its start. */
  readonly given: string | undefined
}

/**
 * A call of a tool that is recorded, by whichever span reported it first. Its description is copied field by field: a run looks
 * through its calls for each span, and thousands of them are kept.
 */
export class ToolCall implements CallDescription {
  readonly name: string
  readonly id: string | undefined
  readonly scope: string
  readonly kind: number
  readonly isMcp: boolean
  readonly request: string | undefined
  readonly flow: number | string
  readonly start: number
  readonly turn: number
  readonly given: string | undefined
  #betterName: string | undefined = undefined
  #end: number | undefined = undefined
  #outcome: Outcome | undefined = undefined
  #inner: InnerCallEnd | undefined = undefined
  #hasArguments = false
  /** Scopes that have reported it. */
  readonly #reporters: string[]

  constructor(described: CallDescription) {
    this.name = described.name
    this.id = described.id
    this.scope = described.scope
    this.kind = described.kind
    this.isMcp = described.isMcp
    this.request = described.request
    this.flow = described.flow
    this.start = described.start
    this.turn = described.turn
    this.given = described.given
    this.#reporters = [described.scope]
  }

  /** Its arguments are recorded with its start. */
  get hasArguments(): boolean {
    return this.#hasArguments
  }

  /** The arguments are recorded with the start. */
  takeArguments(): void {
    this.#hasArguments = true
  }

  /** The name that another span gives, where the first one knows none. */
  get betterName(): string | undefined {
    return this.#betterName
  }

  /** Absent while it is under way. */
  get endedAt(): number | undefined {
    return this.#end
  }

  get outcome(): Outcome | undefined {
    return this.#outcome
  }

  /** The end that another span reported while the call was under way. */
  get inner(): InnerCallEnd | undefined {
    return this.#inner
  }

  isReportedBy(scope: string): boolean {
    return this.#reporters.includes(scope)
  }

  /** Another span reports the call as well. */
  reportAgain({ scope, name }: CallDescription): void {
    if (!this.isReportedBy(scope)) this.#reporters.push(scope)
    if (isNameless(this.name) && !isNameless(name)) this.#betterName ??= name
  }

  /** @param outcome - none where its span does not say it */
  end(at: number, outcome?: Outcome): void {
    this.#end = at
    if (outcome) this.#outcome = outcome
  }

  /** A span inside reports the end, unless the call has ended. */
  endInside({ outcome, error }: InnerCallEnd): void {
    if (this.#end === undefined) this.#inner = { outcome, error }
  }
}
