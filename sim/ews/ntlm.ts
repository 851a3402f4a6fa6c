/** NTLMv2 as a server checks it. Written apart from the connector's own client, so that no mistake is shared. */
import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto'

export type ExtendedProtection = 'none' | 'allow' | 'require'

/** What a client claims in its last message. */
export interface Claim {
  domain: string
  user: string
  /** The whole last message, and what of it is needed to check it. */
  message: Buffer
  response: Buffer
  sealedKey: Buffer
  flags: number
}

export type Verdict = 'ok' | 'wrong-password' | 'old-version' | 'wrong-mic' | 'no-binding' | 'wrong-binding'

const MAGIC = 'NTLMSSP\0'
const KEY_EXCHANGE = 0x40000000
const ids = { computer: 1, domain: 2, dnsComputer: 3, dnsDomain: 4, flags: 6, time: 7, bindings: 10 }

/** Type of an NTLM message (1 to 3), 0 for anything else. */
export function typeOf(message: Buffer): number {
  return message.length >= 12 && message.toString('latin1', 0, 8) === MAGIC ? message.readUInt32LE(8) : 0
}

/** The second message, for a fresh nonce of 8 bytes. */
export function challengeMessage(nonce: Buffer, domain: string, host: string, nowMs: number): Buffer {
  const time = Buffer.alloc(8)
  time.writeBigUInt64LE(BigInt(Math.round(nowMs) + 11644473600000) * 10000n)
  const text = (value: string) => Buffer.from(value, 'utf16le')
  const pairs: [number, Buffer][] = [
    [ids.domain, text(domain)],
    [ids.computer, text(host)],
    [ids.dnsDomain, text(`${domain.toLowerCase()}.test`)],
    [ids.dnsComputer, text(`${host.toLowerCase()}.${domain.toLowerCase()}.test`)],
    [ids.time, time],
    [0, Buffer.alloc(0)],
  ]
  const info = Buffer.concat(pairs.map(([id, value]) => Buffer.concat([u16(id), u16(value.length), value])))
  const name = text(domain)
  const fixed = 56
  return Buffer.concat([
    Buffer.from(MAGIC, 'latin1'),
    u32(2),
    u16(name.length),
    u16(name.length),
    u32(fixed),
    u32(0xe2898215),
    nonce,
    Buffer.alloc(8),
    u16(info.length),
    u16(info.length),
    u32(fixed + name.length),
    Buffer.from('0a007c4f0000000f', 'hex'),
    name,
    info,
  ])
}

export function newNonce(): Buffer {
  return randomBytes(8)
}

/** Throws when the message is cut off. */
export function readClaim(message: Buffer): Claim {
  const field = (at: number) => {
    const length = message.readUInt16LE(at)
    const offset = message.readUInt32LE(at + 4)
    if (offset + length > message.length) throw new RangeError('An NTLM field points outside its message.')
    return message.subarray(offset, offset + length)
  }
  const flags = message.readUInt32LE(60)
  const text = (at: number) => field(at).toString(flags & 1 ? 'utf16le' : 'latin1')
  return { message, flags, response: field(20), domain: text(28), user: text(36), sealedKey: field(52) }
}

export interface Exchange {
  first: Buffer
  challenge: Buffer
  nonce: Buffer
}

/**
 * Whether the claim was made with this password, over this channel.
 * @param binding what a client on this very connection has to send; null on plain http
 */
export function check(
  claim: Claim,
  exchange: Exchange,
  password: string,
  protection: ExtendedProtection,
  binding: Buffer | null,
): Verdict {
  const { response } = claim
  if (response.length <= 24) return 'old-version'
  const proof = response.subarray(0, 16)
  const blob = response.subarray(16)
  const secret = hash(digest4(utf16(password)), utf16(upper(claim.user) + claim.domain))
  if (!same(proof, hash(secret, Buffer.concat([exchange.nonce, blob])))) return 'wrong-password'
  const pairs = pairsIn(blob.subarray(28))
  if (((pairs.get(ids.flags)?.readUInt32LE(0) ?? 0) & 2) !== 0 && !sealed(claim, exchange, hash(secret, proof)))
    return 'wrong-mic'
  if (protection === 'none') return 'ok'
  const sent = pairs.get(ids.bindings)
  const silent = sent === undefined || sent.every((byte) => byte === 0)
  if (silent) return protection === 'require' ? 'no-binding' : 'ok'
  if (binding === null) return protection === 'require' ? 'no-binding' : 'ok'
  return same(sent, binding) ? 'ok' : 'wrong-binding'
}

function sealed(claim: Claim, exchange: Exchange, baseKey: Buffer): boolean {
  const key = claim.flags & KEY_EXCHANGE ? rc4(baseKey, claim.sealedKey) : baseKey
  const sent = Buffer.from(claim.message.subarray(72, 88))
  const blank = Buffer.from(claim.message)
  blank.fill(0, 72, 88)
  return same(sent, hash(key, Buffer.concat([exchange.first, exchange.challenge, blank])))
}

/**
 * What Windows calls the channel binding token: RFC 5929 tls-server-end-point in the structure of RFC 2744.
 * @param hashName hash of the certificate's signature
 */
export function bindingToken(certificate: Buffer, hashName: string): Buffer {
  const data = Buffer.concat([
    Buffer.from('tls-server-end-point:', 'latin1'),
    createHash(hashName).update(certificate).digest(),
  ])
  return createHash('md5')
    .update(Buffer.concat([u32(0), u32(0), u32(0), u32(0), u32(data.length), data]))
    .digest()
}

function pairsIn(bytes: Buffer): Map<number, Buffer> {
  const found = new Map<number, Buffer>()
  let rest = bytes
  while (rest.length >= 4 && rest.readUInt16LE(0) !== 0) {
    const length = rest.readUInt16LE(2)
    found.set(rest.readUInt16LE(0), rest.subarray(4, 4 + length))
    rest = rest.subarray(4 + length)
  }
  return found
}

function u16(value: number): Buffer {
  return Buffer.from([value & 255, value >> 8])
}

function u32(value: number): Buffer {
  return Buffer.from([value & 255, (value >>> 8) & 255, (value >>> 16) & 255, value >>> 24])
}

const utf16 = (text: string) => Buffer.from(text, 'utf16le')
const hash = (key: Buffer, data: Buffer) => createHmac('md5', key).update(data).digest()
const same = (left: Buffer, right: Buffer) => left.length === right.length && timingSafeEqual(left, right)

function upper(text: string): string {
  let result = ''
  for (const letter of text) {
    const big = letter.toUpperCase()
    result += big.length === letter.length ? big : letter
  }
  return result
}

function rc4(key: Buffer, data: Buffer): Buffer {
  const box = Uint8Array.from({ length: 256 }, (_, index) => index)
  let j = 0
  const swap = (a: number, b: number) => {
    const kept = box[a] ?? 0
    box[a] = box[b] ?? 0
    box[b] = kept
  }
  for (let i = 0; i < 256; i++) {
    j = (j + (box[i] ?? 0) + (key[i % key.length] ?? 0)) & 255
    swap(i, j)
  }
  const out = Buffer.alloc(data.length)
  j = 0
  for (let n = 0; n < data.length; n++) {
    const i = (n + 1) & 255
    j = (j + (box[i] ?? 0)) & 255
    swap(i, j)
    out[n] = (data[n] ?? 0) ^ (box[((box[i] ?? 0) + (box[j] ?? 0)) & 255] ?? 0)
  }
  return out
}

/** MD4 after RFC 1320, word by word as its reference code writes it. */
export function digest4(data: Buffer): Buffer {
  const pad = 64 - ((data.length + 8) % 64)
  const all = Buffer.concat([data, Buffer.from([128]), Buffer.alloc(pad - 1), Buffer.alloc(8)])
  all.writeUInt32LE((data.length * 8) >>> 0, all.length - 8)
  all.writeUInt32LE(Math.floor(data.length / 0x20000000), all.length - 4)
  let A = 0x67452301
  let B = 0xefcdab89
  let C = 0x98badcfe
  let D = 0x10325476
  const rotate = (value: number, by: number) => (value << by) | (value >>> (32 - by))
  for (let start = 0; start < all.length; start += 64) {
    const X = (k: number) => all.readUInt32LE(start + 4 * k)
    const [a, b, c, d] = [A, B, C, D]
    for (let k = 0; k < 16; k += 4) {
      A = rotate(A + ((B & C) | (~B & D)) + X(k), 3)
      D = rotate(D + ((A & B) | (~A & C)) + X(k + 1), 7)
      C = rotate(C + ((D & A) | (~D & B)) + X(k + 2), 11)
      B = rotate(B + ((C & D) | (~C & A)) + X(k + 3), 19)
    }
    for (let k = 0; k < 4; k++) {
      A = rotate(A + ((B & C) | (B & D) | (C & D)) + X(k) + 0x5a827999, 3)
      D = rotate(D + ((A & B) | (A & C) | (B & C)) + X(k + 4) + 0x5a827999, 5)
      C = rotate(C + ((D & A) | (D & B) | (A & B)) + X(k + 8) + 0x5a827999, 9)
      B = rotate(B + ((C & D) | (C & A) | (D & A)) + X(k + 12) + 0x5a827999, 13)
    }
    for (const k of [0, 2, 1, 3]) {
      A = rotate(A + (B ^ C ^ D) + X(k) + 0x6ed9eba1, 3)
      D = rotate(D + (A ^ B ^ C) + X(k + 8) + 0x6ed9eba1, 9)
      C = rotate(C + (D ^ A ^ B) + X(k + 4) + 0x6ed9eba1, 11)
      B = rotate(B + (C ^ D ^ A) + X(k + 12) + 0x6ed9eba1, 15)
    }
    A = (A + a) | 0
    B = (B + b) | 0
    C = (C + c) | 0
    D = (D + d) | 0
  }
  return Buffer.concat([u32(A), u32(B), u32(C), u32(D)])
}
