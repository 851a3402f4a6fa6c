/**
 * MD4 (RFC 1320). NTLM hashes passwords with it, and OpenSSL 3 no longer offers it by default. For nothing else: it is
 * broken as a hash.
 * @returns 16 bytes
 */
export function md4(message: Uint8Array): Buffer {
  const words = padded(message)
  let state: State = [0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476]
  for (let at = 0; at < words.length; at += 16) state = block(words.subarray(at, at + 16), state)
  const digest = Buffer.alloc(16)
  state.forEach((word, at) => digest.writeUInt32LE(word >>> 0, at * 4))
  return digest
}

type State = readonly [number, number, number, number]

/** Which word of the block each of the 16 steps of a round takes, how far it rotates, and what it mixes. */
const ROUNDS = [
  { order: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15], turns: [3, 7, 11, 19], add: 0, mix: (x: number, y: number, z: number) => (x & y) | (~x & z) },
  { order: [0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15], turns: [3, 5, 9, 13], add: 0x5a827999, mix: (x: number, y: number, z: number) => (x & y) | (x & z) | (y & z) },
  { order: [0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15], turns: [3, 9, 11, 15], add: 0x6ed9eba1, mix: (x: number, y: number, z: number) => x ^ y ^ z },
] as const

function block(words: Uint32Array, start: State): State {
  let [a, b, c, d] = start
  for (const { order, turns, add, mix } of ROUNDS) {
    order.forEach((word, step) => {
      const sum = (a + mix(b, c, d) + (words[word] ?? 0) + add) | 0
      const turn = turns[step % 4] ?? 0
      const turned = (sum << turn) | (sum >>> (32 - turn))
      ;[a, b, c, d] = [d, turned, b, c]
    })
  }
  return [(a + start[0]) | 0, (b + start[1]) | 0, (c + start[2]) | 0, (d + start[3]) | 0]
}

function padded(message: Uint8Array): Uint32Array {
  const length = Math.ceil((message.length + 9) / 64) * 64
  const bytes = Buffer.alloc(length)
  bytes.set(message)
  bytes[message.length] = 0x80
  bytes.writeBigUInt64LE(BigInt(message.length) * 8n, length - 8)
  return Uint32Array.from({ length: length / 4 }, (_, at) => bytes.readUInt32LE(at * 4))
}
