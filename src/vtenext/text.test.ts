import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeEntities, holdBody, holdLine, holdText } from './text.ts'

describe('entities are decoded as the server does', () => {
  it.each([
    ['a &amp; b', 'a & b'],
    ['&lt;b&gt; &quot;x&quot; &#039;y&#39; &#x27;z', "<b> \"x\" 'y' 'z"],
    ['M&uuml;ller-&Ouml;z', 'Müller-Öz'],
    ['5 &euro; &hellip; &alpha;&diams;&yuml;', '5 € … α♦ÿ'],
    ['&amp;lt;', '&lt;'],
    ['AT&T &unknown; &apos; &amp', 'AT&T &unknown; &apos; &amp'],
    ['&#0; &#130; &#xFFFFFF; &#x1F600;', '&#0; &#130; &#xFFFFFF; 😀'],
  ])('%s', (text, decoded) => {
    expect(decodeEntities(text)).toBe(decoded)
  })
})

describe('text is held as it will come back', () => {
  it('decodes until nothing is left to decode', () => {
    expect(holdText('&amp;amp;lt;')).toBe('<')
  })
  it('keeps one question mark for each character the database cannot store', () => {
    expect(holdText('a😀b\ud83dc')).toBe('a?b?c')
    expect(holdText('&#x1F600;')).toBe('?')
  })
  it('counts characters in a line and bytes in a body, and cuts no character', () => {
    expect(holdLine('è'.repeat(120), 100)).toBe('è'.repeat(100))
    expect(holdBody(`a${'è'.repeat(5)}`, 8)).toBe('aèèè')
    expect(holdBody(`a${'è'.repeat(5)}`, 11)).toBe('aèèèèè')
    expect(holdBody('€€€', 7)).toBe('€€')
    expect(Buffer.byteLength(holdBody('€'.repeat(30_000)))).toBe(65_535)
  })
  it('comes back the same when held again, whatever it is', () => {
    const piece = fc.constantFrom('&', 'amp', ';', '&lt;', '#38;', '😀', '\r\n', '\r', 'x', '&#13;', '\ud83d', 'è')
    fc.assert(
      fc.property(
        fc.array(piece, { maxLength: 40 }).map((parts) => parts.join('')),
        (text) => {
          const held = holdText(text)
          expect(holdText(held)).toBe(held)
          expect(decodeEntities(held)).toBe(held)
          expect(holdText(holdLine(text, 10))).toBe(holdLine(text, 10))
          expect(holdBody(holdBody(text, 9), 9)).toBe(holdBody(text, 9))
        },
      ),
      { numRuns: 2_000 },
    )
  })
})
