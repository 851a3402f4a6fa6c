import { readFileSync } from 'node:fs'
import { Command, CommanderError, Option } from 'commander'
import { availabilityCommand } from './availability.ts'
import { conflictsCommand } from './conflicts.ts'
import { demoCommand } from './demo.ts'
import { doctorCommand } from './doctor.ts'
import { heldCommand } from './held.ts'
import { journalCommand } from './journal.ts'
import { moment } from './options.ts'
import { EXIT } from './output.ts'
import { planCommand } from './plan.ts'
import { sharingCommand } from './sharing.ts'
import { simulateCommand } from './simulate.ts'
import { startCommand } from './start.ts'
import { statusCommand } from './status.ts'
import { syncCommand } from './sync.ts'
import { usersCommand } from './users.ts'

/** One file per command; each configures its own options and action. */
const COMMANDS: Readonly<Record<string, (command: Command) => void>> = {
  demo: demoCommand,
  start: startCommand,
  sync: syncCommand,
  plan: planCommand,
  status: statusCommand,
  doctor: doctorCommand,
  users: usersCommand,
  availability: availabilityCommand,
  sharing: sharingCommand,
  journal: journalCommand,
  conflicts: conflictsCommand,
  held: heldCommand,
  simulate: simulateCommand,
}

const WITHOUT_CONFIG = new Set(['demo', 'simulate'])

/** @param args without the program's own name */
export async function runCli(args: readonly string[]): Promise<void> {
  survivePipes()
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string }
  const program = new Command('exchange-connector')
    .description('Keeps calendar events, tasks and contacts in step between the vtenext CRM and Microsoft Exchange.')
    .version(version)
    .exitOverride()
  for (const [name, configure] of Object.entries(COMMANDS)) {
    const command = program.command(name).exitOverride()
    configure(command)
    command.option('--json', 'one JSON object on standard output')
    if (WITHOUT_CONFIG.has(name)) continue
    command.option('--config <file>', 'the configuration (default connector.yaml)')
    command.option('--data <folder>', 'the data folder (default CONNECTOR_DATA, else .connector)')
    command.option('--verbose', 'say more in the log')
    command.addOption(new Option('--now <time>', 'what the clock shows at the start, for tests').argParser(moment).hideHelp())
  }
  try {
    await program.parseAsync([...args], { from: 'user' })
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    // Help and version end well; everything else commander complains about is wrong use.
    process.exitCode = error.exitCode === 0 ? EXIT.done : EXIT.usage
  }
}

/** A reader that has seen enough ("| head") must not end a command in the midst of its work. */
function survivePipes(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error
    })
  }
}
