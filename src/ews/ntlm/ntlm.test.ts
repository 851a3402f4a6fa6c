import { createHmac } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { bindingOf, channelBinding, hashOf } from './channel-binding.ts'
import { BindingChoice } from './choice.ts'
import { md4 } from './md4.ts'
import { NoChallenge, authenticate, lmV2, negotiate, ntlmV2, readChallenge, responseKey } from './messages.ts'

const hex = (text: string) => Buffer.from(text.replace(/\s/g, ''), 'hex')
const utf16 = (text: string) => Buffer.from(text, 'utf16le')

describe('MD4', () => {
  // RFC 1320, A.5
  it.each([
    ['', '31d6cfe0d16ae931b73c59d7e0c089c0'],
    ['a', 'bde52cb31de33e46245e05fbdbd6fb24'],
    ['abc', 'a448017aaf21d8525fc10ae87aa6729d'],
    ['message digest', 'd9130a8164549fe818874806e1c7014b'],
    ['abcdefghijklmnopqrstuvwxyz', 'd79e1c308aa5bbcdeea8ed63df412da9'],
    ['ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789', '043f8582f241db351ce627e153e7f0e4'],
    ['12345678901234567890123456789012345678901234567890123456789012345678901234567890', 'e33b4ddc9c38f2199c3e7b164fcc0536'],
  ])('of "%s"', (text, digest) => {
    expect(md4(Buffer.from(text)).toString('hex')).toBe(digest)
  })
})

/** MS-NLMP 4.2.1 and 4.2.4: the values all examples share, and those of NTLMv2. */
const SERVER_NONCE = hex('0123456789abcdef')
const NONCE = hex('aaaaaaaaaaaaaaaa')
const TARGET = hex('02000c00 44006f006d00610069006e00 01000c00 530065007200760065007200 00000000')
const CHALLENGE = hex(`4e544c4d53535000 02000000 0c000c00 38000000 33828ae2 0123456789abcdef 0000000000000000 24002400 44000000
  06007017 0000000f 530065007200760065007200 02000c0044006f006d00610069006e00 01000c00530065007200760065007200 00000000`)

describe('the vectors of MS-NLMP', () => {
  const key = responseKey('Domain', 'User', 'Password')

  it('give the hash of the password and NTOWFv2', () => {
    expect(md4(utf16('Password')).toString('hex')).toBe('a4f49c406510bdcab6824ee7c30fd852')
    expect(key.toString('hex')).toBe('0c868a403bfd7a93a3001ef22ef02e3f')
  })

  it('give both responses and the session base key', () => {
    expect(lmV2(key, SERVER_NONCE, NONCE).toString('hex')).toBe('86c35097ac9cec102554764a57cccc19aaaaaaaaaaaaaaaa')
    const { response, sessionKey } = ntlmV2(key, SERVER_NONCE, NONCE, Buffer.alloc(8), TARGET)
    expect(response.subarray(0, 16).toString('hex')).toBe('68cd0ab851e51c96aabc927bebef6a1c')
    expect(sessionKey.toString('hex')).toBe('8de40ccadbc14a82f15cb0ad0de95ca3')
  })

  it('are read from the challenge as published, and answered', () => {
    const challenge = readChallenge(CHALLENGE)
    expect(challenge.nonce.toString('hex')).toBe('0123456789abcdef')
    expect([...challenge.target].map(([id, value]) => [id, value.toString('utf16le')])).toEqual([[2, 'Domain'], [1, 'Server']])
    // 1601 is the nought of the example's clock.
    const message = authenticate({ user: { username: 'Domain\\User', password: 'Password' }, challenge, negotiate: negotiate(), binding: null, nonce: NONCE, nowMs: -11_644_473_600_000 })
    expect(field(message, 0).toString('hex')).toBe('86c35097ac9cec102554764a57cccc19aaaaaaaaaaaaaaaa')
    expect(field(message, 1).subarray(0, 16).toString('hex')).toBe('68cd0ab851e51c96aabc927bebef6a1c')
    expect([field(message, 2), field(message, 3)].map((part) => part.toString('utf16le'))).toEqual(['Domain', 'User'])
    // No time told: no MIC.
    expect(message.subarray(72, 88).equals(Buffer.alloc(16))).toBe(true)
  })
})

const field = (message: Buffer, index: number) => {
  const start = message.readUInt32LE(16 + index * 8)
  return message.subarray(start, start + message.readUInt16LE(12 + index * 8))
}

/** The published challenge with a timestamp, as every server since Windows 7 sends it. */
function timed(): Buffer {
  const pairs = Buffer.concat([TARGET.subarray(0, -4), hex('07000800'), hex('0090d336b734c301'), hex('00000000')])
  const message = Buffer.concat([CHALLENGE.subarray(0, 0x44), pairs])
  message.writeUInt16LE(pairs.length, 40)
  message.writeUInt16LE(pairs.length, 42)
  return message
}

function pairsOf(message: Buffer): Map<number, Buffer> {
  const blob = field(message, 1).subarray(16 + 28)
  const pairs = new Map<number, Buffer>()
  for (let at = 0; blob.readUInt16LE(at) !== 0;) {
    pairs.set(blob.readUInt16LE(at), blob.subarray(at + 4, at + 4 + blob.readUInt16LE(at + 2)))
    at += 4 + blob.readUInt16LE(at + 2)
  }
  return pairs
}

describe('an answer to a server that tells the time', () => {
  const challenge = readChallenge(timed())
  const first = negotiate()
  const hash = Buffer.alloc(16, 7)
  const message = authenticate({ user: { username: 'Domain\\User', password: 'Password' }, challenge, negotiate: first, binding: { hash, service: 'HTTP/mail.example.test' }, nonce: NONCE, nowMs: 0 })

  it('repeats the server\'s pairs and its time, and adds MIC flag, channel binding and service', () => {
    const pairs = pairsOf(message)
    expect([...pairs.keys()]).toEqual([2, 1, 7, 6, 9, 10])
    expect(pairs.get(6)?.readUInt32LE()).toBe(2)
    expect(pairs.get(9)?.toString('utf16le')).toBe('HTTP/mail.example.test')
    expect(pairs.get(10)).toEqual(hash)
    expect(field(message, 1).subarray(24, 32).toString('hex')).toBe('0090d336b734c301')
    expect(field(message, 0).equals(Buffer.alloc(24))).toBe(true)
  })

  it('is sealed by a MIC over all three messages', () => {
    const proof = field(message, 1).subarray(0, 16)
    const sessionKey = createHmac('md5', responseKey('Domain', 'User', 'Password')).update(proof).digest()
    const bare = Buffer.from(message)
    bare.fill(0, 72, 88)
    const mic = createHmac('md5', sessionKey).update(Buffer.concat([first, timed(), bare])).digest()
    expect(message.subarray(72, 88)).toEqual(mic)
  })

  it('says nothing of a channel where none is bound, as a client that knows no binding', () => {
    const plain = authenticate({ user: { username: 'u', password: 'p' }, challenge, negotiate: first, binding: null, nowMs: 0 })
    expect([...pairsOf(plain).keys()]).toEqual([2, 1, 7, 6])
  })

  it('leaves the domain of a UPN where it is', () => {
    const upn = authenticate({ user: { username: 'alice@example.test', password: 'p' }, challenge, negotiate: first, binding: null, nowMs: 0 })
    expect([field(upn, 2), field(upn, 3)].map((part) => part.toString('utf16le'))).toEqual(['', 'alice@example.test'])
  })
})

describe('what is no challenge', () => {
  it.each([['nothing', Buffer.alloc(0)], ['another message', negotiate()], ['half of one', CHALLENGE.subarray(0, 80)]])('%s is refused', (_what, message) => {
    expect(() => readChallenge(message)).toThrow(NoChallenge)
  })
})

describe('the channel binding', () => {
  /** A certificate in shape only: a body and the object identifier of its signature. */
  const der = (oid: string, body = 10) => {
    const algorithm = Buffer.concat([Buffer.from([0x06, oid.length / 2]), hex(oid)])
    const inner = Buffer.concat([Buffer.from([0x30, 0x82, body >> 8, body & 0xff]), Buffer.alloc(body), Buffer.from([0x30, algorithm.length]), algorithm, Buffer.from([3, 1, 0])])
    return Buffer.concat([Buffer.from([0x30, 0x82, inner.length >> 8, inner.length & 0xff]), inner])
  }

  it.each([
    ['SHA-256 with RSA', '2a864886f70d01010b', 'sha256'],
    ['SHA-384 with RSA', '2a864886f70d01010c', 'sha384'],
    ['SHA-512 with ECDSA', '2a8648ce3d040304', 'sha512'],
    ['SHA-1 with RSA, which counts as SHA-256', '2a864886f70d010105', 'sha256'],
    ['MD5 with RSA, which counts as SHA-256', '2a864886f70d010104', 'sha256'],
    ['Ed25519, which has none', '2b6570', 'sha256'],
  ])('takes the hash of the signature: %s', (_name, oid, hash) => {
    expect(hashOf(der(oid, 700))).toBe(hash)
  })

  it.each([
    // As published with Windows' own implementation, and by its first foreign one.
    ['ea05fefecc6b0bd571dbbc5baa3ed45386d0446835f7b74c85621b9983475f95', '6586e99d81c2fc984e47172fd4dd0310'],
    ['e3ca49271e5089cc48ce82109f1324f41dbeddc29a777410c738f7868c4ff405', '6ea19df066da4622051f9c4f92c6df74'],
  ])('of a certificate with the hash %s is %s', (digest, binding) => {
    expect(bindingOf(hex(digest)).toString('hex')).toBe(binding)
  })

  it('is another one for another signature', () => {
    expect(channelBinding(der('2a864886f70d01010b'))).not.toEqual(channelBinding(der('2a864886f70d01010c')))
  })
})

describe('the choice of the binding', () => {
  const certificate = Buffer.from('one')

  it('keeps to what worked with the certificate, until that is refused', () => {
    const choice = new BindingChoice('auto')
    expect(choice.order(certificate)).toEqual([true, false])
    choice.worked(certificate, false)
    expect(choice.order(certificate)).toEqual([false])
    expect(choice.order(Buffer.from('another'))).toEqual([true, false])
    // Extended Protection was switched on: once at a time, the other way first.
    choice.refused(certificate)
    expect([1, 2, 3].map((refused) => choice.order(certificate, refused))).toEqual([[true], [false], [true]])
  })

  it.each([['on', [true]], ['off', [false]]] as const)('is none with "%s"', (mode, wanted) => {
    expect(new BindingChoice(mode).order(certificate)).toEqual(wanted)
    expect(new BindingChoice(mode).order(null)).toEqual([false])
  })
})
