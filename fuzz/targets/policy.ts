import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { compileRules } from '../../src/governance/policy/matching.js'
import { parsePolicy } from '../../src/governance/policy/parse.js'
import { readPolicyFile } from '../../src/governance/policy/policy-file.js'
import { DETECTORS } from '../../src/governance/redaction/detectors.js'
import { temporaryDirectory } from '../support/directory.js'
import { claim, coded, parsed, same } from '../support/oracle.js'

/*
 * Policy files.
 *
 * Oracles: a file is a policy or `AUDIT_POLICY_INVALID`, whose message is one of bounded length; a policy that is accepted is accepted again in the form in which
 * it was read; its rules answer for every event.
 */
const path = join(temporaryDirectory(), 'policy.json')
const NAMES = DETECTORS
const MAX_MESSAGE_LENGTH = 4_096
const EVENTS = [
  { type: 'custom', data: {} },
  {
    type: 'tool_call_completed',
    tenantId: 'clinic-7',
    sessionId: 's',
    agent: { id: 'a', name: 'probe' },
    data: { tool: { name: 'search' } },
  },
  { type: 'run_started', tenantId: 7, agent: null, data: undefined },
]

export function fuzz(bytes: Buffer): void {
  writeFileSync(path, bytes)
  const policy = parsed(isRefusal, () => parsePolicy(readPolicyFile(path), NAMES))
  if (!policy) return
  same(parsePolicy(JSON.parse(JSON.stringify(policy)), NAMES), policy, 'a policy that was accepted is read as another')
  for (const { fits } of compileRules(policy.rules ?? [])) {
    for (const event of EVENTS) claim(typeof fits(event as never) === 'boolean', 'a rule does not answer')
  }
}

function isRefusal(error: unknown): boolean {
  if (!coded('AUDIT_POLICY_INVALID')(error)) return false
  claim((error as Error).message.length <= MAX_MESSAGE_LENGTH, 'a message repeats too much of what is wrong')
  return true
}

export function seeds(): Buffer[] {
  const policy = {
    $schema: 'spanledger/schema/policy.schema.json',
    name: 'clinic',
    version: '3',
    rules: [
      { name: 'health-checks', match: { agent: 'probe' }, payload: 'none' },
      { name: 'search', match: { tool: ['search', 'mcp__web__*'], convention: '*' }, payload: 'content' },
      { match: { tenantId: 'clinic-7', type: 'run_*', sessionId: 's' }, payload: 'metadata', diagnostics: 'digest' },
    ],
    redact: { email: true, iban: false },
    pseudonyms: { actor: true },
  }
  const text = JSON.stringify(policy)
  const rules = [{ payload: 'metadata' }, { match: { tool: 'x' }, payload: 'content' }]
  return [
    text,
    text.slice(0, -20),
    JSON.stringify({ name: 'p', rules }),
    JSON.stringify({ name: 'p', rules: [{ payload: 'none', diagnostics: 'digest' }], redact: { e_mail: true } }),
    '{"name":"p","rules":[{"nmae":"x"}],"pseudonyms":{"__proto__":true}}',
    '[]',
  ].map((each) => Buffer.from(each))
}
