import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, it, test } from 'vitest'
import { Ed25519Signer } from '../../src/checkpoint/index.js'
import { DirectorySource } from '../../src/inspection/directory-source.js'
import { openLogTree } from '../../src/inspection/log-tree.js'
import type { LedgerLog } from '../../src/verify/ledger/ledger.js'
import { LEDGER_CHECKS } from '../../src/verify/ledger/ledger-checks.js'
import { collectLedgerEvidence } from '../../src/verify/ledger/ledger-evidence.js'
import type { VerifyOptions } from '../../src/verify/options.js'
import { LedgerOfLogs } from './ledger-of-logs.js'

const made: LedgerOfLogs[] = []
afterAll(async () => {
  for (const each of made) await each.remove()
})

/** A ledger that has one fault, and the options that it is verified with. */
interface FaultyLedger {
  readonly ledger: LedgerOfLogs
  readonly options: VerifyOptions
}

/** By the name of each check: what makes a ledger fail it. */
const FAULTS: Readonly<Record<string, () => Promise<FaultyLedger>>> = {
  checkpointsWellFormed: async () => {
    const ledger = await ledgerOf([0, 1])
    return { ledger, options: { ...(await trustIn(ledger)), checkpoints: ['no note'] } }
  },
  logsInPlace: async () => {
    const ledger = await ledgerOf([0, 1])
    const { type, data } = await ledger.joining(1, { as: 7 })
    await ledger.state(1, type, data)
    return { ledger, options: await trustIn(ledger) }
  },
  joinsProven: async () => {
    const ledger = await ledgerOf([0, 1])
    await ledger.begin(2)
    const { type, data } = await ledger.joining(2, { signer: Ed25519Signer.generate((await ledger.signerOf(0)).name) })
    await ledger.state(2, type, data)
    return { ledger, options: await trustIn(ledger) }
  },
  siblingsAsObserved: async () => {
    const ledger = await ledgerOf([0, 1, 2])
    await ledger.removeLog(2)
    return { ledger, options: await trustIn(ledger) }
  },
  observationsProven: async () => {
    const ledger = await ledgerOf([0, 1])
    const { origin, root } = await ledger.stateOf(1)
    await ledger.state(0, 'siblings_noted', { logs: [{ log: 1, origin, size: 5_000, root }] })
    return { ledger, options: await trustIn(ledger) }
  },
  firstLogPresent: async () => {
    const ledger = await ledgerOf([])
    await ledger.write(0, 3)
    await ledger.write(1, 3)
    const options = await trustIn(ledger)
    await ledger.removeLog(0)
    return { ledger, options }
  },
  checkpointsOfLedger: async () => {
    const [ledger, other] = [await ledgerOf([0, 1]), await ledgerOf([0])]
    return { ledger, options: { ...(await trustIn(ledger)), checkpoints: [await other.checkpointOf(0)] } }
  },
}

describe('a ledger with one fault is found by the check for it, and by no other', () => {
  it.each(Object.keys(FAULTS))('%s', async (name) => {
    const { ledger, options } = await (FAULTS[name] as () => Promise<FaultyLedger>)()
    expect(await failedBy(ledger, options)).toEqual([name])
  })

  it('and one without a fault by none', async () => {
    const ledger = await ledgerOf([0, 1])
    expect(await failedBy(ledger, await trustIn(ledger))).toEqual([])
  })
})

test('every check has a ledger that fails it', () => {
  expect(Object.keys(FAULTS)).toEqual(LEDGER_CHECKS.map(({ name }) => name))
})

async function ledgerOf(numbers: readonly number[]): Promise<LedgerOfLogs> {
  const ledger = await LedgerOfLogs.make(numbers)
  made.push(ledger)
  return ledger
}

async function trustIn(ledger: LedgerOfLogs): Promise<VerifyOptions> {
  return { logKeys: [await ledger.vkeyOf(0)] }
}

async function failedBy(ledger: LedgerOfLogs, options: VerifyOptions): Promise<readonly string[]> {
  const logs = [0, 1, 2].flatMap((number): LedgerLog[] => {
    const directory = ledger.directoryOf(number)
    if (!existsSync(join(directory, 'entries'))) return []
    return [{ number, open: () => DirectorySource.open(directory), openTree: () => openLogTree(directory) }]
  })
  const { evidence, trust } = await collectLedgerEvidence({ location: ledger.location, logs, taken: {} }, options)
  return LEDGER_CHECKS.filter(({ check }) => check(evidence, trust).length > 0).map(({ name }) => name)
}
