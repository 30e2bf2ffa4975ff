import { runPackedExamples } from './packed-examples.mjs'

/*
 * Runs examples/deployments: each is a project of its own, as an application that is deployed in this way has it. Its script
 * `check` must exit with 0.
 *
 *   npm run examples:deployments                      all of them
 *   npm run examples:deployments -- cluster           one
 *   npm run examples:deployments -- --update-locks    after a change of dependencies, theirs or ours
 */
await runPackedExamples('examples/deployments', () => ['npm', 'run', '--silent', 'check'], 300_000)
