import { pino } from 'pino'
import { loadBeside, surroundings } from '../config.ts'
import type { Config, Surroundings } from '../config.ts'
import { createLog, openConnector } from '../main.ts'
import type { Connector } from '../main.ts'
import { explain } from './output.ts'

/** The options that every command has. */
export interface CommonOptions {
  readonly config?: string
  readonly data?: string
  readonly json?: boolean
  readonly verbose?: boolean
  readonly now?: string
}

/** Runs a command's work on an open connector, closes it whatever happens, and sets the exit code. */
export async function withConnector(options: CommonOptions, work: (connector: Connector, config: Config, around: Surroundings) => Promise<number>, once = false): Promise<void> {
  let connector: Connector | undefined
  try {
    const around = { ...surroundings(options), once }
    const { config } = loadBeside(around.configFile, options.config !== undefined)
    // Standard output belongs to the command's answer.
    connector = await openConnector(config, around, createLog(around.logLevel, pino.destination({ fd: 2, sync: true })))
    process.exitCode = await work(connector, connector.config, around)
  } catch (thrown) {
    process.exitCode = explain(thrown, options.json === true)
  } finally {
    await connector?.close()
  }
}
