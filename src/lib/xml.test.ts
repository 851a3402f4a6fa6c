import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { child, childText, descend, escapeXml, parseXml, withoutIllegalXml } from './xml.ts'

describe('reading', () => {
  it('forgets prefixes and keeps text, attributes and order', () => {
    const root = parseXml('<?xml version="1.0"?><a:Root xmlns:a="urn:x" a:Key="1"><b:One>x<![CDATA[<y>]]>&amp;</b:One><One>second</One><Two/></a:Root>')
    expect(root).toMatchObject({ name: 'Root', attributes: { Key: '1' } })
    expect(root.children.map(({ name }) => name)).toEqual(['One', 'One', 'Two'])
    expect(childText(root, 'One')).toBe('x<y>&')
    expect(child(root, 'Three')).toBeUndefined()
    expect(descend(root, 'Two', 'Three')).toBeUndefined()
  })
  it.each([
    ['half a document', '<a><b>x</b>'],
    ['nothing', ''],
    ['a web page', 'Service unavailable'],
    ['a document type, which could hold entities', '<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>'],
    ['an entity nobody declared', '<a>&nbsp;</a>'],
    ['a tower of elements', '<a>'.repeat(200) + '</a>'.repeat(200)],
  ])('refuses %s', (_name, text) => {
    expect(() => parseXml(text)).toThrow()
  })
  it('reads an answer with characters that XML forbids without them', () => {
    expect(parseXml('<a>x&#x1F;y\u0002z&#0;&#x41;</a>').text).toBe('xyzA')
  })
})

describe('writing', () => {
  it('comes back as it was, whatever it is', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => {
      const root = parseXml(`<a b="${escapeXml(text).replace(/[\t\n]/g, ' ')}">${escapeXml(text)}</a>`)
      expect(root.text).toBe(withoutIllegalXml(text))
    }))
  })
})
