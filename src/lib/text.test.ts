import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { normaliseText } from '../model/index.ts'
import { htmlToText, textToHtml } from './text.ts'
import { withoutIllegalXml } from './xml.ts'

describe('text to HTML and back', () => {
  const piece = fc.constantFrom(
    ' ', '  ', '\t', '\n', '\n\n', '\r\n', '\u00a0', '<b>', '&', '&amp;', '>', '"', "'", '- ', '* ', '1. ', 'https://example.test/a?b=1&c=2',
    'http://example.test/', '(https://example.test/x).', 'mailto:bob@example.test', '🎉', '👩‍👩‍👧', '日本', 'é', '\u200b', '\u2028', '\u0000', '\ud800',
    '</div>', '<!--', ']]>', '&#x41;', '<br>', 'javascript:x', '\f', '\v', 'Word', '\ufeff', '\u3000',
  )

  it('gives back what somebody typed, whatever it is', () => {
    fc.assert(fc.property(fc.array(fc.oneof(piece, fc.string({ unit: 'binary' })), { maxLength: 12 }), (pieces) => {
      const text = pieces.join('')
      expect(normaliseText(htmlToText(textToHtml(text)))).toBe(normaliseText(withoutIllegalXml(text)))
    }), { numRuns: 1_500 })
  })

  it('makes addresses clickable without swallowing the full stop', () => {
    expect(textToHtml('see https://example.test/a.')).toContain('<a href="https://example.test/a">https://example.test/a</a>.')
  })
})

describe('HTML as text', () => {
  const cases: [string, string, string][] = [
    ['an Outlook mail keeps its lines', '<p class="MsoNormal">Dear Bob,<o:p></o:p></p><p class="MsoNormal"><o:p>&nbsp;</o:p></p><p class="MsoNormal">see you</p>', 'Dear Bob,\n\nsee you'],
    ['paragraphs are set apart', '<p>one</p><p>two</p>', 'one\n\ntwo'],
    ['a list keeps its items', '<p>buy</p><ul><li>milk</li><li>bread</li></ul>', 'buy\n\n- milk\n- bread'],
    ['a numbered list keeps its numbers', '<ol><li>first</li><li>second</li></ol>', ' 1. first\n 2. second'],
    ['a link shows where it leads', '<a href="https://example.test/join">Join</a>', 'Join <https://example.test/join>'],
    ['a link that says its address says it once', '<a href="https://example.test/">https://example.test</a>', 'https://example.test'],
    ['a mail address is not doubled', '<a href="mailto:bob@example.test">bob@example.test</a>', 'bob@example.test'],
    ['a script address is never shown', '<a href="javascript:alert(1)">click</a>', 'click'],
    ['a table stays in columns', '<table><tr><th>Name</th><th>Room</th></tr><tr><td>Bob</td><td>5</td></tr></table>', 'Name  Room\nBob   5'],
    ['a heading is not shouted', '<h1>Agenda</h1><div>x</div>', 'Agenda\n\nx'],
    ['style sheets and pictures are left out', '<head><style>p{}</style></head><body><img src="x" alt="logo">a</body>', 'a'],
    ['plain lines stay lines', '<div>a</div><div><br></div><div>b</div>', 'a\n\nb'],
  ]
  it.each(cases)('%s', (_name, html, text) => {
    expect(htmlToText(html)).toBe(text)
  })
})
