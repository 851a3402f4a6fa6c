import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve, sep } from 'node:path'
import ts from 'typescript'
import { describe, expect, it } from 'vitest'

const ROOT = resolve(import.meta.dirname, '..')
const DOCUMENT = readFileSync(join(ROOT, 'ARCHITECTURE.md'), 'utf8')

interface Source {
  /** From the repository's root, `src/engine/run.ts`. */
  readonly path: string
  readonly imports: readonly string[]
}

/** The rows of the table with this first column, each cell as the words in its backticks. */
function readTable(firstColumn: string): string[][][] {
  const lines = DOCUMENT.split('\n')
  const head = lines.findIndex((line) => line.startsWith(`| ${firstColumn} |`))
  const end = lines.findIndex((line, at) => at > head && !line.startsWith('|'))
  return lines.slice(head + 2, end).map((line) =>
    line.split('|').slice(1, -1).map((cell) => [...cell.matchAll(/`([^`]+)`/g)].map((match) => match[1] ?? '')))
}

const PARTS = new Map(readTable('part').map(([part, allowed]) => [part?.[0] ?? '', allowed ?? []] as const))
const PACKAGES = new Map(readTable('package').flatMap(([names, places]) => (names ?? []).map((name) => [name, places ?? []] as const)))

/** Of the parts that fit, the longest: `src/cli/demo.ts` is `cli/demo`, not `cli`. Null where no part fits. */
function partOf(path: string): string | null {
  const name = path.replace(/^src\//, '').replace(/(\.test)?\.ts$/, '')
  const fitting = [...PARTS.keys()].filter((part) => name === part || name.startsWith(`${part}/`))
  return fitting.sort((left, right) => right.length - left.length)[0] ?? null
}

const isTest = (path: string) => path.endsWith('.test.ts')

/** What is wrong with these imports, one sentence each. */
function findOffences(sources: readonly Source[]): string[] {
  return sources.flatMap(({ path, imports }) => {
    const part = partOf(path)
    if (part === null) return [`${path} belongs to no part of the import table in ARCHITECTURE.md`]
    return imports.flatMap((wanted) => (wanted.startsWith('.') ? judgeOwn(path, part, wanted) : judgePackage(path, part, wanted)))
  })
}

function judgeOwn(path: string, part: string, wanted: string): string[] {
  const target = relative(ROOT, resolve(ROOT, dirname(path), wanted)).split(sep).join('/')
  if (!/^(src|sim)\//.test(target)) return isTest(path) ? [] : [`${path} imports ${target}, which is outside src and sim`]
  const other = partOf(target)
  if (other === null) return [`${path} imports ${target}, which belongs to no part of the import table`]
  if (other === part || PARTS.get(part)?.includes(other)) return []
  if (isTest(path) && (/^sim(\/|$)/.test(other) || other === 'model' || other === 'ports')) return []
  return [`${path} imports ${target}: ${part} may import ${PARTS.get(part)?.join(', ') || 'nothing'}, not ${other}`]
}

function judgePackage(path: string, part: string, wanted: string): string[] {
  const [scope = '', name] = wanted.split('/')
  const places = PACKAGES.get(scope.startsWith('@') ? `${scope}/${name}` : scope)
  if (places === undefined || places.includes(part)) return []
  return [`${path} imports ${wanted}, which only ${places.join(' and ')} may`]
}

/** Every kind of import with a literal name: of values, of types, re-exports and dynamic ones. */
const importsIn = (text: string) => ts.preProcessFile(text, true, true).importedFiles.map(({ fileName }) => fileName)

function readSources(folder: string): Source[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(folder, name).split(sep).join('/'))
    .map((path) => ({ path, imports: importsIn(readFileSync(join(ROOT, path), 'utf8')) }))
}

const SOURCES = [...readSources('src'), ...readSources('sim')]

describe('the import table of ARCHITECTURE.md', () => {
  it('is kept by every file of src and sim', () => {
    expect(SOURCES.length).toBeGreaterThan(100)
    expect(findOffences(SOURCES)).toEqual([])
  })

  it('names only parts that exist, and lets parts import only such', () => {
    const existing = new Set(SOURCES.map(({ path }) => partOf(path)))
    expect([...PARTS.keys()].filter((part) => !existing.has(part))).toEqual([])
    const named = [...[...PARTS.values()].flat(), ...[...PACKAGES.values()].flat()]
    expect(named.filter((part) => !PARTS.has(part))).toEqual([])
  })

  it('keeps the pure parts pure: they import no package and nothing of Node', () => {
    const pure = SOURCES.filter(({ path }) => ['model', 'sync', 'ports'].includes(partOf(path) ?? '') && !isTest(path))
    expect(pure.flatMap(({ path, imports }) => imports.filter((wanted) => !wanted.startsWith('.')).map((wanted) => `${path}: ${wanted}`))).toEqual([])
  })
})

describe('a forbidden import is found', () => {
  const offences = (path: string, ...imports: string[]) => findOffences([{ path, imports }])

  it.each([
    ['an adapter in the engine', 'src/engine/run.ts', '../ews/index.ts'],
    ['the store in the engine', 'src/engine/run.ts', '../store/index.ts'],
    ['one adapter in another', 'src/vtenext/feed.ts', '../ews/times.ts'],
    ['anything in the model', 'src/model/item.ts', '../lib/errors.ts'],
    ['a simulator in the service', 'src/engine/run.ts', '../../sim/index.ts'],
    ['a simulator in another command', 'src/cli/status.ts', '../../sim/index.ts'],
    ['an adapter\'s codec in a simulator', 'sim/ews/items.ts', '../../src/ews/times.ts'],
    ['the model in a simulated server', 'sim/vtenext/save.ts', '../../src/model/index.ts'],
    ['a test\'s fixture in the service', 'src/ews/pull.ts', '../../test/support/postgres.ts'],
    ['a file of no part', 'src/utils/all.ts', 'node:fs'],
    ['the database outside the store', 'src/engine/run.ts', 'pg'],
    ['a part of a package', 'src/vtenext/feed.ts', 'kysely/helpers/postgres'],
    ['the XML parser outside lib', 'src/ews/soap.ts', 'saxes'],
  ])('%s', (_what, path, wanted) => {
    expect(offences(path, wanted)).toHaveLength(1)
  })

  it('and an allowed one is not', () => {
    expect(offences('src/engine/run.ts', '../sync/index.ts', './pull.ts', 'node:fs')).toEqual([])
    expect(offences('src/cli/demo.ts', '../../sim/index.ts')).toEqual([])
    expect(offences('src/ews/replica.test.ts', '../../sim/ews/index.ts', 'vitest')).toEqual([])
    expect(offences('src/store/index.ts', 'pg', 'kysely')).toEqual([])
  })

  it('whichever way it is written', () => {
    const text = "import type { A } from './a.ts'\nexport * from './b.ts'\nexport type { C } from './c.ts'\nconst d = await import('./d.ts')\nimport './e.ts'\nlet f: import('./f.ts').F"
    expect(importsIn(text).toSorted()).toEqual(['./a.ts', './b.ts', './c.ts', './d.ts', './e.ts', './f.ts'])
  })
})
