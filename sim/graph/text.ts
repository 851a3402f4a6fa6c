import type { ItemBody } from './model.ts'

const ENTITIES: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', nbsp: '\u00a0', apos: "'" }

/** Plain text of HTML, as far as the bodies of appointments need it. */
export function textOf(html: string): string {
  return html
    .replace(/<head[\s\S]*?<\/head>|<style[\s\S]*?<\/style>|<!--[\s\S]*?-->/gi, '')
    .replace(/\r?\n/g, '')
    .replace(/<br\s*\/?>/gi, '\r\n')
    .replace(/<\/(p|div|li|tr|h\d)>/gi, '\r\n')
    .replace(/<[^>]+>/g, '')
    .replace(/&#(\d+);/g, (_, code: string) => String.fromCodePoint(Number(code)))
    .replace(/&(\w+);/g, (whole, name: string) => ENTITIES[name.toLowerCase()] ?? whole)
    .replace(/(\r\n)+$/, '')
}

export function htmlOf(text: string): string {
  const escaped = text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;').replace(/\r?\n/g, '<br>\r\n')
  return wrap(`<div class="PlainText">${escaped}</div>`)
}

/** Exchange stores a fragment inside a document of its own. */
function wrap(html: string): string {
  if (/<html[\s>]/i.test(html)) return html
  const head = '<html><head>\r\n<meta http-equiv="Content-Type" content="text/html; charset=utf-8">\r\n</head>\r\n<body>\r\n'
  return `${head}${html}\r\n</body>\r\n</html>\r\n`
}

/**
 * The body as the client wants it.
 * Documentation: https://learn.microsoft.com/graph/api/event-get (Prefer: outlook.body-content-type)
 */
export function bodyAs(body: ItemBody, wanted: 'html' | 'text'): ItemBody {
  if (body.content === '') return { contentType: wanted, content: '' }
  if (wanted === 'text') return { contentType: 'text', content: body.contentType === 'text' ? body.content : textOf(body.content) }
  return { contentType: 'html', content: body.contentType === 'html' ? wrap(body.content) : htmlOf(body.content) }
}

export function previewOf(body: ItemBody): string {
  return bodyAs(body, 'text').content.slice(0, 255)
}
