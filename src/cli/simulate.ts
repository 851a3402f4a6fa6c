import { Option } from 'commander'
import type { Command } from 'commander'
import { wholeNumber } from './options.ts'
import { explain, printJson, say, table } from './output.ts'
import { stopSignal } from './start.ts'

interface SimulateOptions {
  readonly json?: boolean
  readonly empty?: boolean
  readonly mailboxes?: number
  readonly items?: number
  readonly only?: string
  readonly schemas?: string
  readonly ewsAuth?: 'basic' | 'ntlm'
  readonly epa?: 'none' | 'allow' | 'require'
  readonly tls?: boolean
}

export function simulateCommand(command: Command): void {
  command
    .description('run the simulated Exchange, Microsoft 365 and vtenext servers until stopped')
    .option('--empty', 'people and mailboxes, but no events, tasks and contacts')
    .option('--mailboxes <n>', 'that many further mailboxes, each with a CRM user', wholeNumber(0))
    .option('--items <n>', 'that many events in each of these mailboxes', wholeNumber(0))
    .addOption(new Option('--only <server>', 'one server alone').choices(['ews', 'graph', 'vtenext']))
    .addOption(new Option('--ews-auth <scheme>', 'how people sign in to Exchange').choices(['basic', 'ntlm']).default('basic'))
    .addOption(new Option('--epa <mode>', 'Extended Protection: what NTLM asks of the channel binding').choices(['none', 'allow', 'require']).default('allow'))
    .option('--tls', 'Exchange over https with a self-signed certificate; ews.ca in the JSON names its file')
    .option('--schemas <folder>', 'check every EWS request against messages.xsd and types.xsd there')
    .action(async (options: SimulateOptions) => {
      try {
        const { startSimulators } = await import('../../sim/index.ts')
        const { empty, mailboxes, items, only, schemas, ewsAuth, epa, tls } = options
        const simulators = await startSimulators({
          ...(empty === undefined ? {} : { empty }),
          ...(mailboxes === undefined ? {} : { mailboxes }),
          ...(items === undefined ? {} : { items }),
          ...(only === 'ews' || only === 'graph' || only === 'vtenext' ? { only } : {}),
          ...(ewsAuth === undefined ? {} : { ewsAuth }),
          ...(epa === undefined ? {} : { epa }),
          ...(tls === undefined ? {} : { tls }),
          ...(schemas === undefined ? {} : { schemaDir: schemas }),
        })
        if (options.json === true) printJson(simulators.json)
        else {
          const { ews, graph, vtenext, control } = simulators.json
          if (ews !== undefined) {
            say(`Exchange   ${ews.url}${ews.ca === undefined ? '' : `\n  CA file ${ews.ca}`}\n  service account ${ews.service.username} / ${ews.service.password}`)
            say(table(['  mailbox', 'user name', 'password'], ews.mailboxes.slice(0, 10).map((one) => [`  ${one.address}`, one.username, one.password])))
          }
          if (graph !== undefined) {
            say(`\nMicrosoft 365   ${graph.url}, sign-in at ${graph.login}\n  tenant ${graph.tenant}\n  application ${graph.clientId} / ${graph.clientSecret}`)
            say(table(['  mailbox', 'user name', 'password'], graph.mailboxes.slice(0, 10).map((one) => [`  ${one.address}`, one.username, one.password])))
          }
          if (vtenext !== undefined) {
            say(`\nvtenext    ${vtenext.url}`)
            say(table(['  user', 'access key', 'administrator'], vtenext.users.slice(0, 10).map((one) => [`  ${one.username}`, one.accessKey, one.admin ? 'yes' : 'no'])))
          }
          say(`\ncontrol    ${control.url}  (GET / lists what it can do)\nCtrl+C ends it.`)
        }
        await stopSignal()
        await simulators.stop()
      } catch (thrown) {
        process.exitCode = explain(thrown, options.json === true)
      }
    })
}
