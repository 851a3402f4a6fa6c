/**
 * The three messages of NTLMv2, from the client's side.
 * https://learn.microsoft.com/openspecs/windows_protocols/ms-nlmp/b38c36ed-2804-4868-a9ff-8dd3182128e4
 */
import { createHmac, randomBytes } from 'node:crypto'
import { md4 } from './md4.ts'

/** What a person types: `DOMAIN\user`, `user@domain` (UPN), or `user` alone. */
export interface NtlmUser {
  readonly username: string
  readonly password: string
}

export interface Challenge {
  readonly flags: number
  /** 8 bytes. */
  readonly nonce: Buffer
  /** MsvAv pairs by id. */
  readonly target: ReadonlyMap<number, Buffer>
  /** The message as it came: the MIC covers it. */
  readonly message: Buffer
}

export interface AuthenticateOptions {
  readonly user: NtlmUser
  readonly challenge: Challenge
  /** The first message as it was sent: the MIC covers it. */
  readonly negotiate: Buffer
  /** Channel binding and service name (`HTTP/mail.example.test`); null says nothing about either. */
  readonly binding: { readonly hash: Buffer; readonly service: string } | null
  /** 8 bytes; random unless a test needs to repeat itself. */
  readonly nonce?: Buffer
  /** Milliseconds since 1970, used where the server tells no time. */
  readonly nowMs: number
}

/** The server's third message refers to none of ours; it is no challenge at all. */
export class NoChallenge extends Error {}

const SIGNATURE = Buffer.from('NTLMSSP\0', 'latin1')
const VERSION = Buffer.from('0a00000000000f', 'hex')
const UNICODE = 0x1
/** 56 and 128 bit, version, extended session security, always sign, NTLM, target, Unicode: what Windows sends over HTTP. */
const FLAGS = 0xa2088205
const AV_END = 0
const AV_FLAGS = 6
const AV_TIMESTAMP = 7
const AV_TARGET_NAME = 9
const AV_CHANNEL_BINDINGS = 10
const HAS_MIC = 2
const HEADER = 88
const MIC_AT = 72

/** NEGOTIATE_MESSAGE, without domain and workstation. */
export function negotiate(): Buffer {
  const message = Buffer.alloc(40)
  SIGNATURE.copy(message)
  message.writeUInt32LE(1, 8)
  message.writeUInt32LE(FLAGS, 12)
  message.writeUInt32LE(40, 20)
  message.writeUInt32LE(40, 28)
  VERSION.copy(message, 32)
  return message
}

/** @throws NoChallenge */
export function readChallenge(message: Buffer): Challenge {
  if (message.length < 48 || !message.subarray(0, 8).equals(SIGNATURE) || message.readUInt32LE(8) !== 2) {
    throw new NoChallenge('It is no NTLM challenge.')
  }
  const length = message.readUInt16LE(40)
  const start = message.readUInt32LE(44)
  if (start + length > message.length) throw new NoChallenge('It is cut off.')
  return { flags: message.readUInt32LE(20), nonce: message.subarray(24, 32), target: readPairs(message.subarray(start, start + length)), message }
}

/** AUTHENTICATE_MESSAGE. */
export function authenticate(options: AuthenticateOptions): Buffer {
  const { challenge } = options
  const nonce = options.nonce ?? randomBytes(8)
  const { domain, user } = split(options.user.username)
  const key = responseKey(domain, user, options.user.password)
  const timestamp = challenge.target.get(AV_TIMESTAMP)
  const target = writePairs(ownPairs(challenge.target, options.binding))
  const { response, sessionKey } = ntlmV2(key, challenge.nonce, nonce, timestamp ?? fileTime(options.nowMs), target)
  const message = layOut(challenge.flags, [
    // A server that tells the time wants no LMv2 response (MS-NLMP 3.1.5.1.2).
    timestamp === undefined ? lmV2(key, challenge.nonce, nonce) : Buffer.alloc(24),
    response, encode(domain), encode(user), Buffer.alloc(0), Buffer.alloc(0),
  ])
  if (timestamp !== undefined) {
    createHmac('md5', sessionKey).update(options.negotiate).update(challenge.message).update(message).digest().copy(message, MIC_AT)
  }
  return message
}

/** NTOWFv2: the key both responses are made with. The user's name counts in capitals, the domain as it is. */
export function responseKey(domain: string, user: string, password: string): Buffer {
  return hmac(md4(encode(password)), encode(`${capitals(user)}${domain}`))
}

/** The NTLMv2 response and the session base key. @param timestamp 8 bytes @param target AV pairs as sent */
export function ntlmV2(key: Buffer, serverNonce: Buffer, nonce: Buffer, timestamp: Buffer, target: Buffer) {
  const temp = Buffer.concat([Buffer.from([1, 1, 0, 0, 0, 0, 0, 0]), timestamp, nonce, Buffer.alloc(4), target, Buffer.alloc(4)])
  const proof = hmac(key, Buffer.concat([serverNonce, temp]))
  return { response: Buffer.concat([proof, temp]), sessionKey: hmac(key, proof) }
}

export function lmV2(key: Buffer, serverNonce: Buffer, nonce: Buffer): Buffer {
  return Buffer.concat([hmac(key, Buffer.concat([serverNonce, nonce])), nonce])
}

function ownPairs(theirs: ReadonlyMap<number, Buffer>, binding: AuthenticateOptions['binding']): Map<number, Buffer> {
  const pairs = new Map(theirs)
  if (theirs.has(AV_TIMESTAMP)) {
    const flags = Buffer.alloc(4)
    flags.writeUInt32LE(((theirs.get(AV_FLAGS)?.readUInt32LE() ?? 0) | HAS_MIC) >>> 0)
    pairs.set(AV_FLAGS, flags)
  }
  if (binding !== null) {
    pairs.set(AV_TARGET_NAME, encode(binding.service))
    pairs.set(AV_CHANNEL_BINDINGS, binding.hash)
  }
  return pairs
}

function layOut(flags: number, fields: readonly Buffer[]): Buffer {
  const message = Buffer.alloc(HEADER + fields.reduce((sum, field) => sum + field.length, 0))
  SIGNATURE.copy(message)
  message.writeUInt32LE(3, 8)
  let at = HEADER
  fields.forEach((field, index) => {
    message.writeUInt16LE(field.length, 12 + index * 8)
    message.writeUInt16LE(field.length, 14 + index * 8)
    message.writeUInt32LE(at, 16 + index * 8)
    field.copy(message, at)
    at += field.length
  })
  message.writeUInt32LE((FLAGS & (flags | UNICODE)) >>> 0, 60)
  VERSION.copy(message, 64)
  return message
}

function readPairs(bytes: Buffer): Map<number, Buffer> {
  const pairs = new Map<number, Buffer>()
  for (let at = 0; at + 4 <= bytes.length;) {
    const id = bytes.readUInt16LE(at)
    const end = at + 4 + bytes.readUInt16LE(at + 2)
    if (id === AV_END) break
    if (end > bytes.length) throw new NoChallenge('Its target information is cut off.')
    pairs.set(id, bytes.subarray(at + 4, end))
    at = end
  }
  return pairs
}

function writePairs(pairs: ReadonlyMap<number, Buffer>): Buffer {
  const parts = [...pairs, [AV_END, Buffer.alloc(0)] as const].flatMap(([id, value]) => {
    const head = Buffer.alloc(4)
    head.writeUInt16LE(id)
    head.writeUInt16LE(value.length, 2)
    return [head, value]
  })
  return Buffer.concat(parts)
}

/** A UPN names its domain itself. */
function split(username: string): { readonly domain: string; readonly user: string } {
  const slash = username.indexOf('\\')
  return slash < 0 ? { domain: '', user: username } : { domain: username.slice(0, slash), user: username.slice(slash + 1) }
}

/** As Windows does it, letter by letter: ß stays ß. */
const capitals = (text: string) => [...text].map((letter) => (letter.toUpperCase().length === letter.length ? letter.toUpperCase() : letter)).join('')

const encode = (text: string) => Buffer.from(text, 'utf16le')
const hmac = (key: Buffer, bytes: Buffer) => createHmac('md5', key).update(bytes).digest()

/** 100 ns since 1601. */
function fileTime(ms: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64LE((BigInt(Math.trunc(ms)) + 11_644_473_600_000n) * 10_000n)
  return bytes
}
