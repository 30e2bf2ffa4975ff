import { randomBytes } from 'node:crypto'
import type { ContentKeys, KeyAbsence, Subject, SubjectKey } from '../contract.js'
import { KEY_ID_BYTES } from '../item.js'
import { subjectText } from '../subject.js'
import { DerivedSubjectKey, SECRET_BYTES } from '../subject-key.js'

/** Returns keys in memory, for a log in memory: they end with the process. */
export function memoryKeys(): ContentKeys {
  return new MemoryKeys()
}

class MemoryKeys implements ContentKeys {
  readonly #bySubject = new Map<string, SubjectKey>()
  readonly #byId = new Map<string, SubjectKey>()

  keyFor(subject: Subject): SubjectKey {
    const text = subjectText(subject)
    const known = this.#bySubject.get(text)
    if (known) return known
    const key = new DerivedSubjectKey(randomBytes(KEY_ID_BYTES).toString('hex'), randomBytes(SECRET_BYTES))
    this.#bySubject.set(text, key)
    this.#byId.set(key.id, key)
    return key
  }

  keyOfSubject(subject: Subject): SubjectKey | undefined {
    return this.#bySubject.get(subjectText(subject))
  }

  keyOf(id: string): SubjectKey | KeyAbsence {
    return this.#byId.get(id) ?? 'erased'
  }

  async ready(): Promise<void> {}

  async settled(): Promise<void> {}
}
