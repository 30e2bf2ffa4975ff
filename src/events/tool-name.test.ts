import { describe, expect, it } from 'vitest'
import { catalogue } from './catalogue.js'
import { isToolType, toolNameOf } from './tool-name.js'

describe('the tool that an event is about', () => {
  it('is named by exactly the types of the catalogue whose data has a tool', () => {
    for (const [type, { entries }] of Object.entries(catalogue)) expect(isToolType(type), type).toBe('tool' in entries)
  })

  it('is in data.tool.name', () => {
    expect(toolNameOf('tool_call_started', { callId: 'c', tool: { name: 'search' } })).toBe('search')
    expect(toolNameOf('custom', { tool: { name: 'search' } })).toBeUndefined()
  })

  it.each([undefined, null, 7, 'tool', [], {}, { tool: null }, { tool: 'search' }, { tool: { name: 7 } }])(
    'is unknown where data is %j',
    (data) => expect(toolNameOf('tool_call_started', data)).toBeUndefined(),
  )
})
