import type { Command } from '../command.js'
import { bashCompletion } from '../completion/bash.js'
import { fishCompletion } from '../completion/fish.js'
import { zshCompletion } from '../completion/zsh.js'
import { help } from '../options.js'
import { write } from '../output.js'
import { UsageError } from '../usage-error.js'

const SHELLS = { bash: bashCompletion, zsh: zshCompletion, fish: fishCompletion } as const

/** @param commands - all of them, this one among them */
export function completion(commands: () => Readonly<Record<string, Command>>): Command {
  return {
    summary: 'Prints a script that completes commands and options in a shell',
    operand: 'SHELL',
    operands: Object.keys(SHELLS),
    options: { help },
    examples: [
      ['source <(spanledger completion bash)', 'in ~/.bashrc'],
      ['source <(spanledger completion zsh)', 'in ~/.zshrc, after compinit'],
      ['spanledger completion fish > ~/.config/fish/completions/spanledger.fish', 'once'],
    ],
    async run({ positionals }, io) {
      const [shell = '', ...more] = positionals
      if (!Object.hasOwn(SHELLS, shell) || more.length > 0) throw new UsageError('completion: name bash, zsh or fish')
      await write(io.out, SHELLS[shell as keyof typeof SHELLS](commands()))
    },
  }
}
