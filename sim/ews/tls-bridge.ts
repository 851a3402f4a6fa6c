/** A load balancer that ends TLS and begins it anew, with a certificate of its own. */
import type { AddressInfo, Socket } from 'node:net'
import { connect, createServer } from 'node:tls'

import { makeCertificate } from './certificate.ts'

export interface TlsBridge {
  /** The address of the server behind it, by way of the bridge. */
  url: string
  /** PEM of its own certificate. */
  ca: string
  /** Cuts every connection that is open now. */
  cut(): void
  stop(): Promise<void>
}

/** @param ca PEM that the server behind is checked against */
export async function startTlsBridge(url: string, ca: string): Promise<TlsBridge> {
  const target = new URL(url)
  const { cert, key } = makeCertificate()
  const sockets = new Set<Socket>()
  const server = createServer({ cert, key }, (client) => {
    const behind = connect({ host: target.hostname, port: Number(target.port), ca })
    for (const [one, other] of [
      [client, behind],
      [behind, client],
    ] as const) {
      sockets.add(one)
      one.on('error', () => other.destroy())
      one.on('close', () => {
        sockets.delete(one)
        other.destroy()
      })
      one.pipe(other)
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const cut = () => {
    for (const socket of sockets) socket.destroy()
  }
  return {
    url: `https://127.0.0.1:${(server.address() as AddressInfo).port}${target.pathname}`,
    ca: cert,
    cut,
    async stop() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      cut()
      await closed
    },
  }
}
