import { parseReceipt, verifierFromVkey } from '../../checkpoint/index.js'
import { AuditLogError } from '../../events/errors.js'
import { hashLeaf } from '../../tree/index.js'
import { verifyReceipt } from '../../verify/receipt.js'
import { formatOf } from '../command.js'
import { VERDICTS } from '../exit-codes.js'
import type { Arguments } from '../options.js'
import { type Io, printOne } from '../output.js'
import { printable } from '../text.js'
import { UsageError } from '../usage-error.js'
import { keysOf, linesOf, readGiven, readGivenBytes } from './given.js'
import { HEADLINES } from './report-text.js'
import { usageErrorFor } from './usage-error-for.js'

/** Verifies one entry, by its receipt alone. @returns the exit code */
export async function verifyOneReceipt(args: Arguments, io: Io): Promise<number> {
  if (args.flag('strict')) throw new UsageError('--strict is about a log, not about a receipt')
  if (args.positionals.length > 0) throw new UsageError('a receipt is verified without the log')
  const vkeys = (await keysOf(args, 'vkey', undefined))?.flatMap(linesOf)
  if (!vkeys?.[0]) throw new UsageError('--receipt: give the --vkey of the log')
  const { text: receipt } = await readGiven(args.text('receipt') as string)
  const path = args.text('entry')
  try {
    const origin = verifierFromVkey(vkeys[0]).name
    // Attacker-controlled: the receipt comes from whoever wants the entry to be believed; it is verified before it is shown.
    const entry = path === undefined ? parseReceipt(receipt).extra : await readGivenBytes(path)
    if (!entry) throw new UsageError('the receipt does not have the bytes of its entry: give them as --entry')
    const { index, checkpoint } = verifyReceipt(receipt, hashLeaf(entry), { origin, logKeys: vkeys })
    const shown = {
      status: 'verified',
      origin,
      seq: Number(index),
      size: Number(checkpoint.size),
      entry: Buffer.from(entry).toString(),
    }
    const text = () =>
      `VERIFIED  entry ${index} of ${printable(origin)}, by a checkpoint of ${checkpoint.size} entries\n  ${printable(shown.entry)}`
    io.watcher?.concludes(VERDICTS.verified)
    await printOne(io, formatOf(args), shown, text)
    return VERDICTS.verified
  } catch (error) {
    const status = error instanceof AuditLogError ? RECEIPT_VERDICTS[error.code] : undefined
    if (status === undefined) throw usageErrorFor(error)
    const { message } = error as AuditLogError
    io.watcher?.concludes(VERDICTS[status])
    await printOne(io, formatOf(args), { status, message }, () => `${HEADLINES[status]}  ${printable(message)}`)
    return VERDICTS[status]
  }
}

/** The verdict for each error code of a refused receipt. A failure with any other code gives no verdict. */
const RECEIPT_VERDICTS: { readonly [code: string]: 'altered' | 'unknown_key' | undefined } = {
  AUDIT_KEY_UNKNOWN: 'unknown_key',
  AUDIT_ORIGIN_MISMATCH: 'unknown_key',
  AUDIT_NOTE_INVALID: 'altered',
  AUDIT_PROOF_INVALID: 'altered',
  AUDIT_SIGNATURE_INVALID: 'altered',
}
