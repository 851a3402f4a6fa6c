import { enableCompileCache } from 'node:module'

// A command lives for a second; without the cache half of it goes into reading our own source.
enableCompileCache()
const { runCli } = await import('./index.ts')
await runCli(process.argv.slice(2))
