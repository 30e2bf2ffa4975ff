import { expect, test } from 'vitest'
import { operationIn } from './operation.js'

test.each([
  ['invoke_agent', 'invoke_agent'],
  ['InvokeAgent', 'invoke_agent'],
  ['invokeAgent', 'invoke_agent'],
  ['INVOKE_AGENT', 'invoke_agent'],
  ['execute-tool', 'execute_tool'],
  ['Execute Tool', 'execute_tool'],
  ['Chat', 'chat'],
  ['GenerateContent', 'generate_content'],
])('an operation written %s is %s', (written, meant) => {
  expect(operationIn({ 'gen_ai.operation.name': written })).toBe(meant)
})

test('what is no text is no operation', () => {
  expect(operationIn({ 'gen_ai.operation.name': 7 })).toBeUndefined()
  expect(operationIn({})).toBeUndefined()
})
