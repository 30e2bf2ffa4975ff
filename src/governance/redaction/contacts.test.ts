import { describe, expect, it } from 'vitest'
import { redact } from '../../../test/support/redacted.js'

const on = { email: true, telephone: true }

describe('detectors that are off by default', () => {
  it.each([
    ['email', 'ann.smith+x@mail.example.org', '***.*****+*@****.*******.***'],
    ['email', 'to <ann@example.org>, cc', 'to <***@*******.***>, cc'],
    ['email', 'https://x.example/?email=ann@example.org&a=1', 'https://x.example/?email=***@*******.***&a=1'],
    ['email', 'mailto:ann%40example.org', 'mailto:***%40*******.***'],
    ['email', 'j\u00fcrgen@m\u00fcller.example', '******@******.*******'],
    ['telephone', 'call +49 30 1234567', 'call +** ** *****67'],
    ['telephone', '+1 (555) 123-4567', '+* (***) ***-**67'],
    ['telephone', '(555) 123-4567 or 555-123-4568', '(***) ***-**67 or ***-***-**68'],
    ['telephone', 'tel:+4915112345678', 'tel:+***********78'],
    ['telephone', '030/1234567, 01 23 45 67 89', '***/*****67, ** ** ** ** 89'],
    ['telephone', '07911123456', '*********56'],
    ['telephone', '\uff0b\uff14\uff19 30 1234567', '\uff0b** ** *****67'],
  ])('%s: %j', (by, text, expected) => {
    const { value, found } = redact(text, on)
    expect(value).toBe(expected)
    expect(found.map((each) => each.by)).toEqual([by])
    expect(redact(value, on).found).toEqual([])
    expect(redact(text)).toEqual({ value: text, found: [] })
  })

  it.each([
    'npm install @scope/package, react@18.2.0, image@2x.png, user@localhost',
    '2026-12-01, 01.12.2026, 01/12/2026 10:00, 05/2026',
    '192.168.100.200, 10.0.0.1:8080',
    'order 1234567, 7f3a2b10-1234-4567-8901-123456789012',
    'version 1.2.3-4567, 0.1234567, 1764550808123456789',
  ])('leave %j as it is', (text) => {
    expect(redact(text, on)).toEqual({ value: text, found: [] })
  })
})
