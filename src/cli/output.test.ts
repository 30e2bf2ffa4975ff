import { PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import { expect, it } from 'vitest'
import { type Format, type Io, printAll, printOne, printStreamed } from './output.js'
import { StreamedObject } from './streamed-json.js'

const said = {
  text: '\ufeff\u{e0041}\u{e007f}\u00ad\u200b\u2060\u3164\ufe0f\u{e0100}\ue000\u{f0000}\uffff\ud800\u009b2J\u007f\u202egnp.exe\u2066\u2028\u200f\u061c – 𝄞 é \u001b[2J',
}

async function* one(): AsyncGenerator<typeof said> {
  yield said
}

it.each<Format>(['json', 'jsonl'])('has nothing in %s that a terminal obeys, and says the same', async (format) => {
  for (const print of [
    (io: Io) => printAll(io, format, one(), () => ''),
    (io: Io) => printOne(io, format, said, () => ''),
    (io: Io) => printStreamed(io, format, new StreamedObject(Object.entries(said)), () => one() as never),
  ]) {
    const out = new PassThrough()
    const printed = text(out)
    await print({ out, signal: new AbortController().signal } as unknown as Io)
    out.end()
    const whole = await printed
    expect(whole).not.toMatch(/(?!\n)[\p{C}\p{Zl}\p{Zp}\p{DI}]/u)
    expect(whole).toContain('– 𝄞 é')
    expect([JSON.parse(whole)].flat()).toEqual([said])
  }
})
