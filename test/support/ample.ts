/** Times of `vi.waitFor` and `vi.waitUntil`: its own limit is one second, which a busy machine needs for less. */
export const AMPLE = { timeout: 50_000, interval: 10 }
