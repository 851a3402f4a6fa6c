/** Self-signed certificates for loopback, made without any tool: only what TLS clients look at. */
import { generateKeyPairSync, randomBytes, sign } from 'node:crypto'

export interface Certificate {
  /** PEM; it is its own CA. */
  cert: string
  key: string
  der: Buffer
  /** Hash of its signature, for the channel binding. */
  hash: string
}

const SIGNATURES: Record<string, string> = {
  sha256: '06082a8648ce3d040302',
  sha384: '06082a8648ce3d040303',
  sha512: '06082a8648ce3d040304',
}

/** A certificate for localhost, 127.0.0.1, ::1 and further names, valid for ten years. */
export function makeCertificate(options: { names?: string[]; hash?: 'sha256' | 'sha384' | 'sha512' } = {}): Certificate {
  const { names = [], hash = 'sha256' } = options
  const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const algorithm = seq(Buffer.from(SIGNATURES[hash] ?? '', 'hex'))
  const issuer = seq(tlv(0x31, seq(oid('550403'), tlv(0x0c, Buffer.from(`simulated Exchange ${randomBytes(4).toString('hex')}`)))))
  const from = new Date(Date.now() - 86_400_000)
  const until = new Date(Date.now() + 10 * 365 * 86_400_000)
  const body = seq(
    tlv(0xa0, tlv(2, Buffer.from([2]))),
    tlv(2, Buffer.concat([Buffer.from([1]), randomBytes(15)])),
    algorithm,
    issuer,
    seq(time(from), time(until)),
    issuer,
    pair.publicKey.export({ type: 'spki', format: 'der' }),
    tlv(0xa3, seq(basicConstraints(), alternativeNames(['localhost', ...names]))),
  )
  const signature = sign(hash, body, pair.privateKey)
  const der = seq(body, algorithm, tlv(3, Buffer.concat([Buffer.from([0]), signature])))
  return { der, hash, cert: pem('CERTIFICATE', der), key: pair.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string }
}

function basicConstraints(): Buffer {
  return seq(oid('551d13'), tlv(1, Buffer.from([0xff])), tlv(4, seq(tlv(1, Buffer.from([0xff])))))
}

function alternativeNames(names: string[]): Buffer {
  const hosts = names.map((name) => tlv(0x82, Buffer.from(name)))
  const addresses = [Buffer.from([127, 0, 0, 1]), Buffer.concat([Buffer.alloc(15), Buffer.from([1])])]
  return seq(oid('551d11'), tlv(4, seq(...hosts, ...addresses.map((address) => tlv(0x87, address)))))
}

function oid(hex: string): Buffer {
  return tlv(6, Buffer.from(hex, 'hex'))
}

function seq(...parts: Buffer[]): Buffer {
  return tlv(0x30, Buffer.concat(parts))
}

function time(at: Date): Buffer {
  return tlv(0x18, Buffer.from(`${at.toISOString().replace(/[-:T]/g, '').slice(0, 14)}Z`))
}

function tlv(tag: number, content: Buffer): Buffer {
  const { length } = content
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255]
  return Buffer.concat([Buffer.from([tag, ...size]), content])
}

function pem(label: string, der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? []
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`
}
