import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'

const SOURCES = fileURLToPath(new URL('../../src/', import.meta.url))

/** A text of the source that reads like words to a person; what is filled in is written `{}`. */
export interface Sentence {
  readonly file: string
  readonly text: string
}

/** What no page shows: the first look of a word is enough to know it. */
const NO_WORDS = /^(?:<[^{]|select |insert |create |set local |text\/|data: |[A-Za-z]+\/[A-Za-z_]+ [A-Z]|\w+ eq '|singleValueExtended|String \{|openid )/
/** Two words beside one another, or one beside a blank. */
const WORDS = /[a-z]{2,}['’]?[,.:;]? [a-z({"$<]|[}>"] [a-z]{2,}/i
/** For the log, the command line, and the API's description. */
const ELSEWHERE = new Set(['summary', 'description', 'title'])
const LOGGED = /(?:^|\.)log\.(?:trace|debug|info|warn|error)$/

/**
 * Every sentence that the parts of the service can say.
 * @param parts folders and files below `src/`
 */
export function sentencesOf(parts: readonly string[], except: readonly string[]): readonly Sentence[] {
  const files = readdirSync(SOURCES, { recursive: true, encoding: 'utf8' })
    .map((name) => name.replaceAll('\\', '/'))
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts') && isIn(name, parts) && !isIn(name, except))
    .sort()
  const found = new Map<string, Sentence>()
  for (const file of files) {
    const source = ts.createSourceFile(file, readFileSync(join(SOURCES, file), 'utf8'), ts.ScriptTarget.Latest, true)
    look(source, (text) => {
      if (WORDS.test(text) && !NO_WORDS.test(text) && !found.has(text)) found.set(text, { file, text })
    })
  }
  return [...found.values()]
}

const isIn = (file: string, parts: readonly string[]) => parts.some((part) => file === part || file.startsWith(`${part}/`))

function look(node: ts.Node, found: (text: string) => void): void {
  if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node) || ts.isTypeNode(node) || ts.isTaggedTemplateExpression(node)) return
  if (ts.isCallExpression(node) && LOGGED.test(node.expression.getText())) return
  if (ts.isPropertyAssignment(node) && ELSEWHERE.has(node.name.getText())) return
  const text = textOf(node)
  if (text === null) return ts.forEachChild(node, (child) => look(child, found))
  found(text)
  for (const blank of blanksOf(node)) look(blank, found)
}

/** A literal, or literals put together; null for anything else. */
function textOf(node: ts.Node): string | null {
  if (ts.isStringLiteralLike(node)) return node.text
  if (ts.isTemplateExpression(node)) return node.head.text + node.templateSpans.map(({ literal }) => `{}${literal.text}`).join('')
  if (ts.isParenthesizedExpression(node)) return textOf(node.expression)
  if (!isSum(node)) return null
  const [left, right] = [textOf(node.left), textOf(node.right)]
  return left === null && right === null ? null : `${left ?? '{}'}${right ?? '{}'}`
}

/** What is filled in, which may be a sentence again. */
function blanksOf(node: ts.Node): readonly ts.Node[] {
  if (ts.isTemplateExpression(node)) return node.templateSpans.map(({ expression }) => expression)
  if (ts.isParenthesizedExpression(node)) return blanksOf(node.expression)
  return isSum(node) ? [node.left, node.right].flatMap((part) => (textOf(part) === null ? [part] : blanksOf(part))) : []
}

const isSum = (node: ts.Node): node is ts.BinaryExpression => ts.isBinaryExpression(node) && node.operatorToken.kind === ts.SyntaxKind.PlusToken
