import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve, sep } from 'node:path'
import ts from 'typescript'
import { describe, expect, it } from 'vitest'

const ROOT = resolve(import.meta.dirname, '..')

interface Ban {
  /** Lower case. */
  readonly word: string
  readonly onlyAtEnd: boolean
  readonly instead: string
  /** Folders of src in which the word has a meaning of its own. */
  readonly exceptIn: readonly string[]
}

function readBans(): Ban[] {
  const section = readFileSync(join(ROOT, 'GLOSSARY.md'), 'utf8').split('## Words not used')[1] ?? ''
  return section.split('\n').filter((line) => /^\| `/.test(line)).flatMap((line) => {
    const [words = '', instead = '', places = ''] = line.split('|').slice(1, -1)
    const inBackticks = (cell: string) => [...cell.matchAll(/`([^`]+)`/g)].map((match) => match[1] ?? '')
    return inBackticks(words).map((word): Ban => ({
      word: word.replace(/^\*/, '').toLowerCase(), onlyAtEnd: word.startsWith('*'), instead: instead.trim(), exceptIn: inBackticks(places),
    }))
  })
}

const BANS = readBans()

/** `nextSyncState`, `next-sync-state` and `NEXT_SYNC_STATE` are all next, sync, state. */
const wordsOf = (name: string) =>
  name.replace(/([a-z0-9])([A-Z])/g, '$1 $2').replace(/([A-Z]+)([A-Z][a-z])/g, '$1 $2').toLowerCase().split(/[^a-z0-9]+/).filter(Boolean)

function judge(name: string, folder: string): Ban | undefined {
  const words = wordsOf(name)
  return BANS.find(({ word, onlyAtEnd, exceptIn }) => {
    if (exceptIn.includes(folder)) return false
    const fits = (candidate: string | undefined) => candidate === word || candidate === `${word}s`
    if (!onlyAtEnd) return words.some(fits)
    // Of types and files: `startService` tells what it does, `SyncService` does not.
    return /^[A-Z].*[a-z]|-/.test(name) && words.length > 1 && fits(words.at(-1))
  })
}

/** Names a file introduces; those of others (a package's, a server's) it may have to use as they are. */
function declaredIn(text: string): string[] {
  const names: string[] = []
  const visit = (node: ts.Node): void => {
    if (introducesName(node) && node.name !== undefined) names.push(...namesOf(node.name))
    ts.forEachChild(node, visit)
  }
  visit(ts.createSourceFile('x.ts', text, ts.ScriptTarget.Latest))
  return names
}

const introducesName = (node: ts.Node): node is ts.Node & { readonly name?: ts.Node } =>
  ts.isVariableDeclaration(node) || ts.isParameter(node) || ts.isFunctionDeclaration(node) || ts.isClassDeclaration(node)
  || ts.isInterfaceDeclaration(node) || ts.isTypeAliasDeclaration(node) || ts.isPropertySignature(node) || ts.isMethodSignature(node)
  || ts.isPropertyDeclaration(node) || ts.isMethodDeclaration(node) || ts.isTypeParameterDeclaration(node)

const namesOf = (name: ts.Node): string[] => (ts.isIdentifier(name) || ts.isPrivateIdentifier(name) ? [name.text.replace(/^#/, '')] : [])

/** @param path below src, `engine/run.ts` */
function findOffences(path: string, text: string): string[] {
  const [first = ''] = path.split('/')
  const folder = first.replace(/\.ts$/, '')
  const names = [...path.replace(/\.ts$/, '').split('/'), ...declaredIn(text)]
  return [...new Set(names)].flatMap((name) => {
    const ban = judge(name, folder)
    return ban === undefined ? [] : [`src/${path}: "${name}": say ${ban.instead}`]
  })
}

describe('one word per idea', () => {
  const files = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts')).map((name) => name.split(sep).join('/'))

  it('no name in src uses a word of the list "Words not used"', () => {
    expect(files.length).toBeGreaterThan(80)
    expect(files.flatMap((path) => findOffences(path, readFileSync(join(ROOT, 'src', path), 'utf8')))).toEqual([])
  })

  it('every exception of the list is needed', () => {
    const needed = new Set(files.flatMap((path) => {
      const text = readFileSync(join(ROOT, 'src', path), 'utf8')
      const words = new Set(declaredIn(text).concat(path).flatMap(wordsOf).map((word) => word.replace(/s$/, '')))
      return BANS.filter(({ word }) => words.has(word)).map(({ word }) => `${word} in ${path.split('/')[0]}`)
    }))
    expect(BANS.flatMap(({ word, exceptIn }) => exceptIn.map((folder) => `${word} in ${folder}`)).filter((one) => !needed.has(one))).toEqual([])
  })
})

describe('a banned word is found', () => {
  it.each([
    ['in a file\'s name', 'engine/account-list.ts', ''],
    ['in a folder\'s name', 'utils/text.ts', ''],
    ['in a variable', 'engine/run.ts', 'const nextCursor = 1'],
    ['in a plural', 'engine/run.ts', 'const accounts = []'],
    ['in a constant', 'store/lanes.ts', 'export const LAST_WATERMARK = 1'],
    ['in a parameter', 'ews/pull.ts', 'function f(etag: string) {}'],
    ['in a property of a type', 'model/item.ts', 'interface A { readonly smownerId: string }'],
    ['in a class', 'engine/run.ts', 'class LaneManager {}'],
    ['in a method', 'engine/run.ts', 'class A { #takeLease() {} }'],
    ['in a type', 'engine/run.ts', 'type MailboxInfo = string'],
    ['in the file of a type', 'engine/sync-service.ts', ''],
  ])('%s', (_where, path, text) => {
    expect(findOffences(path, text)).toHaveLength(1)
  })

  it('and where it has a meaning of its own it is allowed', () => {
    expect(findOffences('vtenext/feed.ts', 'const cursor = 1; const account_id = 2')).toEqual([])
    expect(findOffences('store/embedded.ts', 'const dataDir = 1; const data = 2; const leasing = 3; function startService() {}')).toEqual([])
    expect(findOffences('cli/status.ts', 'f({ account: 1 }); g.cursor()')).toEqual([])
  })
})
