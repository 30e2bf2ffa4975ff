import type { Attributes } from '@opentelemetry/api'

/** What is kept of a thrown value. */
export interface Failure {
  readonly code: string
  readonly message: string
}

const UNREADABLE = 'a value that cannot be read was thrown'

/** Reads any thrown value; a getter of it that throws counts as missing. */
export function failureOf(thrown: unknown): Failure {
  return {
    code: textOf(thrown, 'code') ?? textOf(thrown, 'name') ?? 'Error',
    message: textOf(thrown, 'message') ?? description(thrown),
  }
}

export function failureAttributes(thrown: unknown): Attributes {
  const { code, message } = failureOf(thrown)
  return { 'spanledger.error.code': code, 'spanledger.error.message': message }
}

export function stackOf(thrown: unknown): string | undefined {
  return textOf(thrown, 'stack')
}

function textOf(thrown: unknown, property: 'code' | 'name' | 'message' | 'stack'): string | undefined {
  if ((typeof thrown !== 'object' && typeof thrown !== 'function') || thrown === null) return undefined
  try {
    const value = (thrown as Record<string, unknown>)[property]
    return typeof value === 'string' && value !== '' ? value : undefined
  } catch {
    return undefined
  }
}

function description(thrown: unknown): string {
  try {
    return String(thrown)
  } catch {
    return UNREADABLE
  }
}
