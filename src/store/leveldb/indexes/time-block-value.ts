import { isTimestamp } from '../../../events/time.js'
import type { TimeBlock } from '../../time-blocks.js'

export function encodeTimeBlock({ min, max }: TimeBlock): Buffer {
  return Buffer.from(`${min} ${max}`, 'latin1')
}

/** @throws RangeError when the value is no time block */
export function decodeTimeBlock(level: number, block: number, value: Uint8Array): TimeBlock {
  // Attacker-controlled: a stored value; both parts must be timestamps.
  const [min, max, ...others] = Buffer.from(value).toString('latin1').split(' ')
  if (!isTimestamp(min) || !isTimestamp(max) || others.length > 0) {
    throw new RangeError(`Time block ${block} of level ${level} is malformed`)
  }
  return { level, block, min, max }
}
