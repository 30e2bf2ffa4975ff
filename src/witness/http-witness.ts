import { parseDecimal } from '../checkpoint/encoding.js'
import { type Checkpoint, formatNote, isSignedBy, openNote, parseCheckpoint, parseNote } from '../checkpoint/index.js'
import { parseVkey, SIGNATURE_TYPES } from '../checkpoint/key.js'
import { type Verifier, verifierOf } from '../checkpoint/verifier.js'
import { AuditLogError } from '../events/errors.js'
import { rejectUnknownOptions, wholeNumberOption } from '../events/options.js'
import type { Witness, WitnessedLog } from './witness.js'

/** Milliseconds after which a request to a witness is given up. */
export const DEFAULT_WITNESS_TIMEOUT_MILLIS = 10_000

/** Options of `httpWitness`. */
export interface HttpWitnessOptions {
  /** Submission prefix of the witness: `add-checkpoint` is put behind it. */
  readonly url: string | URL
  /** Its key: a vkey with signature type 0x04. */
  readonly vkey: string
  /**
   * Milliseconds after which a request is given up, from 1 to 600,000.
   *
   * @defaultValue 10,000
   */
  readonly timeoutMillis?: number
}

/** Longer than any response. */
const MAX_RESPONSE_BYTES = 64 * 1024
/** Requests for one checkpoint: the witness states the size that it has seen, and another log of the same origin may come between. */
const MAX_REQUESTS = 3
const CONFLICT = 409

/**
 * Returns a witness that is reached by `POST <url>/add-checkpoint` (C2SP tlog-witness).
 *
 * @throws AuditLogError `AUDIT_KEY_INVALID`
 * @throws TypeError naming an unknown or malformed option
 */
export function httpWitness(options: HttpWitnessOptions): Witness {
  return new HttpWitness(options)
}

class HttpWitness implements Witness {
  readonly name: string
  readonly vkey: string
  readonly #endpoint: URL
  readonly #timeoutMillis: number
  readonly #verifier: Verifier
  /** The sizes that the witness has seen, as far as they are known: by origin. */
  readonly #seen = new Map<string, number>()

  constructor(options: HttpWitnessOptions) {
    const of = 'httpWitness'
    rejectUnknownOptions(of, options, ['url', 'vkey', 'timeoutMillis'])
    const { url, vkey, timeoutMillis } = options
    const bounds = { fallback: DEFAULT_WITNESS_TIMEOUT_MILLIS, min: 1, max: 600_000 }
    this.#timeoutMillis = wholeNumberOption(of, 'timeoutMillis', timeoutMillis, bounds)
    const prefix = URL.canParse(String(url)) ? new URL(String(url)) : undefined
    if (!prefix || !['http:', 'https:'].includes(prefix.protocol)) throw new TypeError(`${of}: url must be of http(s)`)
    prefix.pathname = `${prefix.pathname.replace(/\/$/, '')}/add-checkpoint`
    this.#endpoint = prefix
    const key = parseVkey(vkey)
    if (key.type !== SIGNATURE_TYPES.cosignature) {
      throw new AuditLogError('AUDIT_KEY_INVALID', `${key.name} is no witness: its vkey must have signature type 4`)
    }
    this.name = key.name
    this.vkey = vkey
    this.#verifier = verifierOf(key)
  }

  async cosign(checkpoint: string, log: WitnessedLog): Promise<string> {
    const stated = parseCheckpoint(parseNote(checkpoint).text)
    for (let request = 0; request < MAX_REQUESTS; request++) {
      const oldSize = this.#seen.get(stated.origin) ?? 0
      const { status, body } = await this.#post(await requestBody(checkpoint, stated, oldSize, log))
      if (status === CONFLICT) {
        this.#seen.set(stated.origin, this.#seenSize(body, stated, oldSize))
        continue
      }
      if (status !== 200) throw this.#failed(`answered ${status}: ${body.slice(0, 200)}`)
      const cosigned = this.#withCosignature(checkpoint, body)
      this.#seen.set(stated.origin, Number(stated.size))
      return cosigned
    }
    throw this.#failed('knows another tree each time it is asked')
  }

  /**
   * Returns the size that a conflict is about.
   *
   * Attacker-controlled: the body of a response; MAX_RESPONSE_BYTES bounds it, and it must be one decimal number of 64 bits.
   */
  #seenSize(body: string, { size, origin }: Checkpoint, asked: number): number {
    const seen = parseDecimal(body.replace(/\n$/, ''))
    if (seen === undefined) throw this.#failed('did not say how much it has seen')
    if (seen > size) {
      const message = `the witness ${this.name} has seen ${seen} entries of ${origin}, and the checkpoint covers ${size}`
      throw new AuditLogError('AUDIT_LOG_ROLLED_BACK', message)
    }
    if (seen === BigInt(asked)) {
      const message = `the witness ${this.name} has seen another tree of ${seen} entries of ${origin}`
      throw new AuditLogError('AUDIT_PROOF_INVALID', message)
    }
    return Number(seen)
  }

  /**
   * Returns the checkpoint with the cosignature of the witness, and nothing else that it sent.
   *
   * Attacker-controlled: the body of a response; MAX_RESPONSE_BYTES bounds it, and only the witness's own signature is taken.
   */
  #withCosignature(checkpoint: string, lines: string): string {
    const { text, signatures } = parseNote(checkpoint)
    const { signatures: cosignatures } = openNote(checkpoint + lines, [this.#verifier])
    return formatNote({
      text,
      signatures: [
        ...signatures.filter((each) => !isSignedBy({ text, signatures: [each] }, this.#verifier)),
        ...cosignatures,
      ],
    })
  }

  async #post(body: string): Promise<{ readonly status: number; readonly body: string }> {
    try {
      const response = await fetch(this.#endpoint, {
        method: 'POST',
        body,
        headers: { 'content-type': 'text/plain; charset=utf-8' },
        // A witness is where its key's owner said it is.
        redirect: 'error',
        signal: AbortSignal.timeout(this.#timeoutMillis),
      })
      return { status: response.status, body: await readBounded(response) }
    } catch (cause) {
      throw this.#failed('could not be asked', cause)
    }
  }

  #failed(what: string, cause?: unknown): AuditLogError {
    return new AuditLogError('AUDIT_WITNESS_FAILED', `the witness ${this.name} ${what}`, { cause })
  }
}

async function requestBody(
  checkpoint: string,
  { size }: Checkpoint,
  oldSize: number,
  log: WitnessedLog,
): Promise<string> {
  const isProved = oldSize > 0 && BigInt(oldSize) < size
  const proof = isProved ? await log.proveConsistency(oldSize) : []
  const lines = proof.map((hash) => `${Buffer.from(hash).toString('base64')}\n`).join('')
  return `old ${oldSize}\n${lines}\n${checkpoint}`
}

async function readBounded(response: Response): Promise<string> {
  const parts: Uint8Array[] = []
  let length = 0
  for await (const part of response.body ?? []) {
    parts.push(part)
    length += part.length
    if (length > MAX_RESPONSE_BYTES) throw new RangeError(`the response has more than ${MAX_RESPONSE_BYTES} bytes`)
  }
  return Buffer.concat(parts).toString()
}
