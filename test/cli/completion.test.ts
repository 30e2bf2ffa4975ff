import { spawnSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { commands } from '../../src/cli/commands/index.js'
import { run } from './command-line.js'

const bashScript = (await run(['completion', 'bash'])).out

/** What bash offers for the last word of a line. */
function offered(...words: string[]): string[] {
  const ask = `${bashScript}\nCOMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _spanledger; printf '%s\\n' "\${COMPREPLY[@]}"`
  const { stdout, stderr, status } = spawnSync('bash', ['-c', ask, 'bash', 'spanledger', ...words], {
    encoding: 'utf8',
  })
  expect({ stderr, status }).toEqual({ stderr: '', status: 0 })
  return stdout.split('\n').filter((word) => word !== '')
}

describe('completion', () => {
  it('in bash knows commands, topics, options and values', () => {
    expect(offered('')).toEqual([...Object.keys(commands), 'help'])
    expect(offered('se')).toEqual(['sessions'])
    expect(offered('help', 'e')).toEqual(['export', 'exit-codes', 'environment'])
    expect(offered('export', '--fo')).toEqual(['--format', '--force'])
    expect(offered('export', '-f', 'c')).toEqual(['csv', 'cloudevents'])
    expect(offered('export', '--format', '=', 'oc')).toEqual(['ocsf'])
    expect(offered('runs', '--status', 'running', '--status', 'f')).toEqual(['failed'])
    expect(offered('query', '-t', 'agent_')).toEqual(['agent_handoff'])
    expect(offered('query', '--log', '/et')).toEqual(['/etc'])
    expect(offered('query', '--tenant', '')).toEqual([])
    expect(offered('completion', '')).toEqual(['bash', 'zsh', 'fish', '--help'])
  })

  it('in bash offers every option of every command', () => {
    for (const [name, { options }] of Object.entries(commands)) {
      expect(offered(name, '--')).toEqual(Object.keys(options).map((option) => `--${option}`))
    }
  })

  it.each(['zsh', 'fish'])('in %s names every command and every option, with what it is for', async (shell) => {
    const { out } = await run(['completion', shell])
    for (const [name, { options, summary }] of Object.entries(commands)) {
      expect(out).toContain(name)
      expect(out.replaceAll("'\\''", "'")).toContain(summary)
      for (const option of Object.keys(options)) expect(out).toMatch(new RegExp(`(--|-l )${option}\\b`))
    }
  })

  it('is of three shells', async () => {
    expect(await run(['completion', 'tcsh'])).toMatchObject({
      code: 64,
      err: expect.stringContaining('bash, zsh or fish'),
    })
  })
})
