/** Placeholder shape, grown below. */
export class Subscriptions {
  stop(): void {}
}
