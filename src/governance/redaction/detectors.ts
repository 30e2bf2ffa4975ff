import { mayApiKeyBeIn, takeApiKeys } from './api-keys.js'
import { mayEmailBeIn, mayTelephoneBeIn, takeEmails, takeTelephones } from './contacts.js'
import { mayIbanBeIn, takeIbans } from './ibans.js'
import { mayCardBeIn, takeCards } from './payment-cards.js'
import { maySecretBeIn, takeSecrets } from './secrets.js'
import type { Take } from './text-view.js'

/** A kind of text that is masked wherever it stands. Both functions get the view of a text, in time that grows with its length. */
export interface Detector {
  readonly name: DetectorName
  readonly isDefault: boolean
  /** Cheap to ask: `false` where nothing of it can be in a text. */
  readonly mayBeIn: (text: string) => boolean
  readonly takeFrom: (text: string, take: Take) => void
}

/** Names of the detectors, in the order in which they look at a text. */
export const DETECTORS = ['secret', 'api_key', 'payment_card', 'iban', 'email', 'telephone'] as const
/** The name of a detector. */
export type DetectorName = (typeof DETECTORS)[number]

const detectors: readonly Detector[] = [
  { name: 'secret', isDefault: true, mayBeIn: maySecretBeIn, takeFrom: takeSecrets },
  { name: 'api_key', isDefault: true, mayBeIn: mayApiKeyBeIn, takeFrom: takeApiKeys },
  { name: 'payment_card', isDefault: true, mayBeIn: mayCardBeIn, takeFrom: takeCards },
  { name: 'iban', isDefault: true, mayBeIn: mayIbanBeIn, takeFrom: takeIbans },
  { name: 'email', isDefault: false, mayBeIn: mayEmailBeIn, takeFrom: takeEmails },
  { name: 'telephone', isDefault: false, mayBeIn: mayTelephoneBeIn, takeFrom: takeTelephones },
]

/** Returns the detectors that look at a text. @param switches - detectors that are switched on or off, by their names */
export function activeDetectors(switches: Readonly<Record<string, boolean>> = {}): readonly Detector[] {
  return detectors.filter(({ name, isDefault }) => switches[name] ?? isDefault)
}
