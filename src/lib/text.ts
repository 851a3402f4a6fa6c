/**
 * Exchange bodies are usually HTML, CRM texts are plain. `htmlToText` renders faithfully for a reader,
 * `textToHtml` writes the simple HTML that renders back to the very same text.
 */
import { compile } from 'html-to-text'
import type { DomNode, FormatCallback, HtmlToTextOptions } from 'html-to-text'
import { withoutIllegalXml } from './xml.ts'

const line = { leadingLineBreaks: 1, trailingLineBreaks: 1 }

/** Text with the address in brackets, where the text does not already say it. */
const link: FormatCallback = (element, walk, builder) => {
  const href = String(element.attribs?.href ?? '').trim()
  let shown = ''
  builder.pushWordTransform((word) => {
    shown += word
    return word
  })
  walk(element.children, builder)
  builder.popWordTransform()
  if (!/^(?:https?|ftp|mailto|tel|callto|sip|xmpp|file):/i.test(href) || comparable(shown) === comparable(href)) return
  builder.addInline(shown === '' ? `<${href}>` : ` <${href}>`, { noWordTransform: true })
}

/** Servers and Outlook add a slash, quote characters and drop `mailto:` without meaning another address. */
function comparable(address: string): string {
  const bare = address.replace(/\s+/g, '').replace(/^mailto:/i, '').replace(/^https?:\/\//i, '').replace(/\/$/, '')
  try {
    return decodeURI(bare).toLowerCase()
  } catch {
    return bare.toLowerCase()
  }
}

/** White space that the author wanted kept (our own tabs, and what web mail writes for them). */
const literal: FormatCallback = (element, _walk, builder) => {
  builder.addLiteral(textOf(element))
}

function textOf(node: DomNode): string {
  return node.data ?? (node.children ?? []).map(textOf).join('')
}

const options: HtmlToTextOptions = {
  wordwrap: false,
  // Exactly HTML's own white space: a no-break space is meant, a zero width space joins emoji.
  whitespaceCharacters: ' \t\r\n\f',
  limits: { maxInputLength: 32 * 1024 * 1024, maxDepth: 300 },
  formatters: { link, literal },
  selectors: [
    { selector: 'a', format: 'link' },
    { selector: 'img', format: 'skip' },
    { selector: 'style', format: 'skip' },
    { selector: 'script', format: 'skip' },
    { selector: 'title', format: 'skip' },
    { selector: 'span[style*="white-space:pre"]', format: 'literal' },
    // Word writes a paragraph per line and an empty one where people see an empty line.
    { selector: 'p[class^="Mso"]', format: 'paragraph', options: line },
    { selector: 'p.msonormal', format: 'paragraph', options: line },
    { selector: 'ul', options: { ...line, itemPrefix: '- ' } },
    { selector: 'ol', options: line },
    ...['h1', 'h2', 'h3', 'h4', 'h5', 'h6'].map((selector) => ({ selector, options: { uppercase: false } })),
    { selector: 'hr', options: { length: 20 } },
    { selector: 'table', format: 'dataTable', options: { ...line, uppercaseHeaderCells: false, colSpacing: 2, maxColumnWidth: 80 } },
  ],
}
const render = compile(options)
// A break at the end of a block shows no further line: web mail writes an empty line as `<div><br></div>`.
const LAST_BREAK = /<br\b[^<>]*>(?=\s*<\/(?:div|p|li|td|th)\s*>)/gi

/**
 * @param html a whole document or a fragment
 * @returns plain text with `\n` line ends; lists as `- ` and ` 1. `, links as `text <address>` where they differ,
 *   tables in columns, pictures left out
 */
export function htmlToText(html: string): string {
  return render(html.replace(LAST_BREAK, '&nbsp;')).replace(/[ \t\u00a0]+$/gm, '').replace(/\u00a0/g, ' ').replace(/\s+$/, '')
}

// Ends before the punctuation that belongs to the sentence around it.
const ADDRESS = /https?:\/\/[^\s<>"'\u00a0]*[^\s<>"'\u00a0.,;:!?()[\]{}]/g

/**
 * @param text plain text
 * @returns simple HTML; `htmlToText` of it gives the text back (without characters XML forbids, line ends as `\n`)
 */
export function textToHtml(text: string): string {
  const lines = withoutIllegalXml(text).replace(/\r\n?/g, '\n').split('\n')
  return `<html><body><div>${lines.map(lineToHtml).join('<br>\n')}</div></body></html>`
}

function lineToHtml(text: string): string {
  let html = ''
  let done = 0
  for (const match of text.matchAll(ADDRESS)) {
    const address = escapeHtml(match[0])
    html += `${spaced(text.slice(done, match.index), done === 0)}<a href="${address}">${address}</a>`
    done = match.index + match[0].length
  }
  return html + spaced(text.slice(done), done === 0)
}

/** Blanks that HTML would swallow become no-break spaces: at the start of a line, and all but one of a row. */
function spaced(text: string, atLineStart: boolean): string {
  const kept = escapeHtml(text).replace(/ {2,}/g, (blanks) => `${'&nbsp;'.repeat(blanks.length - 1)} `)
  const started = atLineStart ? kept.replace(/^(?:&nbsp;)* /, (blanks) => blanks.replace(' ', '&nbsp;')) : kept
  return started.replace(/[\t\f]+/g, (tabs) => `<span style="white-space:pre">${tabs}</span>`)
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"]/g, (char) => HTML[char] ?? char)
}

const HTML: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }
